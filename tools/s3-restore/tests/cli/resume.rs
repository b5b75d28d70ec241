//! What a killed run did is told by the next one with the same journal, with what was there before, and `--undo` takes it
//! back.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use serde_json::{Value, json};
use testkit::fault::{Fault, Rule};
use testkit::s3::{Options, Put};

use crate::bench::{
    BUCKET, Eyes, copies, deleted, keys, overwritten, planned, read, restored, server, server_with, wanted,
};
use crate::crash::{Crash, deleted_without_an_answer, silence, undo};

/// The record with a plan, and without.
fn both(record: &Value) -> [Vec<Value>; 2] {
    let mut bare = record.clone();
    bare.as_object_mut().unwrap().remove("plan");
    [vec![record.clone()], vec![bare]]
}

#[test]
fn a_copy_that_was_not_sent_is_made_by_the_next_run() {
    for with_plan in [0, 1] {
        let server = server();
        let (old, bad) = overwritten(&server, "a.jpg");
        let record = &both(&planned("a.jpg", &old, "copy", &bad))[with_plan];
        let crash = Crash::new(&server, [Rule::new(Fault::Hang).operation("CopyObject")]);
        crash.kill(&[], record, || crash.met("Hang"));
        // What was current is on disk before anything is sent.
        let intent: Value = serde_json::from_str(read(&crash.journal()).lines().nth(1).unwrap()).unwrap();
        assert_eq!(intent["intent"]["restore"]["action"], "copy");
        assert_eq!(intent["intent"]["restore"]["previous_version_id"], bad);

        let output = crash.again(&[], record);
        output.assert_code(0);
        assert_eq!(restored(&output)["previous_version_id"], bad);
        let eyes = Eyes::on(&server);
        assert_eq!((eyes.body("a.jpg").as_deref(), eyes.versions("a.jpg").len()), (Some("good"), 3));
        undo(&server, &output);
        assert_eq!(eyes.body("a.jpg").as_deref(), Some("bad!!"));
    }
}

#[test]
fn a_copy_that_was_made_is_told_with_what_was_there_before() {
    for with_plan in [0, 1] {
        let server = server();
        let (old, bad) = overwritten(&server, "a.jpg");
        let record = &both(&planned("a.jpg", &old, "copy", &bad))[with_plan];
        let crash = Crash::new(&server, [Rule::new(silence()).operation("CopyObject")]);
        let eyes = Eyes::on(&server);
        crash.kill(&[], record, || eyes.body("a.jpg").as_deref() == Some("good"));
        let copy = eyes.entries("a.jpg")[0].version_id.clone();

        let rehearsal = crash.again(&["-n"], record);
        rehearsal.assert_code(0);
        assert_eq!(restored(&rehearsal)["dry_run"], true);
        let output = crash.again(&[], record);
        output.assert_code(0);
        let done = restored(&output);
        assert_eq!((&done["action"], &done["version_id"]), (&json!("copy"), &json!(copy)));
        assert_eq!((&done["previous_version_id"], &done["verified"]), (&json!(bad), &json!("checksum")));
        assert_eq!(done.get("replayed"), None);
        assert_eq!(eyes.versions("a.jpg").len(), 3, "it was copied twice");
        undo(&server, &output);
        assert_eq!(eyes.body("a.jpg").as_deref(), Some("bad!!"));
    }
}

#[test]
fn a_copy_where_nothing_was_is_undone_by_a_delete_marker() {
    let server = server();
    server.create_bucket("scratch");
    let (old, _) = overwritten(&server, "a.jpg");
    let args = ["--to", "s3://scratch/x/"];
    let crash = Crash::new(&server, [Rule::new(silence()).operation("CopyObject")]);
    let eyes = Eyes::on(&server);
    crash.kill(&args, &[wanted("a.jpg", &old)], || eyes.body_in("scratch", "x/a.jpg").is_some());
    let output = crash.again(&args, &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");
    assert_eq!(server.versions("scratch").len(), 1);
    undo(&server, &output);
    assert_eq!(eyes.body_in("scratch", "x/a.jpg"), None);
}

#[test]
fn markers_that_were_removed_before_the_kill_are_all_told() {
    for (with_plan, removed) in [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)] {
        let server = server();
        let (old, first) = deleted(&server, "a.jpg");
        let second = server.put(BUCKET, "a.jpg", Put::marker());
        let top = server.put(BUCKET, "a.jpg", Put::marker());
        let markers = json!([top, second, first]);
        let mut record = planned("a.jpg", &old, "undelete", &top);
        record["plan"]["markers"] = markers.clone();
        let record = &both(&record)[with_plan];
        let crash = Crash::new(&server, deleted_without_an_answer(removed));
        crash.kill(&[], record, || crash.met("Hang"));
        let eyes = Eyes::on(&server);
        assert_eq!(eyes.entries("a.jpg").len() as u64, 4 - removed);

        let output = crash.again(&[], record);
        output.assert_code(0);
        let done = restored(&output);
        assert_eq!((&done["action"], &done["removed_markers"]), (&json!("undelete"), &markers));
        assert_eq!(
            (&done["previous_version_id"], &done["previous_delete_marker"]),
            (&json!(top), &json!(true))
        );
        assert_eq!(eyes.body("a.jpg").as_deref(), Some("good"));
        undo(&server, &output);
        assert_eq!(eyes.body("a.jpg"), None);
    }
}

#[test]
fn a_marker_that_was_added_is_told_and_can_be_removed() {
    let server = server();
    let born = server.put(BUCKET, "a.jpg", Put::bytes("new"));
    let record = [planned("a.jpg", &born, "mark-deleted", &born)];
    let crash = Crash::new(&server, deleted_without_an_answer(1));
    crash.kill(&["--delete-newer"], &record, || crash.met("Hang"));
    let output = crash.again(&["--delete-newer"], &record);
    output.assert_code(0);
    let done = restored(&output);
    let eyes = Eyes::on(&server);
    let marker = eyes.entries("a.jpg")[0].version_id.clone();
    assert_eq!((&done["action"], &done["version_id"]), (&json!("mark-deleted"), &json!(marker)));
    assert_eq!(done["previous_version_id"], born);
    assert_eq!(eyes.entries("a.jpg").len(), 2);
    undo(&server, &output);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("new"));
}

#[test]
fn an_upload_that_was_begun_is_ended_and_the_copy_made() {
    for operation in ["UploadPartCopy", "CompleteMultipartUpload"] {
        let server = server();
        let old = server.put(BUCKET, "large", Put::synthetic(6 << 30));
        let bad = server.put(BUCKET, "large", Put::bytes("bad!!"));
        let crash = Crash::new(&server, [Rule::new(Fault::Hang).operation(operation)]);
        crash.kill(&[], &[wanted("large", &old)], || crash.met("Hang"));
        assert_eq!(server.open_uploads(BUCKET), 1);
        let output = crash.again(&[], &[wanted("large", &old)]);
        output.assert_code(0);
        assert_eq!(restored(&output)["previous_version_id"], bad);
        assert_eq!((server.open_uploads(BUCKET), server.versions(BUCKET).len()), (0, 3));
    }
}

#[test]
fn an_upload_that_was_completed_is_told_with_what_was_there_before() {
    let server = server();
    let old = server.put(BUCKET, "large", Put::synthetic(6 << 30));
    let bad = server.put(BUCKET, "large", Put::bytes("bad!!"));
    let crash = Crash::new(&server, [Rule::new(silence()).operation("CompleteMultipartUpload")]);
    crash.kill(&[], &[wanted("large", &old)], || server.versions(BUCKET).len() == 3);
    let output = crash.again(&[], &[wanted("large", &old)]);
    output.assert_code(0);
    let done = restored(&output);
    assert_eq!((&done["action"], &done["previous_version_id"]), (&json!("copy"), &json!(bad)));
    assert_eq!((server.open_uploads(BUCKET), server.versions(BUCKET).len()), (0, 3));
}

#[test]
fn a_copy_that_waits_for_its_acl_gets_it_from_the_next_run() {
    let server = server();
    let old = server.put(BUCKET, "a.jpg", Put::bytes("good").header("x-amz-acl", "public-read"));
    let bad = server.put(BUCKET, "a.jpg", Put::bytes("bad!!"));
    let crash = Crash::new(&server, [Rule::new(Fault::Hang).operation("PutObjectAcl")]);
    crash.kill(&["--acl"], &[wanted("a.jpg", &old)], || crash.met("Hang"));
    assert_eq!(server.count("PutObjectAcl"), 0);
    let output = crash.again(&["--acl"], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["previous_version_id"], bad);
    assert_eq!((server.count("PutObjectAcl"), Eyes::on(&server).versions("a.jpg").len()), (1, 3));
}

#[test]
fn a_killed_run_is_resumed_by_its_journal() {
    let server = server();
    let records = copies(&server, 30);
    // The eleventh copy hangs, so that the run is surely killed in the middle.
    let crash = Crash::new(&server, [Rule::new(Fault::Hang).operation("CopyObject").nth(11)]);
    let journal = crash.journal();
    let written = |path: &Path| path.exists() && read(path).matches("\"result\":").count() >= 10;
    let args = ["--concurrency", "4"];
    crash.kill(&args, &records, || crash.met("Hang") && written(&journal));
    let results = read(&journal);
    let before: Vec<Value> = results
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?.get("result").cloned())
        .collect();

    let output = crash.again(&args, &records);
    output.assert_code(0);
    assert_eq!(keys(&output.records()), keys(&records));
    let eyes = Eyes::on(&server);
    for record in &records {
        let key = record["key"].as_str().unwrap();
        assert_eq!(eyes.body(key).as_deref(), Some("good"), "{key}");
        assert_eq!(eyes.versions(key).len(), 3, "{key} was restored twice");
    }
    let after = output.records();
    for mut record in before {
        record["restore"]["replayed"] = true.into();
        assert!(after.contains(&record), "a recorded result changed: {record}");
    }

    server.clear_requests();
    let third = crash.again(&args, &records);
    third.assert_code(0);
    assert_eq!(keys(&third.records()), keys(&records));
    assert!(third.records().iter().all(|record| record["restore"]["replayed"] == true));
    assert!(server.requests().iter().all(|request| request.operation == "ListObjectVersions"));
}

#[test]
fn all_kinds_of_work_are_told_by_the_next_run() {
    let server = server();
    let (old, bad) = overwritten(&server, "copied");
    let (beneath, marker) = deleted(&server, "undeleted");
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    let mut undelete = planned("undeleted", &beneath, "undelete", &marker);
    undelete["plan"]["markers"] = json!([marker]);
    let records =
        [planned("copied", &old, "copy", &bad), undelete, planned("born", &born, "mark-deleted", &born)];
    // Everything is carried out, and no answer comes.
    let crash = Crash::new(
        &server,
        [
            Rule::new(silence()).operation("CopyObject"),
            Rule::new(Fault::Hang).operation("HeadObject").matching({
                let seen = AtomicU32::new(0);
                move |request| {
                    request.target.contains("/undeleted") && seen.fetch_add(1, Ordering::Relaxed) > 0
                }
            }),
            Rule::new(Fault::ResetAfter).operation("DeleteObject").target("/born"),
            Rule::new(Fault::Hang).operation("ListObjectVersions").target("born"),
        ],
    );
    let eyes = Eyes::on(&server);
    let done = || {
        eyes.body("copied").as_deref() == Some("good")
            && eyes.body("undeleted").is_some()
            && eyes.body("born").is_none()
    };
    crash.kill(&["--delete-newer"], &records, done);
    assert!(!read(&crash.journal()).contains("\"result\":"));

    let output = crash.again(&["--delete-newer"], &records);
    output.assert_code(0);
    for record in output.records() {
        let (restore, plan) = (&record["restore"], &record["plan"]);
        assert_eq!(restore["action"], plan["action"], "{record}");
        assert_eq!(restore["previous_version_id"], plan["current_version_id"], "{record}");
    }
    assert_eq!(eyes.versions("copied").len(), 3);
    undo(&server, &output);
    assert_eq!(eyes.body("copied").as_deref(), Some("bad!!"));
    assert_eq!(eyes.body("undeleted"), None);
    assert_eq!(eyes.body("born").as_deref(), Some("new"));
}

#[test]
fn a_copy_in_place_of_a_null_marker_is_told() {
    let server = server();
    let (old, _) = overwritten(&server, "a.jpg");
    let eyes = Eyes::on(&server);
    eyes.with(async |s3| {
        let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
        let put = s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(suspended);
        put.send().await.unwrap();
        s3.delete_object().bucket(BUCKET).key("a.jpg").send().await.unwrap();
    });
    let crash = Crash::new(&server, [Rule::new(silence()).operation("CopyObject")]);
    crash.kill(&[], &[wanted("a.jpg", &old)], || eyes.body("a.jpg").as_deref() == Some("good"));
    let output = crash.again(&[], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    let done = restored(&output);
    assert_eq!((&done["action"], &done["version_id"]), (&json!("copy"), &json!("null")));
    assert_eq!(
        (&done["previous_version_id"], &done["previous_delete_marker"]),
        (&json!("null"), &json!(true))
    );
}

#[test]
fn stores_without_guards_are_resumed_too() {
    let server = server_with(Options { no_conditional_writes: true, ..Options::default() });
    let (old, bad) = overwritten(&server, "a.jpg");
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    let records = [wanted("a.jpg", &old), planned("born", &born, "mark-deleted", &born)];
    let crash = Crash::new(
        &server,
        [
            Rule::new(silence()).operation("CopyObject").nth(2),
            Rule::new(Fault::ResetAfter).operation("DeleteObject").nth(2),
            Rule::new(Fault::Hang).operation("ListObjectVersions").target("born"),
        ],
    );
    let eyes = Eyes::on(&server);
    let done = || eyes.body("a.jpg").as_deref() == Some("good") && eyes.body("born").is_none();
    crash.kill(&["--delete-newer"], &records, done);
    let output = crash.again(&["--delete-newer"], &records);
    output.assert_code(0);
    let previous = |key: &str| -> Value {
        let records = output.records();
        records.iter().find(|record| record["key"] == key).unwrap()["restore"]["previous_version_id"].clone()
    };
    assert_eq!((previous("a.jpg"), previous("born")), (json!(bad), json!(born)));
    undo(&server, &output);
    assert_eq!((eyes.body("a.jpg").as_deref(), eyes.body("born").as_deref()), (Some("bad!!"), Some("new")));
}

#[test]
fn a_copy_that_arrives_after_the_kill_is_told_too() {
    let server = Arc::new(server());
    let (old, bad) = overwritten(&server, "a.jpg");
    let (writer, late) = (Arc::clone(&server), Arc::new(AtomicBool::new(false)));
    let is_late = Arc::clone(&late);
    // The next run has found that the copy was not made, and looks at the key.
    let arrives = Rule::new(Fault::Hang).operation("HeadObject").matching(move |request| {
        if !request.target.contains("versionId") && is_late.swap(false, Ordering::Relaxed) {
            writer.put(BUCKET, "a.jpg", Put::bytes("good"));
        }
        false
    });
    let crash = Crash::new(&server, [arrives, Rule::new(Fault::Hang).operation("CopyObject")]);
    let record = [planned("a.jpg", &old, "copy", &bad)];
    crash.kill(&[], &record, || crash.met("Hang"));
    late.store(true, Ordering::Relaxed);
    let output = crash.again(&[], &record);
    output.assert_code(0);
    let done = restored(&output);
    assert_eq!((&done["action"], &done["previous_version_id"]), (&json!("copy"), &json!(bad)));
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.versions("a.jpg").len(), 3);
    undo(&server, &output);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("bad!!"));
}
