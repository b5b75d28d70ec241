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
