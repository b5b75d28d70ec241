//! Results of an earlier run with the same journal: they are marked, and held against the present.

use std::path::Path;

use serde_json::{Value, json};
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Options, Put, Server};

use crate::bench::{
    BUCKET, Eyes, copies, deleted, lines, message, overwritten, planned, rejected, restored, run, server,
    server_with, tool, wanted,
};

/// Keys whose wanted version is current already: their records.
fn settled(server: &Server, count: usize) -> Vec<Value> {
    let record =
        |n| wanted(&format!("k{n:05}"), &server.put(BUCKET, &format!("k{n:05}"), Put::bytes("good")));
    (0..count).map(record).collect()
}

/// The path of a journal in a folder.
fn journal(folder: &tempfile::TempDir) -> String {
    folder.path().join("journal").to_str().unwrap().to_owned()
}

#[test]
fn what_was_undone_is_no_success_of_the_next_run() {
    let server = server();
    let records = copies(&server, 10);
    let folder = tempfile::tempdir().unwrap();
    let flag = journal(&folder);
    let log = run(server.url(), &["--journal", &flag], &records);
    log.assert_code(0);
    tool(server.url()).arg("--undo").stdin(log.stdout.clone()).run().assert_code(0);
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body("k000").as_deref(), Some("bad!!"));

    let again = run(server.url(), &["--journal", &flag], &records);
    again.assert_code(3);
    assert!(again.stdout.is_empty());
    let rejects = again.rejects();
    assert_eq!(rejects.len(), 10);
    for reject in &rejects {
        assert_eq!(
            (&reject["error"]["kind"], &reject["error"]["retryable"]),
            (&json!("superseded"), &json!(false))
        );
    }
    let made = log.records().iter().find(|record| record["key"] == "k000").unwrap()["restore"].clone();
    let reject = rejects.iter().find(|reject| reject["record"]["key"] == "k000").unwrap();
    let message = reject["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("--force") && message.contains(made["version_id"].as_str().unwrap()),
        "{message}"
    );
    assert!(message.contains(&eyes.entries("k000")[0].version_id), "{message}");

    let forced = run(server.url(), &["--force", "--journal", &flag], &records);
    forced.assert_code(0);
    assert_eq!(forced.records().len(), 10);
    for record in &records {
        assert_eq!(eyes.body(record["key"].as_str().unwrap()).as_deref(), Some("good"));
    }
    assert!(forced.records().iter().all(|record| record["restore"].get("replayed").is_none()));
    // The new results are what the journal says from now on.
    let third = run(server.url(), &["--journal", &flag], &records);
    third.assert_code(0);
    assert!(third.records().iter().all(|record| record["restore"]["replayed"] == true));
}

#[test]
fn each_kind_of_result_is_held_against_the_present() {
    let server = server();
    let (old, bad) = overwritten(&server, "copied");
    let (beneath, _) = deleted(&server, "undeleted");
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    let same = server.put(BUCKET, "same", Put::bytes("good"));
    let none = json!({"bucket": BUCKET, "key": "none", "version_id": null,
        "plan": {"action": "none", "current_version_id": "v"}});
    let gone = planned("never", "v", "mark-deleted", "v");
    let records = [
        planned("copied", &old, "copy", &bad),
        wanted("undeleted", &beneath),
        planned("born", &born, "mark-deleted", &born),
        wanted("same", &same),
        none,
        gone,
    ];
    let folder = tempfile::tempdir().unwrap();
    let flag = journal(&folder);
    let args = ["--delete-newer", "--journal", &flag];
    let first = run(server.url(), &args, &records);
    first.assert_code(0);
    let again = run(server.url(), &args, &records);
    again.assert_code(0);
    let find = |records: &[Value], key: &Value| {
        records.iter().find(|record| record["key"] == *key).unwrap()["restore"].clone()
    };
    for record in &records {
        let mut expected = find(&first.records(), &record["key"]);
        expected["replayed"] = true.into();
        assert_eq!(find(&again.records(), &record["key"]), expected);
    }
    for key in ["copied", "undeleted", "born", "same", "never"] {
        server.put(BUCKET, key, Put::bytes("theirs"));
    }
    let overwritten = run(server.url(), &args, &records);
    overwritten.assert_code(3);
    assert_eq!(overwritten.rejects().len(), 5);
    assert!(overwritten.rejects().iter().all(|reject| reject["error"]["kind"] == "superseded"));
    assert_eq!(restored(&overwritten)["action"], "none");
}

#[test]
fn a_dry_run_marks_what_it_repeats_as_its_own() {
    let server = server();
    let records = copies(&server, 3);
    let folder = tempfile::tempdir().unwrap();
    let flag = journal(&folder);
    run(server.url(), &["--journal", &flag], &records).assert_code(0);
    let output = run(server.url(), &["-n", "--journal", &flag], &records);
    output.assert_code(0);
    assert_eq!(output.records().len(), 3);
    for record in output.records() {
        assert_eq!(
            (&record["restore"]["replayed"], &record["restore"]["dry_run"]),
            (&json!(true), &json!(true))
        );
    }
    server.put(BUCKET, "k001", Put::bytes("theirs"));
    let output = run(server.url(), &["-n", "--journal", &flag], &records);
    output.assert_code(3);
    assert_eq!((output.records().len(), output.rejects().len()), (2, 1));
}

#[test]
fn a_replayed_record_is_undone_like_the_first() {
    let server = server();
    let (old, bad) = overwritten(&server, "copied");
    let (beneath, _) = deleted(&server, "undeleted");
    let records = [planned("copied", &old, "copy", &bad), wanted("undeleted", &beneath)];
    let folder = tempfile::tempdir().unwrap();
    let flag = journal(&folder);
    run(server.url(), &["--journal", &flag], &records).assert_code(0);
    let again = run(server.url(), &["--journal", &flag], &records);
    tool(server.url()).arg("--undo").stdin(again.stdout).run().assert_code(0);
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body("copied").as_deref(), Some("bad!!"));
    assert_eq!(eyes.body("undeleted"), None);
}

#[test]
fn the_fields_of_the_input_leave_and_not_those_of_the_first_run() {
    let server = server();
    let (old, _) = overwritten(&server, "a.jpg");
    let folder = tempfile::tempdir().unwrap();
    let flag = journal(&folder);
    let line = |ticket: &str| {
        format!("{{\"bucket\":\"{BUCKET}\",\"key\":\"a.jpg\",\"version_id\":\"{old}\",\"n\":{ticket}}}\n")
    };
    let send = |ticket| tool(server.url()).args(["--journal", &flag]).stdin(line(ticket)).run();
    send("1.10").assert_code(0);
    let again = send("2.20");
    assert!(again.text().starts_with(&line("2.20")[..line("2.20").len() - 2]), "{}", again.text());
    assert_eq!(restored(&again)["replayed"], true);
}

#[test]
fn a_result_aside_is_looked_for_where_it_is() {
    let server = server();
    server.create_bucket("scratch");
    let (old, _) = overwritten(&server, "a.jpg");
    let folder = tempfile::tempdir().unwrap();
    let flag = journal(&folder);
    let args = ["--to", "s3://scratch/x/", "--journal", &flag];
    run(server.url(), &args, &[wanted("a.jpg", &old)]).assert_code(0);
    server.put(BUCKET, "a.jpg", Put::bytes("changed meanwhile"));
    assert_eq!(restored(&run(server.url(), &args, &[wanted("a.jpg", &old)]))["replayed"], true);
    server.put("scratch", "x/a.jpg", Put::bytes("theirs"));
    let output = run(server.url(), &args, &[wanted("a.jpg", &old)]);
    assert_eq!(rejected(&output), "superseded");
    assert!(message(&output).starts_with("s3://scratch/x/a.jpg: "), "{}", message(&output));
}

/// How many requests the second of two runs needs.
fn requests_again(server: &Server, url: &str, args: &[&str], records: &[Value], folder: &Path) -> usize {
    let flag = folder.join("journal");
    let args = [args, &["--journal", flag.to_str().unwrap()]].concat();
    run(url, &args, records).assert_code(0);
    server.clear_requests();
    let again = run(url, &args, records);
    again.assert_code(0);
    assert_eq!(again.records().len(), records.len());
    assert!(again.records().iter().all(|record| record["restore"]["replayed"] == true));
    server.requests().len()
}

#[test]
fn keys_in_order_cost_a_request_for_each_page() {
    for options in [
        Options { max_page: 100, ..Options::default() },
        Options { max_page: 100, split_lists: true, ..Options::default() },
        Options { max_page: 100, inclusive_markers: true, ..Options::default() },
    ] {
        let server = server_with(options);
        let records = settled(&server, 400);
        let folder = tempfile::tempdir().unwrap();
        let requests =
            requests_again(&server, server.url(), &["--concurrency", "1"], &records, folder.path());
        assert!((4..=5).contains(&requests), "{requests}");
        // Records that are worked on at once meet the end of a page in any order.
        let folder = tempfile::tempdir().unwrap();
        let requests = requests_again(&server, server.url(), &[], &records, folder.path());
        assert!(requests <= 20, "{requests}");
    }
}

#[test]
fn keys_far_apart_cost_one_request_each_at_most() {
    let server = server_with(Options { max_page: 10, ..Options::default() });
    let records: Vec<Value> = settled(&server, 600).into_iter().step_by(20).collect();
    for concurrency in ["1", "64"] {
        let folder = tempfile::tempdir().unwrap();
        let requests =
            requests_again(&server, server.url(), &["--concurrency", concurrency], &records, folder.path());
        assert!(requests <= records.len(), "{requests}");
    }
    // In no order at all, too.
    let mut records = records;
    records.sort_by_key(|record| record["key"].as_str().unwrap().chars().rev().collect::<String>());
    let folder = tempfile::tempdir().unwrap();
    assert!(requests_again(&server, server.url(), &[], &records, folder.path()) <= records.len());
}

#[test]
fn who_may_not_list_is_answered_by_a_look_at_each_key() {
    let server = server();
    let records = copies(&server, 20);
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned();
    let fault = Fault::Answer { status: 403, body: denied };
    let proxy =
        Proxy::start(server.url(), Plan::new(1).rule(Rule::new(fault).operation("ListObjectVersions")));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(requests_again(&server, proxy.url(), &[], &records, folder.path()), 20);
    assert_eq!(proxy.count("Answer"), 1);
}

#[test]
fn keys_of_any_kind_are_found_on_their_page() {
    let server = server();
    let keys = ["!", "a", "a/", "a//b", "a b+%20", "é", "\u{1f600}/x", "z\u{fffd}", "z\u{10ffff}", "k\n"];
    let records: Vec<Value> =
        keys.iter().map(|key| wanted(key, &server.put(BUCKET, key, Put::bytes("good")))).collect();
    let folder = tempfile::tempdir().unwrap();
    let requests = requests_again(&server, server.url(), &["--concurrency", "1"], &records, folder.path());
    assert!(requests <= keys.len(), "{requests}");
    let flag = folder.path().join("journal");
    for key in keys {
        server.put(BUCKET, key, Put::marker());
    }
    let output = tool(server.url()).arg("--journal").arg(flag).stdin(lines(&records)).run();
    output.assert_code(3);
    assert_eq!(output.rejects().len(), keys.len());
}
