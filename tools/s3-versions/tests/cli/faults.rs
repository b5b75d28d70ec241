//! A service that fails in every way that it can.

use std::time::Duration;

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Options, Server, Synthetic};
use testkit::tool::Tool;

const ENTRIES: usize = 6_000;

fn server() -> Server {
    let synthetic = Synthetic {
        bucket: "photos".into(),
        keys: ENTRIES as u64 / 3,
        versions_per_key: 3,
        markers_every: 0,
        ..Synthetic::default()
    };
    Server::start(Options { synthetic: Some(synthetic), ..Options::default() })
}

/// Lists through a proxy with this plan: every entry must be there once.
fn survives(plan: Plan, faults: &[&str]) {
    let server = server();
    let proxy = Proxy::start(server.url(), plan);
    let output = Tool::new("s3-versions").endpoint(proxy.url()).arg("s3://photos").run();
    output.assert_code(0);
    let mut ids: Vec<_> = output.text().lines().collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((output.records().len(), ids.len()), (ENTRIES, ENTRIES));
    for fault in faults {
        assert!(proxy.count(fault) > 0, "{fault} was not met");
    }
}

fn listing(fault: Fault) -> Rule {
    Rule::new(fault).operation("ListObjectVersions")
}

#[test]
fn bodies_that_break_off_are_asked_for_again() {
    survives(Plan::new(1).rule(listing(Fault::CutBody).every(3)), &["CutBody"]);
}

#[test]
fn an_error_inside_a_success_is_asked_for_again() {
    survives(Plan::new(2).rule(listing(Fault::ErrorInside200).every(3)), &["ErrorInside200"]);
}

#[test]
fn refusals_and_resets_are_retried() {
    let plan = Plan::new(3)
        .rule(listing(Fault::SlowDown).nth(2))
        .rule(listing(Fault::InternalError).nth(2))
        .rule(listing(Fault::ResetBefore).nth(2))
        .rule(listing(Fault::ResetAfter).nth(2));
    survives(plan, &["SlowDown", "InternalError", "ResetBefore", "ResetAfter"]);
}

#[test]
fn slow_bodies_are_waited_for() {
    survives(Plan::new(4).rule(listing(Fault::SlowBody(Duration::from_millis(20))).first(2)), &["SlowBody"]);
}

#[test]
fn a_listing_that_cannot_be_finished_is_no_success() {
    let server = server();
    let denied = "<Error><Code>AccessDenied</Code><Message>no more</Message></Error>";
    let fault = Fault::Answer { status: 403, body: denied.into() };
    let proxy = Proxy::start(server.url(), Plan::new(5).rule(listing(fault).nth(3)));
    let output = Tool::new("s3-versions").endpoint(proxy.url()).arg("s3://photos").run();
    output.assert_code(1);
    assert!(
        output.stderr.contains("ListObjectVersions s3://photos/: AccessDenied: no more"),
        "{}",
        output.stderr
    );
    assert!(output.records().len() < ENTRIES);
}

#[test]
fn a_page_that_never_makes_sense_ends_the_run() {
    let server = server();
    let fault = Fault::Answer { status: 200, body: "<html>login</html>".into() };
    let proxy = Proxy::start(server.url(), Plan::new(6).rule(listing(fault)));
    let output = Tool::new("s3-versions").endpoint(proxy.url()).arg("s3://photos").run();
    output.assert_code(1);
    assert!(output.stderr.contains("unreadable answer"), "{}", output.stderr);
}
