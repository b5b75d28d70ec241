//! Faults between the tool and the store: nothing is lost, nothing is done twice.

use serde_json::Value;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Options, Put, Server};

use crate::bench::{
    BUCKET, Eyes, copies, deleted, keys, lines, message, overwritten, planned, rejected, restored, server,
    server_with, tool, wanted,
};

/// Every key has its good content back, by exactly one new version.
fn assert_each_once(server: &Server, records: &[Value]) {
    let eyes = Eyes::on(server);
    for record in records {
        let key = record["key"].as_str().unwrap();
        assert_eq!(eyes.body(key).as_deref(), Some("good"), "{key}");
        assert_eq!(eyes.versions(key).len(), 3, "{key}");
    }
}

#[test]
fn a_storm_of_slow_down_loses_nothing() {
    let server = server();
    let records = copies(&server, 10);
    let plan = Plan::new(7).rule(Rule::new(Fault::SlowDown).chance(0.3));
    let proxy = Proxy::start(server.url(), plan);
    let output = tool(proxy.url()).arg("-v").stdin(lines(&records)).run();
    output.assert_code(0);
    assert!(proxy.count("SlowDown") > 3);
    assert!(output.stderr.contains("asked to slow down"), "{}", output.stderr);
    assert_eq!(keys(&output.records()), keys(&records));
    assert_each_once(&server, &records);
}

#[test]
fn a_service_that_takes_few_requests_a_second_rejects_no_record() {
    let server = server_with(Options { requests_per_second: Some(50), ..Options::default() });
    let records = copies(&server, 20);
    let output = tool(server.url()).stdin(lines(&records)).run();
    output.assert_code(0);
    assert_eq!(keys(&output.records()), keys(&records));
    let counts = server.take_counts();
    assert!(counts.contains_key("SlowDown"), "{counts:?}");
    assert_eq!(counts["CopyObject"], 20);
}

#[test]
fn an_error_inside_a_200_is_no_success() {
    let server = server();
    let records = copies(&server, 8);
    let plan = Plan::new(7).rule(Rule::new(Fault::ErrorInside200).operation("CopyObject").first(4));
    let proxy = Proxy::start(server.url(), plan);
    let output = tool(proxy.url()).stdin(lines(&records)).run();
    output.assert_code(0);
    assert_eq!(proxy.count("ErrorInside200"), 4);
    assert_each_once(&server, &records);
}

#[test]
fn a_copy_whose_answer_was_lost_is_not_made_twice() {
    for fault in [Fault::ResetAfter, Fault::CutBody] {
        let name = fault.name();
        let server = server();
        let records = copies(&server, 8);
        let proxy =
            Proxy::start(server.url(), Plan::new(7).rule(Rule::new(fault).operation("CopyObject").first(4)));
        let output = tool(proxy.url()).stdin(lines(&records)).run();
        output.assert_code(0);
        assert_eq!(proxy.count(name), 4);
        assert_each_once(&server, &records);
        for record in output.records() {
            assert_eq!(record["restore"]["action"], "copy", "{name}");
            assert_eq!(record["restore"]["previous_version_id"], record["plan"]["current_version_id"]);
            assert_eq!(record["restore"]["verified"], "checksum");
        }
    }
}

#[test]
fn nor_is_it_where_the_store_has_no_conditional_writes() {
    for fault in [Fault::ResetAfter, Fault::CutBody, Fault::InternalError, Fault::ResetBefore] {
        let name = fault.name();
        let server = server_with(Options { no_conditional_writes: true, ..Options::default() });
        let records = copies(&server, 3);
        let born = server.put(BUCKET, "born", Put::bytes("new"));
        // The first CopyObject of all finds out that the store has no conditional writes.
        let plan = Plan::new(7)
            .rule(Rule::new(fault.clone()).operation("CopyObject").nth(5))
            .rule(Rule::new(fault).operation("DeleteObject").nth(1));
        let proxy = Proxy::start(server.url(), plan);
        let mut input = records.clone();
        input.push(planned("born", &born, "mark-deleted", &born));
        let output =
            tool(proxy.url()).args(["--delete-newer", "--concurrency", "1"]).stdin(lines(&input)).run();
        output.assert_code(0);
        assert!(proxy.count(name) > 0, "{name}");
        assert_each_once(&server, &records);
        assert_eq!(Eyes::on(&server).entries("born").len(), 2, "{name}");
    }
}

#[test]
fn a_deletion_whose_answer_was_lost_adds_one_marker() {
    let server = server();
    let born = server.put(BUCKET, "a.jpg", Put::bytes("new"));
    let proxy = Proxy::start(
        server.url(),
        Plan::new(7).rule(Rule::new(Fault::ResetAfter).operation("DeleteObject").nth(1)),
    );
    let record = lines(&[planned("a.jpg", &born, "mark-deleted", &born)]);
    let output = tool(proxy.url()).arg("--delete-newer").stdin(record).run();
    output.assert_code(0);
    let entries = Eyes::on(&server).entries("a.jpg");
    assert_eq!(entries.len(), 2);
    assert_eq!(restored(&output)["action"], "mark-deleted");
    assert_eq!(restored(&output)["version_id"], entries[0].version_id);
}

#[test]
fn a_removal_whose_answer_was_lost_is_done_once() {
    let server = server();
    let (old, below) = deleted(&server, "a.jpg");
    let top = server.put(BUCKET, "a.jpg", Put::marker());
    let proxy = Proxy::start(
        server.url(),
        Plan::new(7).rule(Rule::new(Fault::ResetAfter).operation("DeleteObject").first(2)),
    );
    let mut record = planned("a.jpg", &old, "undelete", &top);
    record["plan"]["markers"] = serde_json::json!([top, below]);
    let output = tool(proxy.url()).stdin(lines(&[record])).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "undelete");
    let entries = Eyes::on(&server).entries("a.jpg");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].version_id, old);
}

#[test]
fn markers_half_removed_are_removed_to_the_end_by_the_next_run() {
    let server = server();
    let (old, _) = deleted(&server, "a.jpg");
    server.put(BUCKET, "a.jpg", Put::marker());
    let top = server.put(BUCKET, "a.jpg", Put::marker());
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned();
    let fault = Fault::Answer { status: 403, body: denied };
    let proxy =
        Proxy::start(server.url(), Plan::new(7).rule(Rule::new(fault).operation("DeleteObject").nth(2)));
    let record = [planned("a.jpg", &old, "undelete", &top)];
    let output = tool(proxy.url()).stdin(lines(&record)).run();
    assert_eq!(rejected(&output), "access-denied");
    assert!(message(&output).contains("--method copy"), "{}", message(&output));
    assert_eq!(Eyes::on(&server).entries("a.jpg").len(), 3);
    let output = tool(server.url()).stdin(lines(&record)).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "undelete");
    assert_eq!(Eyes::on(&server).entries("a.jpg").len(), 1);
}

#[test]
fn a_store_that_does_not_say_what_it_removed_is_looked_at_again() {
    let server = server();
    let (old, _) = deleted(&server, "a.jpg");
    let quiet = Fault::Answer { status: 204, body: String::new() };
    let proxy =
        Proxy::start(server.url(), Plan::new(7).rule(Rule::new(quiet).operation("DeleteObject").nth(1)));
    // The proxy carries nothing out, so that the marker is still there.
    let output = tool(proxy.url()).stdin(lines(&[wanted("a.jpg", &old)])).run();
    output.assert_code(3);
    assert_eq!(rejected(&output), "not-a-marker");
}

#[test]
fn a_deletion_that_made_no_marker_is_cried_out() {
    let server = server();
    let born = server.put(BUCKET, "a.jpg", Put::bytes("new"));
    let quiet = Fault::Answer { status: 204, body: String::new() };
    let proxy =
        Proxy::start(server.url(), Plan::new(7).rule(Rule::new(quiet).operation("DeleteObject").nth(1)));
    let record = lines(&[planned("a.jpg", &born, "mark-deleted", &born)]);
    let output = tool(proxy.url()).arg("--delete-newer").stdin(record).run();
    assert_eq!(rejected(&output), "not-a-marker");
}

#[test]
fn a_copy_that_differs_is_cried_out() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let body =
        "<CopyObjectResult><ETag>\"00000000000000000000000000000000\"</ETag></CopyObjectResult>".to_owned();
    let fault = Fault::Answer { status: 200, body };
    let proxy =
        Proxy::start(server.url(), Plan::new(7).rule(Rule::new(fault).operation("CopyObject").nth(1)));
    let output = tool(proxy.url()).stdin(lines(&[planned("a.jpg", &old, "copy", &new)])).run();
    assert_eq!(rejected(&output), "corrupt-copy");
}

#[test]
fn a_copy_of_which_nothing_is_known_is_unverifiable() {
    let server = server_with(Options { no_checksums: true, ..Options::default() });
    let (old, new) = overwritten(&server, "a.jpg");
    let fault = Fault::Answer { status: 200, body: "<CopyObjectResult></CopyObjectResult>".to_owned() };
    let denied = Fault::Answer { status: 403, body: String::new() };
    let plan = Plan::new(7)
        .rule(Rule::new(fault).operation("CopyObject").nth(1))
        .rule(Rule::new(denied).operation("HeadObject").target("versionId=null"));
    let proxy = Proxy::start(server.url(), plan);
    let output = tool(proxy.url()).stdin(lines(&[planned("a.jpg", &old, "copy", &new)])).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["verified"], "unverifiable");
}

#[test]
fn one_object_denied_or_out_of_order_does_not_stop_the_others() {
    let server = server();
    let records = copies(&server, 4);
    for (status, code, kind, retryable) in [
        (403, "AccessDenied", "access-denied", false),
        (400, "InvalidRequest", "refused", false),
        (403, "InvalidObjectState", "archived", false),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        let fault = Fault::Answer { status, body };
        let proxy = Proxy::start(
            server.url(),
            Plan::new(7).rule(Rule::new(fault).operation("CopyObject").target("k002")),
        );
        let output = tool(proxy.url()).arg("-n").stdin(lines(&records)).run();
        output.assert_code(0);
        let output = tool(proxy.url()).stdin(lines(&records)).run();
        output.assert_code(3);
        assert_eq!(output.records().len(), 3);
        let rejects = output.rejects();
        assert_eq!(rejects[0]["error"]["kind"], kind);
        assert_eq!(rejects[0]["error"]["retryable"], retryable);
        assert_eq!(rejects[0]["record"]["key"], "k002");
    }
}

#[test]
fn a_store_that_stays_busy_is_a_reject_to_be_tried_again() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    // Statuses that the SDK does not retry for a minute.
    for (status, kind) in [(507, "unavailable"), (429, "throttled")] {
        let body = "<Error><Code>Busy</Code><Message>no</Message></Error>".to_owned();
        let fault = Rule::new(Fault::Answer { status, body }).operation("CopyObject");
        let proxy = Proxy::start(server.url(), Plan::new(7).rule(fault));
        let output = tool(proxy.url()).stdin(lines(&[planned("a.jpg", &old, "copy", &new)])).run();
        assert_eq!(rejected(&output), kind);
        assert_eq!(output.rejects()[0]["error"]["retryable"], true);
    }
}

#[test]
fn an_acl_that_cannot_be_set_names_the_copy_without_it() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let denied = Fault::Answer { status: 403, body: "<Error><Code>AccessDenied</Code></Error>".to_owned() };
    let proxy = Proxy::start(server.url(), Plan::new(7).rule(Rule::new(denied).operation("PutObjectAcl")));
    let output = tool(proxy.url()).arg("--acl").stdin(lines(&[planned("a.jpg", &old, "copy", &new)])).run();
    assert_eq!(rejected(&output), "acl-not-kept");
    assert!(message(&output).contains(&Eyes::on(&server).entries("a.jpg")[0].version_id));
}

#[test]
fn buckets_without_acls_lose_none() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let body = "<Error><Code>AccessControlListNotSupported</Code></Error>".to_owned();
    let owned = Fault::Answer { status: 400, body };
    let proxy = Proxy::start(server.url(), Plan::new(7).rule(Rule::new(owned).operation("PutObjectAcl")));
    tool(proxy.url()).arg("--acl").stdin(lines(&[planned("a.jpg", &old, "copy", &new)])).run().assert_code(0);
}

#[test]
fn a_copy_whose_answer_was_lost_gets_its_acl_too() {
    let server = server();
    let old = server.put(BUCKET, "a.jpg", Put::bytes("good").header("x-amz-acl", "public-read"));
    let new = server.put(BUCKET, "a.jpg", Put::bytes("bad!!"));
    let plan = Plan::new(7).rule(Rule::new(Fault::ResetAfter).operation("CopyObject").nth(1));
    let proxy = Proxy::start(server.url(), plan);
    let output = tool(proxy.url()).arg("--acl").stdin(lines(&[planned("a.jpg", &old, "copy", &new)])).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["previous_version_id"], new);
    assert_eq!((server.count("PutObjectAcl"), Eyes::on(&server).versions("a.jpg").len()), (1, 3));
}

/// Something was changed, and then a request fails: the reject says what stands and what was there before.
#[test]
fn what_was_changed_before_a_failure_is_named() {
    let denied = |code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        Fault::Answer { status: 403, body }
    };
    // This one ends a run, and a run that ends would say nothing of the record.
    let fatal = || denied("InvalidAccessKeyId");

    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let record = lines(&[planned("a.jpg", &old, "copy", &new)]);
    let proxy = Proxy::start(server.url(), Plan::new(7).rule(Rule::new(fatal()).operation("PutObjectAcl")));
    let output = tool(proxy.url()).arg("--acl").stdin(record).run();
    assert_eq!(rejected(&output), "acl-not-kept");
    let copy = Eyes::on(&server).entries("a.jpg")[0].version_id.clone();
    assert!(message(&output).contains(&copy) && message(&output).contains(&new), "{}", message(&output));

    // The copy is made, and neither its answer nor a look at the key arrives.
    let (old, new) = overwritten(&server, "b.jpg");
    let record = lines(&[planned("b.jpg", &old, "copy", &new)]);
    let plan = Plan::new(7)
        .rule(Rule::new(Fault::ResetAfter).operation("CopyObject").nth(1))
        .rule(Rule::new(fatal()).operation("ListObjectVersions"));
    let proxy = Proxy::start(server.url(), plan);
    let output = tool(proxy.url()).stdin(record).run();
    rejected(&output);
    assert!(
        message(&output).contains("not known") && message(&output).contains(&new),
        "{}",
        message(&output)
    );

    // The first of two delete markers is removed.
    let (old, below) = deleted(&server, "c.jpg");
    server.put(BUCKET, "c.jpg", Put::marker());
    let rule = Rule::new(fatal()).operation("DeleteObject").nth(2);
    let proxy = Proxy::start(server.url(), Plan::new(7).rule(rule));
    let output = tool(proxy.url()).stdin(lines(&[wanted("c.jpg", &old)])).run();
    rejected(&output);
    assert!(message(&output).contains(&format!("removed before it: {below}")), "{}", message(&output));

    // All of a plan's are removed, and what lies beneath cannot be looked at.
    let (old, marker) = deleted(&server, "d.jpg");
    let mut record = planned("d.jpg", &old, "undelete", &marker);
    record["plan"]["markers"] = serde_json::json!([marker]);
    let rule = Rule::new(denied("AccessDenied")).operation("HeadObject").nth(2);
    let proxy = Proxy::start(server.url(), Plan::new(7).rule(rule));
    let output = tool(proxy.url()).stdin(lines(&[record])).run();
    assert_eq!(rejected(&output), "access-denied");
    assert!(message(&output).contains(&format!("removed before it: {marker}")), "{}", message(&output));
}

#[test]
fn a_removal_that_no_try_had_an_answer_to_is_found_done() {
    let server = server();
    let (old, marker) = deleted(&server, "a.jpg");
    // Every try fails, and the first one was carried out.
    let busy = Fault::Answer { status: 507, body: "<Error><Code>Busy</Code></Error>".to_owned() };
    let plan = Plan::new(7)
        .rule(Rule::new(Fault::ResetAfter).operation("DeleteObject").nth(1))
        .rule(Rule::new(busy).operation("DeleteObject"));
    let proxy = Proxy::start(server.url(), plan);
    let output = tool(proxy.url()).stdin(lines(&[wanted("a.jpg", &old)])).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["removed_markers"], serde_json::json!([marker]));
}
