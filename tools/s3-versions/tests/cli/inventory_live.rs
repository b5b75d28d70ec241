//! `--verify-live`: answers of a report, held against the bucket.

use serde_json::{Value, json};
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Put, Server};
use testkit::tool::Output;

use super::inventory_report::{Report, URL};
use super::{clock, delete, list, put, server, tool};

fn bucket() -> Server {
    let server = server();
    for key in ["a", "b", "c", "d", "quiet"] {
        put(&server, key, "good", "10:00:00");
    }
    for key in ["a", "b", "c", "d"] {
        put(&server, key, "bad", "10:00:10");
    }
    server
}

fn publish(server: &Server) {
    Report::csv(&list(server, &["s3://photos"]), 2).publish(server);
}

fn verify(server: &Server, args: &[&str]) -> Output {
    tool(server).args(["--inventory", URL, "--verify-live", "s3://photos"]).args(args).run()
}

fn by_key(mut records: Vec<Value>) -> Vec<Value> {
    records.sort_by_key(|record| record["key"].to_string());
    records
}

#[test]
fn answers_that_still_hold_are_written_and_each_key_is_listed_once() {
    let server = bucket();
    publish(&server);
    let at = clock("10:00:05");
    let listed = list(&server, &["--at", &at, "s3://photos"]);
    server.clear_requests();
    let output = verify(&server, &["--at", &at]);
    output.assert_code(0);
    assert_eq!(by_key(output.records()), listed);
    // The key that needs nothing is not looked at.
    assert_eq!(server.count("ListObjectVersions"), 4);
    assert!(
        output.stderr.contains("checked 4 keys in the bucket: 0 are not as in the report"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_report_without_etags_is_not_wrong_for_that() {
    let server = bucket();
    let mut listed = list(&server, &["s3://photos"]);
    for record in &mut listed {
        record.as_object_mut().unwrap().remove("etag");
    }
    Report::csv(&listed, 1).publish(&server);
    let output = verify(&server, &["--at", &clock("10:00:05")]);
    output.assert_code(0);
    assert!(output.stderr.contains("checked 4 keys in the bucket: 0 are not"), "{}", output.stderr);
}

#[test]
fn what_changed_since_is_answered_as_the_bucket_is_now() {
    let server = bucket();
    publish(&server);
    let at = clock("10:00:05");
    put(&server, "a", "worse", "12:00:00");
    delete(&server, "b", "12:00:00");
    let listed = list(&server, &["--at", &at, "s3://photos"]);
    let output = verify(&server, &["--at", &at, "--concurrency", "1"]);
    output.assert_code(0);
    assert_eq!(output.records(), listed);
    assert!(
        output.stderr.contains("checked 4 keys in the bucket: 2 are not as in the report"),
        "{}",
        output.stderr
    );
    let plain = tool(&server).args(["--inventory", URL, "--at", &at, "s3://photos"]).run();
    assert_ne!(plain.assert_code(0).records(), listed);
}

#[test]
fn a_key_that_needs_nothing_any_more_has_no_record() {
    let server = bucket();
    delete(&server, "a", "10:00:20");
    publish(&server);
    put(&server, "a", "back", "12:00:00");
    let output = verify(&server, &["--deleted"]);
    output.assert_code(0);
    assert!(output.records().is_empty());
    assert!(
        output.stderr.contains("checked 1 keys in the bucket: 1 are not as in the report"),
        "{}",
        output.stderr
    );
}

#[test]
fn versions_of_one_second_are_settled() {
    let server = server();
    put(&server, "a", "1", "10:00:00");
    delete(&server, "a", "10:00:00");
    put(&server, "a", "2", "10:00:00");
    put(&server, "a", "3", "10:00:09");
    publish(&server);
    let at = clock("10:00:05");
    let output = verify(&server, &["--at", &at]);
    output.assert_code(0);
    assert_eq!(output.records(), list(&server, &["--at", &at, "s3://photos"]));
    assert!(output.rejects().is_empty());
}

#[test]
fn a_key_that_is_gone_is_rejected() {
    let server = bucket();
    let mut listed = list(&server, &["s3://photos"]);
    let mut gone = listed[0].clone();
    gone["key"] = "gone".into();
    listed.push(gone);
    Report::csv(&listed, 2).publish(&server);
    let output = verify(&server, &["--latest"]);
    output.assert_code(3);
    assert_eq!(by_key(output.records()), list(&server, &["--latest", "s3://photos"]));
    let rejects = output.rejects();
    assert_eq!(rejects[0]["error"]["kind"], "no-such-key");
    assert_eq!(rejects[0]["record"], json!({"key": "gone", "bucket": "photos"}));
}

#[test]
fn what_cannot_be_checked_is_rejected_and_the_rest_is_done() {
    let server = bucket();
    publish(&server);
    let denied = Fault::Answer {
        status: 403,
        body: "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".into(),
    };
    let plan = Plan::new(1).rule(Rule::new(denied).operation("ListObjectVersions").nth(2));
    let proxy = Proxy::start(server.url(), plan);
    let rejects = tempfile::tempdir().unwrap();
    let file = rejects.path().join("rejects.jsonl");
    let args =
        ["--inventory", URL, "--verify-live", "--latest", "s3://photos", "--concurrency", "1", "--rejects"];
    let output = tool(&server).endpoint(proxy.url()).args(args).arg(&file).run();
    output.assert_code(3);
    assert_eq!(output.records().len(), 4);
    let reject: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&reject["error"]["kind"], &reject["record"]["key"]), (&json!("access-denied"), &json!("b")));
}

#[test]
fn too_many_rejects_and_a_bucket_that_is_gone_end_the_run() {
    let server = bucket();
    let mut listed = list(&server, &["s3://photos"]);
    for record in &mut listed {
        record["key"] = format!("gone/{}", record["key"].as_str().unwrap()).into();
    }
    Report::csv(&listed, 1).publish(&server);
    let output = verify(&server, &["--latest", "--max-rejects", "2"]);
    output.assert_code(1);
    assert!(output.stderr.contains("--max-rejects"), "{}", output.stderr);

    let elsewhere = super::server_with(testkit::s3::Options::default());
    for record in &mut listed {
        record["bucket"] = "lost".into();
    }
    let mut report = Report::csv(&listed, 1);
    report.source = "lost".into();
    report.publish(&elsewhere);
    let args = ["--inventory", URL, "--latest", "s3://lost"];
    tool(&elsewhere).args(args).run().assert_code(0);
    let output = tool(&elsewhere).args(args).arg("--verify-live").run();
    output.assert_code(1);
    assert!(output.stderr.contains("NoSuchBucket"), "{}", output.stderr);
}

#[test]
fn no_more_keys_are_checked_at_once_than_allowed() {
    let server = server();
    for n in 0..12 {
        server.put("photos", &format!("k{n}"), Put::bytes("x").at(&clock("10:00:00")));
    }
    publish(&server);
    // Nothing is answered, so that every check that is begun stays under way.
    let hang = Rule::new(Fault::Hang).operation("ListObjectVersions");
    let proxy = Proxy::start(server.url(), Plan::new(2).rule(hang));
    let args = ["--inventory", URL, "--verify-live", "--latest", "s3://photos", "--concurrency", "3"];
    let running = tool(&server).endpoint(proxy.url()).args(args).spawn();
    while proxy.count("Hang") < 3 {
        std::thread::yield_now();
    }
    running.signal("INT");
    let output = running.wait();
    assert_eq!(output.signal, Some(2), "{}", output.stderr);
    assert_eq!(proxy.count("Hang"), 3);
}
