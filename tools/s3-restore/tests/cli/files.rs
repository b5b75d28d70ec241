//! Files that a run must not take for two things, and records that a full disk must not lose.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use testkit::tool::{Output, Tool};

use crate::bench::{lines, overwritten, server, wanted};

/// The tool in bash, with a log of its own in a folder.
fn bash(url: &str, folder: &std::path::Path, line: &str) -> Output {
    Tool::bash(line).env("AWS_ENDPOINT_URL_S3", url).cwd(folder).run()
}

/// The keys of the whole records in a text that also has other lines.
fn restored(text: &str) -> BTreeSet<String> {
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let records = records.filter(|record| record["restore"]["version_id"].is_string());
    records.map(|record| record["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_a_full_disk_does_not_take_is_on_stderr() {
    let server = server();
    let keys: BTreeSet<String> = (0..90).map(|n| format!("k{n:03}")).collect();
    let plan: Vec<_> = keys.iter().map(|key| wanted(key, &overwritten(&server, key).0)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("plan"), lines(&plan)).expect("a plan");
    // The blocks of 1,024 bytes after which the disk is full: before the first record, and in the middle of one.
    for blocks in [0, 9] {
        let line = format!(
            "trap '' XFSZ; (ulimit -f {blocks}; exec s3-restore --method copy plan 2>&1 > out) | cat > err || true; \
             cat out err"
        );
        let output = bash(server.url(), folder.path(), &line);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(told.contains("stdout took no more"), "{blocks}: {told}");
        let out = fs::read_to_string(folder.path().join("out")).expect("the output");
        let err = fs::read_to_string(folder.path().join("err")).expect("the messages");
        let all: BTreeSet<_> = restored(&out).union(&restored(&err)).cloned().collect();
        let done = err.split("done ").nth(1).and_then(|rest| rest.split(',').next()).expect("a last line");
        assert_eq!(all.len().to_string(), done, "{blocks}: {err}");
        fs::remove_file(folder.path().join("out")).expect("the output");
    }
}

#[test]
fn a_file_has_one_use() {
    let server = server();
    let folder = tempfile::tempdir().expect("a folder");
    let content = lines(&[wanted("a", "v")]);
    for line in [
        "s3-restore --rejects x < x",
        "s3-restore --rejects x x",
        "s3-restore --rejects x < y >> x",
        "s3-restore --journal x < y 2>> x",
        "s3-restore --journal new --rejects new < y",
        "s3-restore --journal new y > /dev/null 2> new",
    ] {
        for name in ["x", "y"] {
            fs::write(folder.path().join(name), &content).expect("an input");
        }
        let output = bash(server.url(), folder.path(), line);
        output.assert_code(2);
        let x = fs::read_to_string(folder.path().join("x")).expect("the file");
        assert!(x.starts_with(&content), "{line}: {x}");
    }
}

#[test]
fn rejects_do_not_go_into_a_journal() {
    let server = server();
    let (old, _) = overwritten(&server, "a");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("plan"), lines(&[wanted("a", &old)])).expect("a plan");
    bash(server.url(), folder.path(), "s3-restore --journal j plan").assert_code(0);
    let journal = fs::read(folder.path().join("j")).expect("the journal");
    let output = bash(server.url(), folder.path(), "s3-restore --rejects j plan");
    output.assert_code(2);
    assert!(output.stderr.contains("is a journal"), "{}", output.stderr);
    assert_eq!(fs::read(folder.path().join("j")).expect("the journal"), journal);
}

#[test]
fn a_field_of_ours_that_came_twice_can_be_undone() {
    let server = server();
    let (old, bad) = overwritten(&server, "a");
    let folder = tempfile::tempdir().expect("a folder");
    let record =
        lines(&[wanted("a", &old)]).replace("}\n", ",\"restore\":{\"x\":1},\"n\":1.10,\"restore\":7}\n");
    fs::write(folder.path().join("plan"), record).expect("a plan");
    bash(server.url(), folder.path(), "s3-restore --method copy plan > log").assert_code(0);
    let undone = bash(server.url(), folder.path(), "s3-restore --undo log");
    undone.assert_code(0);
    let record: Value = serde_json::from_str(undone.text()).expect("a record");
    assert_eq!(record["restore"]["action"], "copy", "the bad version {bad} is current again");
    assert!(undone.text().contains("\"n\":1.10"));
}
