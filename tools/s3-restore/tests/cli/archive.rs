//! Archived versions.

use serde_json::json;
use testkit::s3::Put;

use crate::bench::{BUCKET, Eyes, message, planned, rejected, restored, run, server, wanted};

#[test]
fn an_archived_version_is_turned_away_until_it_is_thawed() {
    let server = server();
    for (key, put, days) in [
        ("glacier", Put::bytes("cold").storage_class("GLACIER"), Some("3")),
        ("deep", Put::bytes("cold").storage_class("DEEP_ARCHIVE"), Some("3")),
        ("intelligent", Put::bytes("cold").archived("ARCHIVE_ACCESS"), None),
    ] {
        let old = server.put(BUCKET, key, put);
        let new = server.put(BUCKET, key, Put::bytes("new"));
        let record = [planned(key, &old, "copy", &new)];
        let output = run(server.url(), &[], &record);
        assert_eq!(rejected(&output), "archived", "{key}");
        assert!(message(&output).contains("--thaw"), "{}", message(&output));

        server.clear_requests();
        let output = run(server.url(), &["--thaw", "3", "--thaw-tier", "bulk"], &record);
        output.assert_code(0);
        assert_eq!(restored(&output)["action"], "thawing", "{key}");
        assert_eq!(server.count("RestoreObject"), 1);
        assert_eq!(server.count("CopyObject"), 0);

        // A thaw that is under way is not asked for again, and rejected as what passes by itself without the flag.
        let output = run(server.url(), &["--thaw", "3"], &record);
        assert_eq!(restored(&output)["action"], "thawing", "{key}");
        assert_eq!(server.count("RestoreObject"), 1);
        let output = run(server.url(), &[], &record);
        assert_eq!(rejected(&output), "archived");
        assert_eq!(output.rejects()[0]["error"]["retryable"], true);

        assert_eq!(server.finish_restores(), 1);
        let output = run(server.url(), &["--thaw", "3"], &record);
        output.assert_code(0);
        assert_eq!(restored(&output)["action"], "copy", "{key}, {days:?}");
        assert_eq!(Eyes::on(&server).head(key).content_length, Some(4));
    }
}

#[test]
fn glacier_ir_is_read_at_once_and_kept() {
    let server = server();
    let old = server.put(BUCKET, "a.jpg", Put::bytes("cool").storage_class("GLACIER_IR"));
    server.put(BUCKET, "a.jpg", Put::bytes("new"));
    run(server.url(), &[], &[wanted("a.jpg", &old)]).assert_code(0);
    assert_eq!(Eyes::on(&server).head("a.jpg").storage_class.unwrap().as_str(), "GLACIER_IR");
}

#[test]
fn an_archived_version_beneath_markers_needs_no_thaw() {
    let server = server();
    let old = server.put(BUCKET, "a.jpg", Put::bytes("cold").storage_class("GLACIER"));
    let marker = server.put(BUCKET, "a.jpg", Put::marker());
    let output = run(server.url(), &[], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["removed_markers"], json!([marker]));
}
