//! `--keys-from`: exactly the keys of a file.

use testkit::s3::Server;
use testkit::tool::Output;

use super::{clock, delete, put, server, texts, tool};

fn keys(server: &Server, args: &[&str], input: &str) -> Output {
    tool(server).args(["--keys-from", "-", "--concurrency", "1"]).args(args).stdin(input).run()
}

#[test]
fn a_longer_key_is_not_answered_for_a_shorter_one() {
    let server = server();
    for key in ["urn:15", "urn:150", "urn:15/0", "urn:1"] {
        put(&server, key, "x", "10:00:00");
    }
    delete(&server, "urn:15", "10:00:01");
    let output = keys(&server, &["--bucket", "photos"], "urn:15\n");
    output.assert_code(0);
    assert_eq!(texts(&output.records(), "key"), ["urn:15", "urn:15"]);
}

#[test]
fn a_key_that_begins_a_million_others_is_read_in_one_request() {
    let server = server();
    for n in 0..500 {
        put(&server, &format!("a{n}"), "x", "10:00:00");
    }
    put(&server, "a", "x", "10:00:00");
    keys(&server, &["--bucket", "photos"], "a\n").assert_code(0);
    assert_eq!(server.count("ListObjectVersions"), 1);
}

#[test]
fn every_form_of_the_file_names_the_same_keys() {
    let server = server();
    server.create_bucket("other");
    for key in ["a b", "c,d"] {
        put(&server, key, "x", "10:00:00");
    }
    server.put("other", "o", testkit::s3::Put::bytes("x"));
    let json =
        "{\"key\":\"a b\"}\n\n{\"key\":\"c,d\",\"more\":[1.10]}\n{\"key\":\"o\",\"bucket\":\"other\"}\n";
    let csv = "\u{feff}bucket,key\r\n,a b\r\n,\"c,d\"\r\nother,o\r\n";
    for input in [json, csv] {
        let output = keys(&server, &["--bucket", "photos"], input);
        output.assert_code(0);
        assert_eq!(texts(&output.records(), "key"), ["a b", "c,d", "o"]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.txt");
    std::fs::write(&file, "a b\nc,d\n").unwrap();
    let output = tool(&server).args(["s3://photos", "--concurrency", "1", "--keys-from"]).arg(&file).run();
    output.assert_code(0);
    assert_eq!(texts(&output.records(), "key"), ["a b", "c,d"]);
    let output = keys(&server, &["--bucket", "photos", "--keys-format", "plain"], json);
    output.assert_code(3);
    assert_eq!(output.rejects().len(), 3);
}

#[test]
fn plans_are_made_for_single_keys_too() {
    let server = server();
    let good = put(&server, "a", "good", "10:00:00");
    put(&server, "a", "bad", "10:00:01");
    put(&server, "b", "good", "10:00:00");
    let at = clock("10:00:00");
    let output = keys(&server, &["--bucket", "photos", "--at", &at], "a\nb\n");
    output.assert_code(0);
    assert_eq!(texts(&output.records(), "version_id"), [good]);
}

#[test]
fn what_cannot_be_answered_is_rejected_and_the_rest_is_done() {
    let server = server();
    put(&server, "a", "x", "10:00:00");
    let input = "{\"key\":\"missing\"}\n{\"key\":\"a\",\"bucket\":\"nowhere\"}\nnot json\n{\"name\":\"a\"}\n{\"key\":\"\"}\n{\"key\":\"a\"}\n";
    let output = keys(&server, &["--bucket", "photos", "--keys-format", "json"], input);
    output.assert_code(3);
    assert_eq!(texts(&output.records(), "key"), ["a"]);
    let kinds: Vec<_> =
        output.rejects().iter().map(|reject| reject["error"]["kind"].as_str().unwrap().to_owned()).collect();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["bad-line", "bad-record", "bad-record", "no-such-bucket", "no-such-key"]);
    // The rejects are an input, and fail in the same way again but for the line, which the user could mend.
    let rejects: String =
        output.stderr.lines().filter(|line| line.starts_with('{')).map(|line| format!("{line}\n")).collect();
    let again = keys(&server, &["--bucket", "photos"], &rejects);
    again.assert_code(3);
    assert_eq!(again.rejects().len(), 5);
}

#[test]
fn rejects_go_to_their_file_and_too_many_end_the_run() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rejects.jsonl");
    let path = file.to_str().unwrap();
    let output = keys(&server, &["--bucket", "photos", "--rejects", path, "--max-rejects", "1"], "x\ny\nz\n");
    output.assert_code(1);
    assert!(output.stderr.contains("--max-rejects 1"), "{}", output.stderr);
    assert_eq!(output.rejects().len(), 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
}

#[test]
fn the_command_lines_own_bucket_must_exist() {
    let server = server();
    let output = keys(&server, &["--bucket", "nowhere"], "a\nb\n");
    output.assert_code(1);
    assert!(output.stderr.contains("NoSuchBucket"), "{}", output.stderr);
}

#[test]
fn no_bucket_at_all_is_the_records_fault() {
    let server = server();
    let output = keys(&server, &[], "a\n");
    output.assert_code(3);
    assert_eq!(output.rejects()[0]["error"]["kind"], "bad-record");
}

#[test]
fn a_file_that_cannot_be_read_or_a_prefix_beside_it_is_a_usage_error() {
    let server = server();
    tool(&server).args(["s3://photos", "--keys-from", "/no/such/file"]).run().assert_code(2);
    keys(&server, &["s3://photos/prefix"], "a\n").assert_code(2);
    tool(&server).args(["s3://photos", "--keys-format", "csv"]).run().assert_code(2);
}

#[test]
fn keys_are_answered_while_the_input_is_still_open() {
    let server = server();
    put(&server, "a", "x", "10:00:00");
    let mut running = tool(&server).args(["--bucket", "photos", "--keys-from", "-"]).spawn();
    running.write("a\n");
    assert!(running.line().unwrap().contains("\"key\":\"a\""));
    running.signal("INT");
    running.wait_stderr("stopping");
    let output = running.wait();
    assert_eq!(output.signal, Some(2), "{}", output.stderr);
}
