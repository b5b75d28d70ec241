//! Records in every form, good and bad.

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::s3::Put;

use crate::bench::{
    BUCKET, Eyes, deleted, lines, message, overwritten, planned, read, rejected, restored, run, server, tool,
    wanted,
};

#[test]
fn fields_of_others_leave_as_they_came() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let line = format!(
        r#"{{"cost":1.10,"bucket":"{BUCKET}","n":123456789012345678901234567890,"key":"a.jpg","version_id":"{old}","é":"\u00e9"}}"#
    );
    let output = tool(server.url()).stdin(line.clone()).run();
    output.assert_code(0);
    let kept = &line[..line.len() - 1];
    assert!(output.text().starts_with(&format!("{kept},\"restore\":{{")), "{}", output.text());
    assert_eq!(restored(&output)["previous_version_id"], new);
}

#[test]
fn csv_names_key_and_version_and_perhaps_the_bucket() {
    let server = server();
    let (comma, _) = overwritten(&server, "a,b \"c\"\nd");
    let (plain, _) = overwritten(&server, "plain");
    let csv = format!("\u{feff}key,version_id\r\n\"a,b \"\"c\"\"\nd\",{comma}\r\nplain,{plain}\r\n");
    let output = tool(server.url()).args(["--csv", "--bucket", BUCKET]).stdin(csv).run();
    output.assert_code(0);
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.body("a,b \"c\"\nd").as_deref(), Some("good"));
    assert_eq!(eyes.body("plain").as_deref(), Some("good"));

    let csv = format!("bucket,key,version_id\n{BUCKET},plain,{plain}\nonly,two\n");
    let output = tool(server.url()).args(["--csv"]).stdin(csv).run();
    output.assert_code(3);
    assert_eq!(restored(&output)["action"], "already");
    assert_eq!(output.rejects()[0]["error"]["kind"], "bad-line");
}

#[test]
fn records_may_come_from_a_file() {
    let server = server();
    let (old, _) = overwritten(&server, "a.jpg");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("records.jsonl");
    std::fs::write(&file, lines(&[wanted("a.jpg", &old)])).unwrap();
    let output = tool(server.url()).arg(&file).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");

    let output = tool(server.url()).arg(folder.path().join("missing")).run();
    output.assert_code(2);
    assert!(output.stderr.contains("cannot open"), "{}", output.stderr);
}

#[test]
fn the_bucket_flag_helps_only_records_without_one() {
    let server = server();
    let (old, _) = overwritten(&server, "a.jpg");
    let output = run(server.url(), &["--bucket", BUCKET], &[json!({"key": "a.jpg", "version_id": old})]);
    output.assert_code(0);
    let output = run(server.url(), &["--bucket", "elsewhere"], &[wanted("a.jpg", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "already");
}

#[test]
fn a_record_that_says_too_little_is_turned_away() {
    let server = server();
    for (record, words) in [
        (json!({"key": "k", "version_id": "v"}), "bucket"),
        (json!({"bucket": BUCKET, "version_id": "v"}), "key"),
        (json!({"bucket": BUCKET, "key": "", "version_id": "v"}), "key"),
        (json!({"bucket": BUCKET, "key": "k"}), "version_id"),
        (json!({"bucket": BUCKET, "key": "k", "version_id": ""}), "version_id"),
        (json!({"bucket": BUCKET, "key": "k", "version_id": 7}), "string"),
        (json!({"bucket": "a/b", "key": "k", "version_id": "v"}), "slash"),
        (json!({"bucket": BUCKET, "key": "k", "version_id": "v", "plan": {"action": "explode"}}), "explode"),
    ] {
        let output = run(server.url(), &[], std::slice::from_ref(&record));
        assert_eq!(rejected(&output), "bad-record", "{record}");
        assert!(message(&output).contains(words), "{}", message(&output));
        assert_eq!(output.rejects()[0]["record"], record);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn bad_lines_are_turned_away_and_the_rest_is_done() {
    let server = server();
    let (old, _) = overwritten(&server, "a.jpg");
    let mut input = b"not json\n[1]\n\n\xff\xfe\n".to_vec();
    input.extend(vec![b'x'; 17 << 20]);
    input.push(b'\n');
    input.extend(lines(&[wanted("a.jpg", &old)]).into_bytes());
    let output = tool(server.url()).stdin(input).run();
    output.assert_code(3);
    assert_eq!(restored(&output)["action"], "copy");
    let kinds: Vec<Value> = output.rejects().iter().map(|reject| reject["error"]["kind"].clone()).collect();
    assert_eq!(kinds, ["bad-line"; 4]);
}

#[test]
fn an_empty_stream_is_no_error() {
    let server = server();
    let output = run(server.url(), &[], &[]);
    output.assert_code(0);
    assert!(output.stdout.is_empty());
    assert!(output.stderr.contains("read 0, done 0, rejected 0"), "{}", output.stderr);
}

#[test]
fn one_unknown_bucket_does_not_stop_the_others() {
    let server = server();
    let (old, _) = overwritten(&server, "a.jpg");
    let lost = json!({"bucket": "nowhere", "key": "a.jpg", "version_id": "v"});
    let output = run(
        server.url(),
        &[],
        &[lost.clone(), wanted("a.jpg", &old), json!({"bucket": "nowhere", "key": "b", "version_id": "v"})],
    );
    output.assert_code(3);
    assert_eq!(restored(&output)["action"], "copy");
    let rejects = output.rejects();
    assert!(rejects.iter().all(|reject| reject["error"]["kind"] == "no-such-bucket"));
    assert_eq!(rejects.len(), 2);
}

#[test]
fn versions_that_cannot_be_restored_have_their_own_kinds() {
    let server = server();
    let (_, marker) = deleted(&server, "a.jpg");
    let current = server.put(BUCKET, "a.jpg", Put::bytes("new"));
    for record in [wanted("a.jpg", "no-such"), planned("a.jpg", "no-such", "copy", &current)] {
        assert_eq!(rejected(&run(server.url(), &[], &[record])), "no-such-version");
    }
    for record in [wanted("a.jpg", &marker), planned("a.jpg", &marker, "copy", &current)] {
        assert_eq!(rejected(&run(server.url(), &[], &[record])), "delete-marker");
    }
    assert_eq!(rejected(&run(server.url(), &[], &[wanted("never-there", "v")])), "no-such-version");
    assert_eq!(Eyes::on(&server).body("a.jpg").as_deref(), Some("new"));
}

#[test]
fn of_two_records_for_a_key_the_second_is_turned_away() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let output = run(server.url(), &[], &[wanted("a.jpg", &old), wanted("a.jpg", &new)]);
    output.assert_code(3);
    assert_eq!(restored(&output)["action"], "copy");
    assert_eq!(output.rejects()[0]["error"]["kind"], "duplicate-key");
    assert_eq!(output.rejects()[0]["record"]["version_id"], new);
}

#[test]
fn a_rejects_file_is_the_input_of_the_retry() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("failed.jsonl");
    let record = planned("a.jpg", &old, "copy", "another");
    let output = tool(server.url()).arg("--rejects").arg(&file).stdin(lines(&[record])).run();
    output.assert_code(3);
    assert!(output.rejects().is_empty());
    assert!(read(&file).contains(&new));
    let output = tool(server.url()).arg("--force").arg(&file).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["previous_version_id"], new);
}

#[test]
fn too_many_rejects_end_the_run() {
    let server = server();
    let records: Vec<Value> = (0..10).map(|n| wanted(&format!("k{n}"), "v")).collect();
    let output = run(server.url(), &["--max-rejects", "3"], &records);
    output.assert_code(1);
    assert!(output.stderr.contains("--max-rejects 3"), "{}", output.stderr);
}
