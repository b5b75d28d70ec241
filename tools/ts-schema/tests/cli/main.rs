//! The real binary against a real Typesense 0.24.1, and against a fake for what only newer releases have.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod aliases;
mod apply;
mod contract;
mod diff;
mod examples;
mod export;
mod fake;
mod faults;
mod journal;
mod keys;
mod limits;
mod migrate;
mod releases;

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;
use testkit::tool::Output;
use testkit::typesense::Server;

/// A file of a test, which is gone with it.
struct File {
    _folder: TempDir,
    path: PathBuf,
}

/// A file for the tool with this content.
fn file(content: impl AsRef<str>) -> File {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("collections.json");
    std::fs::write(&path, content.as_ref()).expect("a file");
    File { _folder: folder, path }
}

/// Applies a document.
fn apply(server: &Server, flags: &[&str], content: impl AsRef<str>) -> Output {
    let file = file(content);
    server.tool("ts-schema").arg("apply").args(flags).arg(&file.path).run()
}

/// What was done with each object, as `kind name action`, in the order in which it was done.
fn actions(output: &Output) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let records = output.records().into_iter();
    records
        .map(|record| [&record["kind"], &record["name"], &record["schema"]["action"]].map(text).join(" "))
        .collect()
}

/// Kind and message of each reject.
fn rejects(output: &Output) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rejects = output.rejects().into_iter();
    rejects.map(|reject| (text(&reject["error"]["kind"]), text(&reject["error"]["message"]))).collect()
}

/// The only reject of a run, which ended with 3.
#[track_caller]
fn reject(output: &Output) -> (String, String) {
    let mut rejects = rejects(output.assert_code(3));
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    rejects.remove(0)
}

/// A collection of one field.
fn collection(name: &str) -> String {
    format!(r#"{{"name":"{name}","fields":[{{"name":"title","type":"string"}}]}}"#)
}
