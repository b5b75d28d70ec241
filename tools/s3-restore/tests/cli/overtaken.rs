//! Somebody else writes between a killed run and the next one: nothing of theirs is written over silently, and what the killed
//! run did is named.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;
use testkit::fault::{Fault, Rule};
use testkit::s3::Put;

use crate::bench::{
    BUCKET, Eyes, deleted, message, overwritten, planned, rejected, restored, server, wanted,
};
use crate::crash::{Crash, deleted_without_an_answer, silence, undo};

#[test]
fn a_copy_that_somebody_wrote_over_is_named_and_theirs_stays() {
    let server = server();
    let (old, bad) = overwritten(&server, "a.jpg");
    let crash = Crash::new(&server, [Rule::new(silence()).operation("CopyObject")]);
    let eyes = Eyes::on(&server);
    crash.kill(&[], &[wanted("a.jpg", &old)], || eyes.body("a.jpg").as_deref() == Some("good"));
    let copy = eyes.entries("a.jpg")[0].version_id.clone();
    let theirs = server.put(BUCKET, "a.jpg", Put::bytes("theirs"));
    for _ in 0..2 {
        let output = crash.again(&[], &[wanted("a.jpg", &old)]);
        assert_eq!(rejected(&output), "superseded");
        for id in [&copy, &bad, &theirs] {
            assert!(message(&output).contains(id.as_str()), "{}", message(&output));
        }
    }
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("theirs"));
    let output = crash.again(&["--force"], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["previous_version_id"], theirs);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("good"));
}

#[test]
fn a_write_in_place_of_the_copy_is_not_written_over() {
    for aside in [false, true] {
        let server = server();
        server.create_bucket("scratch");
        let (old, _) = overwritten(&server, "a.jpg");
        let args: &[&str] = if aside { &["--to", "s3://scratch/"] } else { &[] };
        let bucket = if aside { "scratch" } else { BUCKET };
        let crash = Crash::new(&server, [Rule::new(Fault::Hang).operation("CopyObject")]);
        crash.kill(args, &[wanted("a.jpg", &old)], || crash.met("Hang"));
        let theirs = server.put(bucket, "a.jpg", Put::bytes("theirs"));
        let output = crash.again(args, &[wanted("a.jpg", &old)]);
        assert_eq!(rejected(&output), "changed-since");
        let eyes = Eyes::on(&server);
        assert_eq!(eyes.body_in(bucket, "a.jpg").as_deref(), Some("theirs"));
        let output = crash.again(&[args, &["--force"]].concat(), &[wanted("a.jpg", &old)]);
        output.assert_code(0);
        assert_eq!(restored(&output)["previous_version_id"], theirs);
    }
}

#[test]
fn a_write_on_top_of_markers_half_removed_stays_and_they_are_named() {
    let server = server();
    let (old, first) = deleted(&server, "a.jpg");
    let top = server.put(BUCKET, "a.jpg", Put::marker());
    let crash = Crash::new(&server, deleted_without_an_answer(1));
    crash.kill(&[], &[wanted("a.jpg", &old)], || crash.met("Hang"));
    let theirs = server.put(BUCKET, "a.jpg", Put::bytes("theirs"));
    let output = crash.again(&[], &[wanted("a.jpg", &old)]);
    assert_eq!(rejected(&output), "changed-since");
    assert!(message(&output).contains(&first), "{}", message(&output));
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("theirs"));
    assert!(eyes.entries("a.jpg").iter().any(|entry| entry.version_id == top));
    let output = crash.again(&["--force"], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    let done = restored(&output);
    assert_eq!((&done["action"], &done["previous_version_id"]), (&json!("copy"), &json!(theirs)));
    assert_eq!(done["removed_markers"], json!([first]));
    undo(&server, &output);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("theirs"));
}

#[test]
fn a_try_that_finds_another_version_is_told_with_that_one() {
    let server = Arc::new(server());
    let (old, bad) = overwritten(&server, "a.jpg");
    let (writer, seen) = (Arc::clone(&server), AtomicU32::new(0));
    // Somebody writes as the first copy arrives, which fails then; the second is carried out.
    let race = Rule::new(silence()).operation("CopyObject").matching(move |_| {
        let is_first = seen.fetch_add(1, Ordering::Relaxed) == 0;
        if is_first {
            writer.put(BUCKET, "a.jpg", Put::bytes("theirs"));
        }
        !is_first
    });
    let crash = Crash::new(&server, [race]);
    let eyes = Eyes::on(&server);
    let record = [planned("a.jpg", &old, "copy", &bad)];
    crash.kill(&["--force"], &record, || eyes.body("a.jpg").as_deref() == Some("good"));
    let output = crash.again(&["--force"], &record);
    output.assert_code(0);
    let theirs = restored(&output)["previous_version_id"].clone();
    assert!(theirs != bad && theirs != old, "{theirs}");
    undo(&server, &output);
    assert_eq!(eyes.body("a.jpg").as_deref(), Some("theirs"));
}
