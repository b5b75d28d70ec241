//! Many workers and a service that fails: nothing is missing, nothing comes twice, and what is not whole is no success.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Options, Server, Synthetic};
use testkit::tool::{Output, Tool};

use super::parallel::case;
use super::parallel_property::by_key;
use super::parallel_views::View;
use super::tool;

const SLOW: Duration = Duration::from_millis(2);

/// All that a retry gets over.
const PASSING: [Fault; 7] = [
    Fault::CutBody,
    Fault::SlowDown,
    Fault::InternalError,
    Fault::ErrorInside200,
    Fault::ResetBefore,
    Fault::ResetAfter,
    Fault::SlowBody(SLOW),
];

pub fn listing(fault: Fault) -> Rule {
    Rule::new(fault).operation("ListObjectVersions")
}

pub fn denied() -> Fault {
    let body = "<Error><Code>AccessDenied</Code><Message>no more</Message></Error>";
    Fault::Answer { status: 403, body: body.into() }
}

/// 300 entries on 30 pages.
pub fn thirty_pages() -> Server {
    let synthetic = Synthetic {
        bucket: "photos".into(),
        keys: 100,
        versions_per_key: 2,
        markers_every: 1,
        ..Synthetic::default()
    };
    Server::start(Options {
        synthetic: Some(synthetic),
        max_page: 10,
        latency: Duration::from_millis(1),
        ..Options::default()
    })
}

fn run(proxy: &Proxy, args: &[&str]) -> Output {
    Tool::new("s3-versions").endpoint(proxy.url()).arg("s3://photos").args(args).run()
}

fn sorted(output: &Output) -> Vec<&str> {
    let mut lines: Vec<_> = output.text().lines().collect();
    lines.sort_unstable();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn faults_change_nothing_of_what_is_written(
        case in case(), view in prop::sample::select(&View::ALL[..]), seed: u64
    ) {
        // Each fault costs a wait: a few pages have enough of them.
        let case = case.with_pages_from(6);
        let server = case.server();
        let place = || tool(&server).args(case.place()).args(view.flags(&case.at));
        let sequential = place().arg("--concurrency=1").run();
        sequential.assert_code(0);
        for more in [&[][..], &["--ordered"]] {
            let rules = PASSING.into_iter().map(|fault| listing(fault).chance(0.05));
            let proxy = Proxy::start(server.url(), rules.fold(Plan::new(seed), Plan::rule));
            let output = place().endpoint(proxy.url()).args(case.workers()).args(more).run();
            output.assert_code(0);
            if more.is_empty() {
                prop_assert_eq!(by_key(output.text())?, by_key(sequential.text())?, "{:?}", proxy.met());
            } else {
                prop_assert_eq!(output.text(), sequential.text(), "{:?}", proxy.met());
            }
        }
    }
}

#[test]
fn every_fault_that_passes_is_got_over_by_many_workers() {
    let server = thirty_pages();
    let whole = tool(&server).args(["s3://photos", "--concurrency", "1"]).run();
    for fault in PASSING {
        let name = fault.name();
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(listing(fault).every(4)));
        let output = run(&proxy, &["--concurrency", "8"]);
        output.assert_code(0);
        assert_eq!(sorted(&output), sorted(&whole), "{name}");
        assert!(proxy.count(name) >= 5, "{name} was met {} times", proxy.count(name));
    }
}

#[test]
fn a_refusal_of_any_request_is_no_success_and_what_was_written_is_true() {
    let server = thirty_pages();
    for order in [&[][..], &["--ordered"], &["--concurrency", "1"]] {
        let whole = tool(&server).arg("s3://photos").args(order).run();
        whole.assert_code(0);
        let truth: BTreeSet<_> = whole.text().lines().collect();
        assert_eq!(truth.len(), 300);
        for nth in [1, 2, 3, 5, 8, 13, 21, 30] {
            let proxy = Proxy::start(server.url(), Plan::new(1).rule(listing(denied()).nth(nth)));
            let output = run(&proxy, order);
            output.assert_code(1);
            assert_eq!(output.stderr.matches("error:").count(), 1, "{}", output.stderr);
            assert!(output.stderr.contains("AccessDenied: no more"), "{}", output.stderr);
            let written = sorted(&output);
            assert!(written.iter().all(|line| truth.contains(line)), "{order:?} {nth}");
            assert!(written.windows(2).all(|pair| pair[0] != pair[1]), "{order:?} {nth}");
            if !order.is_empty() {
                assert!(whole.text().starts_with(output.text()), "{order:?} {nth}");
            }
        }
    }
}

#[test]
fn a_page_that_never_makes_sense_ends_the_run_of_many_workers() {
    let server = thirty_pages();
    let login = Fault::Answer { status: 200, body: "<html>login</html>".into() };
    let counted = std::sync::atomic::AtomicUsize::new(0);
    let later = move |_: &_| counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 12;
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(listing(login).matching(later)));
    let output = run(&proxy, &[]);
    output.assert_code(1);
    assert!(output.stderr.contains("unreadable answer"), "{}", output.stderr);
    assert!(output.records().len() < 300);
}
