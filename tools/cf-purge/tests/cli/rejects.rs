//! Records that cannot be purged, and that the others are.

use anyhow::Result;
use serde_json::Value;
use tempfile::TempDir;

use crate::fake::Fake;
use crate::{receipts, records};

fn kinds(rejects: &[Value]) -> Vec<&str> {
    rejects.iter().filter_map(|reject| reject["error"]["kind"].as_str()).collect()
}

#[test]
fn each_bad_record_is_a_reject_and_the_rest_is_purged() {
    let fake = Fake::start(Some(1));
    let long = serde_json::json!({"key": "é".repeat(700)});
    let input = format!(
        "{{\"key\":\nx\n[]\n{{\"k\":1}}\n{{\"key\":7}}\n{{\"key\":\"\"}}\n{long}\n{}",
        records(["good"])
    );
    let output = fake.tool().stdin(input).run();
    output.assert_code(3);
    let expected =
        ["bad-line", "bad-line", "bad-line", "bad-record", "bad-record", "bad-record", "path-too-long"];
    assert_eq!(kinds(&output.rejects()), expected);
    assert_eq!(receipts(&output).keys().collect::<Vec<_>>(), ["/good"]);
    assert_eq!(fake.state().purged(), ["/good"]);
    assert!(output.stderr.contains("read 8, done 1, rejected 7"), "{}", output.stderr);
}

#[test]
fn a_key_outside_the_folder_to_strip_is_rejected() {
    let fake = Fake::start(Some(1));
    let output = fake
        .tool()
        .args(["--strip-prefix", "originals", "--add-prefix", "/img"])
        .stdin(records(["originals/a.jpg", "originals-old/a.jpg", "a.jpg"]))
        .run();
    output.assert_code(3);
    assert_eq!(kinds(&output.rejects()), ["outside-prefix", "outside-prefix"]);
    assert_eq!(fake.state().purged(), ["/img/a.jpg"]);
}

#[test]
fn exact_rejects_what_only_a_wildcard_reaches() {
    let fake = Fake::start(Some(1));
    let input = records(["a", "b~", "c?d", "e*", "f*g"]);
    let output = fake.tool().arg("--exact").stdin(input.as_str()).run();
    output.assert_code(3);
    assert_eq!(kinds(&output.rejects()), ["needs-wildcard"; 3]);
    assert_eq!(fake.state().purged(), ["/a", "/f*g"]);
    let output = fake.tool().stdin(input).run();
    output.assert_code(0);
    assert_eq!(receipts(&output).keys().collect::<Vec<_>>(), ["/a", "/b*", "/c*", "/e*", "/f*g"]);
}

#[test]
fn rejects_go_to_a_file_that_is_input_again() -> Result<()> {
    let fake = Fake::start(Some(1));
    let folder = TempDir::new()?;
    let file = folder.path().join("rejects.jsonl");
    let rejects = file.to_str().unwrap_or_default();
    let output = fake.tool().args(["--exact", "--rejects", rejects]).stdin(records(["a", "b~"])).run();
    assert!(output.assert_code(3).rejects().is_empty());
    let again = fake.tool().stdin(std::fs::read(&file)?).run();
    again.assert_code(0);
    assert_eq!(receipts(&again).keys().collect::<Vec<_>>(), ["/b*"]);
    Ok(())
}

#[test]
fn too_many_rejects_end_the_run_before_anything_is_sent() {
    let fake = Fake::start(Some(1));
    let output = fake.tool().args(["--max-rejects", "1"]).stdin(records(["a"]) + "{}\n{}\n").run();
    output.assert_code(1);
    assert!(output.stderr.contains("not purged: 1"), "{}", output.stderr);
    assert_eq!(fake.state().creates(), 0);
    let output = fake.tool().args(["--max-rejects", "2"]).stdin(records(["a"]) + "{}\n{}\n").run();
    output.assert_code(3);
    assert_eq!(fake.state().purged(), ["/a"]);
}

#[test]
fn plain_lines_are_keys_whatever_they_look_like() {
    let fake = Fake::start(Some(1));
    let output = fake.tool().arg("--plain").stdin("a b.jpg\r\n\n{\"key\":\"c\"}\n\u{ff}\n".as_bytes()).run();
    output.assert_code(0);
    let paths = ["/%7B%22key%22:%22c%22%7D", "/%C3%BF", "/a%20b.jpg"];
    assert_eq!(receipts(&output).keys().collect::<Vec<_>>(), paths);
    let output = fake.tool().arg("--plain").stdin(b"\xff\n".as_slice()).run();
    assert_eq!(kinds(&output.assert_code(3).rejects()), ["bad-line"]);
}

#[test]
fn what_was_rejected_is_the_key_again_among_plain_lines() -> Result<()> {
    let folder = TempDir::new()?;
    let file = folder.path().join("rejects.jsonl");
    let rejects = file.to_str().unwrap_or_default();
    let input = [b"caf\xe9.jpg\nb~\n".as_slice(), "\u{e9}".repeat(700).as_bytes(), b"\ngood\n"].concat();
    let fake = Fake::start(Some(1));
    let output = fake.tool().args(["--plain", "--exact", "--rejects", rejects]).stdin(input).run();
    assert_eq!(receipts(output.assert_code(3)).keys().collect::<Vec<_>>(), ["/good"]);
    let letters = std::fs::read(&file)?;
    let again = fake.tool().arg("--plain").stdin(letters.as_slice()).run();
    // What is no UTF-8 is no key either, and what is too long still is; the third is purged as itself.
    assert_eq!(kinds(&again.assert_code(3).rejects()), ["bad-line", "path-too-long"]);
    assert_eq!(receipts(&again).keys().collect::<Vec<_>>(), ["/b*"]);
    assert_eq!(fake.state().purged(), ["/good", "/b*"]);
    // Byte for byte the line that it was.
    let first = letters.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let carried = |letter: &Value| letter["line_base64"].clone();
    assert_eq!(carried(&again.rejects()[0]), carried(&serde_json::from_slice(first)?));

    let letter = r#"{"error":{"tool":"s3-restore","kind":"denied","message":"m","retryable":true},"record":{"bucket":"b","key":"a b.jpg","version_id":"v"}}"#;
    let fake = Fake::start(Some(1));
    let output = fake.tool().arg("--plain").stdin(format!("{letter}\n{{\"key\":\"c\"}}\n")).run();
    let paths = ["/%7B%22key%22:%22c%22%7D", "/a%20b.jpg"];
    assert_eq!(receipts(output.assert_code(0)).keys().collect::<Vec<_>>(), paths);
    Ok(())
}
