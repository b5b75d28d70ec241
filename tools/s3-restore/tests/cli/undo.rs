//! The way back from the output of a run.

use serde_json::{Value, json};
use testkit::s3::Put;

use crate::bench::{BUCKET, Eyes, deleted, overwritten, planned, rejected, run, server, tool, wanted};

#[test]
fn undo_puts_back_what_was_current_before() {
    let server = server();
    let (old, new) = overwritten(&server, "copied");
    let (beneath, marker) = deleted(&server, "undeleted");
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    let (over_marker, hidden) = deleted(&server, "copied-over-marker");
    let records = [
        planned("copied", &old, "copy", &new),
        planned("undeleted", &beneath, "undelete", &marker),
        planned("born", &born, "mark-deleted", &born),
        planned("copied-over-marker", &over_marker, "copy", &hidden),
    ];
    let log = run(server.url(), &["--delete-newer"], &records);
    log.assert_code(0);
    let eyes = Eyes::on(&server);
    let versions: Vec<_> =
        ["copied", "undeleted", "born"].iter().flat_map(|key| eyes.versions(key)).collect();

    let undone = tool(server.url()).arg("--undo").stdin(log.stdout.clone()).run();
    undone.assert_code(0);
    assert_eq!(eyes.body("copied").as_deref(), Some("bad!!"));
    assert_eq!(eyes.body("undeleted"), None);
    assert_eq!(eyes.body("born").as_deref(), Some("new"));
    assert_eq!(eyes.body("copied-over-marker"), None);
    let born_again = undone.records().into_iter().find(|record| record["key"] == "born").unwrap();
    assert_eq!(born_again["restore"]["action"], "undelete");
    let left: Vec<_> = ["copied", "undeleted", "born"].iter().flat_map(|key| eyes.versions(key)).collect();
    assert!(versions.iter().all(|id| left.contains(id)), "a data version was deleted");

    let again = tool(server.url()).arg("--undo").stdin(log.stdout.clone()).run();
    again.assert_code(0);
    assert!(
        again.records().iter().all(|record| record["restore"]["action"] == "already"),
        "{}",
        again.text()
    );

    let redone = tool(server.url()).arg("--undo").stdin(undone.stdout).run();
    redone.assert_code(0);
    assert_eq!(eyes.body("copied").as_deref(), Some("good"));
    assert_eq!(eyes.body("undeleted").as_deref(), Some("good"));
    assert_eq!(eyes.body("born"), None);
}

#[test]
fn undo_stops_at_a_key_that_was_written_to_since() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let log = run(server.url(), &[], &[planned("a.jpg", &old, "copy", &new)]);
    server.put(BUCKET, "a.jpg", Put::bytes("written since"));
    let output = tool(server.url()).arg("--undo").stdin(log.stdout.clone()).run();
    assert_eq!(rejected(&output), "changed-since");
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("written since"));
    let output = tool(server.url()).args(["--undo", "--force"]).stdin(log.stdout).run();
    output.assert_code(0);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("bad!!"));
}

#[test]
fn undo_removes_no_delete_marker_but_its_own() {
    let server = server();
    let born = server.put(BUCKET, "a.jpg", Put::bytes("new"));
    let log = run(server.url(), &["--delete-newer"], &[planned("a.jpg", &born, "mark-deleted", &born)]);
    let theirs = server.put(BUCKET, "a.jpg", Put::marker());
    let output = tool(server.url()).args(["--undo", "--force"]).stdin(log.stdout).run();
    output.assert_code(0);
    let eyes = Eyes::on(&server);
    assert!(eyes.entries("a.jpg").iter().any(|line| line.version_id == theirs));
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("new"));
}

#[test]
fn undo_of_a_restore_aside_acts_aside() {
    let server = server();
    server.create_bucket("scratch");
    let (old, _) = overwritten(&server, "a.jpg");
    let log = run(server.url(), &["--to", "s3://scratch/x/"], &[wanted("a.jpg", &old)]);
    log.assert_code(0);
    tool(server.url()).arg("--undo").stdin(log.stdout).run().assert_code(0);
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body_in("scratch", "x/a.jpg"), None);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("bad!!"));
}

#[test]
fn what_changed_nothing_is_passed_by() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let rehearsal = run(server.url(), &["-n"], &[planned("a.jpg", &old, "copy", &new)]);
    let output = tool(server.url()).arg("--undo").stdin(rehearsal.stdout).run();
    output.assert_code(0);
    assert_eq!(output.records()[0]["restore"]["action"], "none");
    let output =
        run(server.url(), &["--undo"], &[json!({"bucket": BUCKET, "key": "k", "restore": Value::Null})]);
    assert_eq!(rejected(&output), "bad-record");
}
