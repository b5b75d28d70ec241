//! What is done with a key, with and without a plan.

use serde_json::{Value, json};
use testkit::s3::Put;

use crate::bench::{BUCKET, Eyes, deleted, overwritten, planned, rejected, restored, run, server, wanted};

#[test]
fn a_planned_copy_brings_the_version_back() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let output = run(server.url(), &[], &[planned("a.jpg", &old, "copy", &new)]);
    output.assert_code(0);
    let eyes = Eyes::on(&server);
    let done = restored(&output);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("good"));
    assert_eq!(done["action"], "copy");
    assert_eq!(done["version_id"], eyes.entries("a.jpg")[0].version_id);
    assert_eq!(done["previous_version_id"], new);
    assert_eq!(done["verified"], "checksum");
    assert_eq!(done["bytes"], 4);
    assert!(eyes.versions("a.jpg").contains(&old) && eyes.versions("a.jpg").contains(&new));
}

#[test]
fn a_planned_undelete_removes_the_markers_and_copies_nothing() {
    let server = server();
    let (old, below) = deleted(&server, "a.jpg");
    let top = server.put(BUCKET, "a.jpg", Put::marker());
    let output = run(server.url(), &[], &[planned("a.jpg", &old, "undelete", &top)]);
    output.assert_code(0);
    let done = restored(&output);
    assert_eq!(done["action"], "undelete");
    assert_eq!(done["version_id"], old);
    assert_eq!(done["previous_version_id"], top);
    assert_eq!(done["previous_delete_marker"], true);
    assert_eq!(done["removed_markers"], json!([top, below]));
    assert_eq!(Eyes::on(&server).body("a.jpg").as_deref(), Some("good"));
    assert_eq!(server.count("CopyObject"), 0);
}

#[test]
fn a_key_born_later_is_deleted_only_when_asked() {
    let server = server();
    let born = server.put(BUCKET, "a.jpg", Put::bytes("new"));
    let record = planned("a.jpg", &born, "mark-deleted", &born);
    let output = run(server.url(), &[], std::slice::from_ref(&record));
    assert_eq!(rejected(&output), "needs-delete-newer");
    assert_eq!(server.count("DeleteObject"), 0);

    let output = run(server.url(), &["--delete-newer"], &[record]);
    output.assert_code(0);
    let eyes = Eyes::on(&server);
    let done = restored(&output);
    assert_eq!(done["action"], "mark-deleted");
    assert_eq!(done["version_id"], eyes.entries("a.jpg")[0].version_id);
    assert_eq!(done["previous_version_id"], born);
    assert_eq!(eyes.body("a.jpg"), None);
    assert_eq!(eyes.versions("a.jpg"), [born]);
}

#[test]
fn without_a_plan_the_key_decides() {
    let server = server();
    let (copied, _) = overwritten(&server, "copied");
    let (undeleted, _) = deleted(&server, "undeleted");
    let current = server.put(BUCKET, "current", Put::bytes("good"));
    let records = [wanted("copied", &copied), wanted("undeleted", &undeleted), wanted("current", &current)];
    let output = run(server.url(), &[], &records);
    output.assert_code(0);
    let mut acts: Vec<(Value, Value)> = output
        .records()
        .iter()
        .map(|record| (record["key"].clone(), record["restore"]["action"].clone()))
        .collect();
    acts.sort_by_key(|(key, _)| key.to_string());
    assert_eq!(
        acts,
        [
            (json!("copied"), json!("copy")),
            (json!("current"), json!("already")),
            (json!("undeleted"), json!("undelete")),
        ]
    );
}

#[test]
fn a_second_run_of_the_same_plans_finds_all_done() {
    let server = server();
    let (old, new) = overwritten(&server, "copied");
    let (beneath, marker) = deleted(&server, "undeleted");
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    let records = [
        planned("copied", &old, "copy", &new),
        planned("undeleted", &beneath, "undelete", &marker),
        planned("born", &born, "mark-deleted", &born),
    ];
    run(server.url(), &["--delete-newer"], &records).assert_code(0);
    server.clear_requests();
    let output = run(server.url(), &["--delete-newer"], &records);
    output.assert_code(0);
    assert!(
        output.records().iter().all(|record| record["restore"]["action"] == "already"),
        "{}",
        output.text()
    );
    assert_eq!(output.records().len(), 3);
    assert!(server.requests().iter().all(|request| request.method == "GET" || request.method == "HEAD"));
}

#[test]
fn the_same_bytes_with_other_metadata_or_tags_are_not_as_wanted() {
    let server = server();
    let good = || Put::bytes("same").header("x-amz-meta-a", "1").header("x-amz-tagging", "t=1");
    let mut records = Vec::new();
    for (key, put, action) in [
        ("same", good(), "already"),
        ("metadata", good().header("x-amz-meta-a", "2"), "copy"),
        ("type", good().header("content-type", "text/plain"), "copy"),
        ("tags", good().header("x-amz-tagging", "t=2"), "copy"),
        ("class", good().storage_class("STANDARD_IA"), "copy"),
    ] {
        let old = server.put(BUCKET, key, good());
        let new = server.put(BUCKET, key, put);
        let mut record = planned(key, &old, "copy", &new);
        record["wanted"] = json!(action);
        records.push(record);
    }
    let output = run(server.url(), &[], &records);
    output.assert_code(0);
    assert_eq!(output.records().len(), 5);
    for record in output.records() {
        assert_eq!(record["restore"]["action"], record["wanted"], "{record}");
    }
}

#[test]
fn method_copy_leaves_delete_markers_alone() {
    let server = server();
    let (old, marker) = deleted(&server, "a.jpg");
    let output = run(server.url(), &["--method", "copy"], &[planned("a.jpg", &old, "undelete", &marker)]);
    output.assert_code(0);
    let done = restored(&output);
    assert_eq!((&done["action"], &done["previous_delete_marker"]), (&json!("copy"), &json!(true)));
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("good"));
    assert!(eyes.entries("a.jpg").iter().any(|line| line.version_id == marker));
    assert_eq!(server.count("DeleteObject"), 0);
}

#[test]
fn a_version_beneath_another_is_copied_though_markers_lie_on_top() {
    let server = server();
    let (old, _) = overwritten(&server, "a.jpg");
    let marker = server.put(BUCKET, "a.jpg", Put::marker());
    let output = run(server.url(), &[], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("good"));
    assert!(eyes.entries("a.jpg").iter().any(|line| line.version_id == marker));
}

#[test]
fn a_key_is_never_mixed_up_with_a_longer_one() {
    let server = server();
    let (old, marker) = deleted(&server, "a");
    let (_, other) = deleted(&server, "ab");
    run(server.url(), &[], &[wanted("a", &old)]).assert_code(0);
    let eyes = Eyes::on(&server);
    assert!(eyes.entries("ab").iter().any(|line| line.version_id == other));
    assert!(!eyes.entries("a").iter().any(|line| line.version_id == marker));
}

#[test]
fn what_needs_nothing_passes_without_a_request() {
    let server = server();
    let output = run(server.url(), &[], &[planned("a.jpg", "v", "none", "v")]);
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "none");
    assert!(server.requests().is_empty());
}

#[test]
fn a_dry_run_says_the_same_and_writes_nothing() {
    let server = server();
    let (old, new) = overwritten(&server, "copied");
    let (beneath, marker) = deleted(&server, "undeleted");
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    let frozen = server.put(BUCKET, "frozen", Put::bytes("cold").storage_class("GLACIER"));
    let over = server.put(BUCKET, "frozen", Put::bytes("new"));
    let records = [
        planned("copied", &old, "copy", &new),
        planned("undeleted", &beneath, "undelete", &marker),
        planned("born", &born, "mark-deleted", &born),
        planned("frozen", &frozen, "copy", &over),
        wanted("copied", "no-such-version"),
    ];
    let output = run(server.url(), &["-n", "--delete-newer", "--thaw", "1"], &records);
    output.assert_code(3);
    let mut acts = std::collections::BTreeMap::new();
    for record in output.records() {
        assert_eq!(record["restore"]["dry_run"], true);
        acts.insert(record["key"].as_str().unwrap().to_owned(), record["restore"].clone());
    }
    assert_eq!(acts["copied"]["action"], "copy");
    assert_eq!(acts["copied"]["version_id"], Value::Null);
    assert_eq!(acts["copied"]["previous_version_id"], new);
    assert_eq!(acts["undeleted"]["removed_markers"], json!([marker]));
    assert_eq!(acts["born"]["action"], "mark-deleted");
    assert_eq!(acts["frozen"]["action"], "thawing");
    assert!(server.requests().iter().all(|request| request.method == "GET" || request.method == "HEAD"));
}

#[test]
fn restoring_aside_appends_the_whole_key() {
    let server = server();
    server.create_bucket("scratch");
    let (old, new) = overwritten(&server, "in/a b.jpg");
    let (beneath, marker) = deleted(&server, "in/gone");
    let born = server.put(BUCKET, "in/born", Put::bytes("new"));
    let records = [
        planned("in/a b.jpg", &old, "copy", &new),
        planned("in/gone", &beneath, "undelete", &marker),
        planned("in/born", &born, "mark-deleted", &born),
    ];
    let output = run(server.url(), &["--to", "s3://scratch/check-"], &records);
    output.assert_code(0);
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body_in("scratch", "check-in/a b.jpg").as_deref(), Some("good"));
    assert_eq!(eyes.body_in("scratch", "check-in/gone").as_deref(), Some("good"));
    assert_eq!(eyes.body_in("scratch", "check-in/born"), None);
    assert_eq!(eyes.body("in/a b.jpg").as_deref(), Some("bad!!"));
    assert_eq!(eyes.body("in/gone"), None);
    for record in output.records() {
        let restore = &record["restore"];
        if record["key"] == "in/born" {
            assert_eq!(restore["action"], "none");
        } else {
            assert_eq!(restore["to"]["bucket"], "scratch");
            assert_eq!(restore["to"]["key"], format!("check-{}", record["key"].as_str().unwrap()));
            assert_eq!(restore["previous_version_id"], Value::Null);
        }
    }
    let again = run(server.url(), &["--to", "s3://scratch/check-"], &records);
    assert_eq!(again.records().iter().filter(|record| record["restore"]["action"] == "already").count(), 2);
}

#[test]
fn what_lies_aside_is_overwritten_by_a_new_version_only() {
    let server = server();
    server.create_bucket("scratch");
    let (old, new) = overwritten(&server, "a.jpg");
    let there = server.put("scratch", "a.jpg", Put::bytes("theirs"));
    let output = run(server.url(), &["--to", "s3://scratch"], &[planned("a.jpg", &old, "copy", &new)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["previous_version_id"], there);
    let copies = server.requests().into_iter().filter(|request| request.operation == "CopyObject");
    assert!(copies.map(|copy| copy.header("if-match").map(str::to_owned)).all(|etag| etag.is_some()));
}
