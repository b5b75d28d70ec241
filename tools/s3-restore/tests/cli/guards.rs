//! No lost update, and no data version destroyed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Options, Put, Server};

use crate::bench::{
    BUCKET, Eyes, deleted, lines, overwritten, planned, rejected, restored, run, server, server_with, tool,
    wanted,
};

/// A proxy that lets somebody write at the moment an operation arrives for the n-th time, before it is carried out.
fn race(
    server: &Arc<Server>,
    operation: &'static str,
    n: u32,
    write: impl Fn(&Server) + Send + Sync + 'static,
) -> Proxy {
    let writer = Arc::clone(server);
    let seen = AtomicU32::new(0);
    let rule = Rule::new(Fault::Hang).matching(move |request| {
        if request.operation == operation && seen.fetch_add(1, Ordering::Relaxed) + 1 == n {
            write(&writer);
        }
        false
    });
    Proxy::start(server.url(), Plan::new(1).rule(rule))
}

#[test]
fn a_key_written_to_after_its_plan_is_left_alone() {
    let server = server();
    let (copied, stale) = overwritten(&server, "copied");
    let theirs = server.put(BUCKET, "copied", Put::bytes("theirs"));
    let (undeleted, marker) = deleted(&server, "undeleted");
    server.put(BUCKET, "undeleted", Put::bytes("theirs"));
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    server.put(BUCKET, "born", Put::bytes("theirs"));
    for record in [
        planned("copied", &copied, "copy", &stale),
        planned("undeleted", &undeleted, "undelete", &marker),
        planned("born", &born, "mark-deleted", &born),
    ] {
        let output = run(server.url(), &["--delete-newer"], &[record]);
        assert_eq!(rejected(&output), "changed-since");
    }
    let eyes = Eyes::on(&server);
    for key in ["copied", "undeleted", "born"] {
        assert_eq!(eyes.body(key).as_deref(), Some("theirs"), "{key}");
    }
    let output = run(server.url(), &["--force"], &[planned("copied", &copied, "copy", &stale)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["previous_version_id"], theirs);
}

#[test]
fn the_same_content_written_again_is_a_change_too() {
    let server = server();
    let (old, bad) = overwritten(&server, "a.jpg");
    server.put(BUCKET, "a.jpg", Put::bytes("bad!!").header("x-amz-meta-a", "theirs"));
    let output = run(server.url(), &[], &[planned("a.jpg", &old, "copy", &bad)]);
    assert_eq!(rejected(&output), "changed-since");
}

#[test]
fn a_key_that_is_gone_altogether_has_changed() {
    let server = server();
    let old = server.put(BUCKET, "a.jpg", Put::bytes("good"));
    let output = run(server.url(), &[], &[planned("b.jpg", &old, "undelete", "marker")]);
    assert_eq!(rejected(&output), "changed-since");
}

#[test]
fn a_write_between_look_and_copy_is_not_overwritten() {
    let server = Arc::new(server());
    let (old, bad) = overwritten(&server, "a.jpg");
    let (over_marker, marker) = deleted(&server, "b.jpg");
    for (record, key, theirs) in [
        (planned("a.jpg", &old, "copy", &bad), "a.jpg", "theirs"),
        (wanted("a.jpg", &old), "a.jpg", "theirs, too"),
        (planned("b.jpg", &over_marker, "copy", &marker), "b.jpg", "theirs"),
    ] {
        let proxy = race(&server, "CopyObject", 1, move |server| {
            server.put(BUCKET, key, Put::bytes(theirs));
        });
        let output = tool(proxy.url()).stdin(lines(std::slice::from_ref(&record))).run();
        assert_eq!(rejected(&output), "changed-since", "{record}");
        assert_eq!(Eyes::on(&server).body(key).as_deref(), Some(theirs));
    }
    // With --force the copy goes over the newer write, and the record names that one as the previous.
    let proxy = race(&server, "CopyObject", 1, |server| {
        server.put(BUCKET, "a.jpg", Put::bytes("theirs again").version_id("theirs-again"));
    });
    let output = tool(proxy.url()).arg("--force").stdin(lines(&[planned("a.jpg", &old, "copy", &bad)])).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["previous_version_id"], "theirs-again");
    assert_eq!(Eyes::on(&server).body("a.jpg").as_deref(), Some("good"));
}

#[test]
fn a_write_between_look_and_deletion_is_not_hidden() {
    let server = Arc::new(server());
    let born = server.put(BUCKET, "a.jpg", Put::bytes("new"));
    let proxy = race(&server, "DeleteObject", 1, |server| {
        server.put(BUCKET, "a.jpg", Put::bytes("theirs"));
    });
    let record = lines(&[planned("a.jpg", &born, "mark-deleted", &born)]);
    let output = tool(proxy.url()).arg("--delete-newer").stdin(record).run();
    assert_eq!(rejected(&output), "changed-since");
    assert_eq!(Eyes::on(&server).body("a.jpg").as_deref(), Some("theirs"));
}

#[test]
fn another_write_of_exactly_the_wanted_is_the_restore() {
    let server = Arc::new(server());
    let (old, bad) = overwritten(&server, "a.jpg");
    let proxy = race(&server, "CopyObject", 1, |server| {
        server.put(BUCKET, "a.jpg", Put::bytes("good"));
    });
    let output = tool(proxy.url()).stdin(lines(&[planned("a.jpg", &old, "copy", &bad)])).run();
    output.assert_code(0);
    assert_eq!(Eyes::on(&server).versions("a.jpg").len(), 3);
    assert_eq!(restored(&output)["previous_version_id"], bad);
}

#[test]
fn a_conflict_of_two_writes_is_tried_again() {
    let server = server();
    let (old, bad) = overwritten(&server, "a.jpg");
    let conflict =
        "<Error><Code>ConditionalRequestConflict</Code><Message>again</Message></Error>".to_owned();
    let fault = Fault::Answer { status: 409, body: conflict };
    let proxy =
        Proxy::start(server.url(), Plan::new(1).rule(Rule::new(fault).operation("CopyObject").first(2)));
    let output = tool(proxy.url()).stdin(lines(&[planned("a.jpg", &old, "copy", &bad)])).run();
    output.assert_code(0);
    assert_eq!(proxy.count("Answer"), 2);
    assert_eq!(restored(&output)["action"], "copy");
}

#[test]
fn a_plan_with_a_data_version_among_its_markers_destroys_nothing() {
    let server = server();
    let (old, current) = overwritten(&server, "a.jpg");
    let mut record = planned("a.jpg", &old, "undelete", &current);
    record["plan"]["markers"] = serde_json::json!([current]);
    let output = run(server.url(), &[], &[record]);
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");
    let marker = server.put(BUCKET, "a.jpg", Put::marker());
    let mut record = planned("a.jpg", &old, "undelete", &marker);
    record["plan"]["markers"] = serde_json::json!([marker, current]);
    let output = run(server.url(), &[], &[record]);
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");
    let versions = Eyes::on(&server).versions("a.jpg");
    assert!(versions.contains(&old) && versions.contains(&current));
    assert_eq!(server.count("DeleteObject"), 0);
}

#[test]
fn a_plan_that_lies_about_what_is_beneath_is_found_out() {
    let server = server();
    let (old, beneath) = overwritten(&server, "a.jpg");
    let marker = server.put(BUCKET, "a.jpg", Put::marker());
    let mut record = planned("a.jpg", &old, "undelete", &marker);
    record["plan"]["markers"] = serde_json::json!([marker]);
    let output = run(server.url(), &[], &[record]);
    assert_eq!(rejected(&output), "changed-since");
    let versions = Eyes::on(&server).versions("a.jpg");
    assert!(versions.contains(&old) && versions.contains(&beneath));
}

fn versioning(server: &Server, bucket: &str, status: Option<BucketVersioningStatus>) {
    let eyes = Eyes::on(server);
    eyes.with(async |s3| match status {
        None => {
            s3.create_bucket().bucket(bucket).send().await.unwrap();
        }
        Some(status) => {
            let configuration = VersioningConfiguration::builder().status(status).build();
            s3.put_bucket_versioning()
                .bucket(bucket)
                .versioning_configuration(configuration)
                .send()
                .await
                .unwrap();
        }
    });
}

#[test]
fn where_versioning_is_suspended_no_null_version_is_destroyed() {
    let server = server();
    let safe = overwritten(&server, "safe");
    let null_current = (server.put(BUCKET, "a.jpg", Put::bytes("good")), "null".to_owned());
    server.put(BUCKET, "a.jpg", Put::bytes("null").version_id("null"));
    let null_beneath = server.put(BUCKET, "b.jpg", Put::bytes("null").version_id("null"));
    let top = server.put(BUCKET, "b.jpg", Put::bytes("top"));
    versioning(&server, BUCKET, Some(BucketVersioningStatus::Suspended));
    for record in [
        planned("a.jpg", &null_current.0, "copy", &null_current.1),
        planned("b.jpg", &null_beneath, "copy", &top),
        planned("b.jpg", &top, "mark-deleted", &top),
    ] {
        for force in [&["--delete-newer"][..], &["--delete-newer", "--force"]] {
            let output = run(server.url(), force, std::slice::from_ref(&record));
            assert_eq!(rejected(&output), "not-versioned", "{record}");
            assert!(output.stderr.contains("versioning of s3://photos is not enabled"), "{}", output.stderr);
        }
    }
    let eyes = Eyes::on(&server);
    assert_eq!((eyes.versions("a.jpg").len(), eyes.versions("b.jpg").len()), (2, 2));

    let output = run(server.url(), &[], &[planned("safe", &safe.0, "copy", &safe.1)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["version_id"], "null");
    assert_eq!(eyes.versions("safe").len(), 3);
}

#[test]
fn a_null_marker_where_versioning_is_suspended_is_not_trusted() {
    let server = server();
    let old = server.put(BUCKET, "a.jpg", Put::bytes("good"));
    server.put(BUCKET, "a.jpg", Put::marker().version_id("null"));
    versioning(&server, BUCKET, Some(BucketVersioningStatus::Suspended));
    let output = run(server.url(), &["--force"], &[wanted("a.jpg", &old)]);
    assert_eq!(rejected(&output), "not-versioned");
    let output = run(server.url(), &["--method", "copy"], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    assert_eq!(Eyes::on(&server).body("a.jpg").as_deref(), Some("good"));
}

#[test]
fn aside_in_a_bucket_without_versions_only_what_is_not_there() {
    let server = server();
    versioning(&server, "plain", None);
    let (old, _) = overwritten(&server, "a.jpg");
    let output = run(server.url(), &["--to", "s3://plain/"], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body_in("plain", "a.jpg").as_deref(), Some("good"));
    let other = server.put(BUCKET, "a.jpg", Put::bytes("other"));
    let output = run(server.url(), &["--to", "s3://plain/"], &[wanted("a.jpg", &other)]);
    assert_eq!(rejected(&output), "not-versioned");
    assert_eq!(eyes.body_in("plain", "a.jpg").as_deref(), Some("good"));
}

#[test]
fn without_conditional_writes_nothing_unversioned_is_written() {
    let server = server_with(Options { no_conditional_writes: true, ..Options::default() });
    versioning(&server, "plain", None);
    let (old, _) = overwritten(&server, "a.jpg");
    let output = run(server.url(), &["--to", "s3://plain/"], &[wanted("a.jpg", &old)]);
    assert_eq!(rejected(&output), "not-versioned");
}

#[test]
fn a_store_that_takes_a_true_condition_for_untrue_has_no_guard() {
    let server = server();
    let (old, marker) = deleted(&server, "a.jpg");
    let (second, top) = deleted(&server, "b.jpg");
    let untrue = "<Error><Code>PreconditionFailed</Code><Message>no</Message></Error>".to_owned();
    let fault = Rule::new(Fault::Answer { status: 412, body: untrue }).operation("CopyObject").nth(1);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(fault));
    let records = [planned("a.jpg", &old, "copy", &marker), planned("b.jpg", &second, "copy", &top)];
    let output = tool(proxy.url()).args(["--concurrency", "1"]).stdin(lines(&records)).run();
    output.assert_code(0);
    assert_eq!(output.stderr.matches("no conditional writes").count(), 1, "{}", output.stderr);
    let guarded = server.requests().into_iter().filter(|request| request.header("if-none-match").is_some());
    assert_eq!(guarded.count(), 0);
    let eyes = Eyes::on(&server);
    assert_eq!((eyes.versions("a.jpg").len(), eyes.versions("b.jpg").len()), (2, 2));
}

#[test]
fn a_delete_marker_that_the_store_does_not_name_is_found_by_listing() {
    let server = server();
    let (old, marker) = deleted(&server, "a.jpg");
    let bare = Fault::Answer { status: 404, body: String::new() };
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(Rule::new(bare).operation("HeadObject").nth(1)));
    let mut record = planned("a.jpg", &old, "undelete", &marker);
    record["plan"]["markers"] = serde_json::json!([marker]);
    let output = tool(proxy.url()).stdin(lines(&[record])).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["removed_markers"], serde_json::json!([marker]));
    assert_eq!(server.count("ListObjectVersions"), 1);
}

#[test]
fn a_planned_undelete_lists_nothing() {
    let server = server();
    let (old, below) = deleted(&server, "a.jpg");
    let top = server.put(BUCKET, "a.jpg", Put::marker());
    let mut record = planned("a.jpg", &old, "undelete", &top);
    record["plan"]["markers"] = serde_json::json!([top, below]);
    let output = run(server.url(), &[], &[record]);
    output.assert_code(0);
    assert_eq!(restored(&output)["bytes"], 4);
    assert_eq!(server.count("ListObjectVersions"), 0);
    assert_eq!(Eyes::on(&server).entries("a.jpg").len(), 1);
}
