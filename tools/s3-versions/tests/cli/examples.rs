//! Every example of the README and the help runs as it stands, in bash.

use std::fs;

use testkit::examples::{self, Example};
use testkit::s3::{Put, Server};
use testkit::tool::Tool;

use crate::inventory_report::Report;
use crate::{list, server};

/// What stands behind s3-versions in a pipeline, with examples of its own.
const AFTER: &str = "s3-restore() { cat; }\n";

/// Originals that were good at the time that the examples name, and damaged since; and a report of them.
fn damaged() -> Server {
    let server = server();
    for key in ["originals/a.jpg", "originals/b.jpg"] {
        server.put("photos", key, Put::synthetic(2 << 30).at("2026-11-20T09:00:00Z"));
    }
    server.put("photos", "originals/a.jpg", Put::bytes("worse").at("2026-11-20T11:00:00Z"));
    server.put("photos", "originals/b.jpg", Put::marker());
    Report::csv(&list(&server, &["s3://photos"]), 1).publish(&server);
    server
}

#[test]
fn they_all_run() {
    for Example { page, script } in examples::of("s3-versions") {
        let server = damaged();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("keys.txt"), "originals/a.jpg\noriginals/b.jpg\n").unwrap();
        let tool = Tool::bash(&format!("{AFTER}{script}")).endpoint(server.url()).cwd(folder.path());
        let output = tool.run();
        assert_eq!(output.code, Some(0), "{page}:\n{script}\n--- stderr\n{}", output.stderr);
        let appended = fs::read_to_string(folder.path().join("versions.jsonl")).unwrap_or_default();
        assert!(!output.records().is_empty() || !appended.is_empty(), "{page}:\n{script}");
    }
}
