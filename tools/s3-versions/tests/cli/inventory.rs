//! `--inventory`: the same answers as from a listing.

use serde_json::{Value, json};
use testkit::s3::{Put, Server};

use super::inventory_report::{CREATED, Report, URL, gzip};
use super::{clock, delete, list, put, server, texts, tool};

/// A bucket with keys that need encoding, histories of every kind, and a null version.
fn bucket() -> Server {
    let server = server();
    for key in ["a", "a b+c", "a/50%?é\"x\",y", "b\n", "ключ/中文", "z"] {
        put(&server, key, "good", "10:00:00");
        put(&server, key, "bad", "10:00:10");
    }
    put(&server, "gone", "good", "10:00:01");
    delete(&server, "gone", "10:00:11");
    delete(&server, "gone", "10:00:12");
    put(&server, "born", "new", "10:00:13");
    server.put("photos", "null", Put::bytes("old").version_id("null").at(&clock("09:00:00")));
    put(&server, "null", "new", "10:00:14");
    server.put("photos", "cold", Put::bytes("cold").at(&clock("10:00:00")).storage_class("GLACIER"));
    server
}

/// A listing's records, without what a report does not have.
fn as_reported(mut records: Vec<Value>) -> Vec<Value> {
    for record in &mut records {
        record.as_object_mut().unwrap().remove("checksum_type");
    }
    records
}

fn answers_as_the_listing_does(report: impl Fn(&[Value]) -> Report) {
    let server = bucket();
    report(&list(&server, &["s3://photos"])).publish(&server);
    let then = clock("10:00:05");
    let views: [&[&str]; 12] = [
        &["s3://photos"],
        &["--latest", "s3://photos"],
        &["--deleted", "s3://photos"],
        &["--deleted", "--since", &clock("10:00:13"), "s3://photos"],
        &["--at", &then, "s3://photos"],
        &["--at", &then, "--all", "s3://photos"],
        &["--at", &then, "--match", "a*", "s3://photos"],
        &["--regex", "^[^a]", "--min-size", "4", "s3://photos"],
        &["--max-size", "3", "s3://photos"],
        &["--since", &clock("10:00:10"), "--until", &clock("10:00:12"), "s3://photos"],
        &["--at", &then, "s3://photos/a/"],
        &["--bucket", "photos", "--prefix", "g"],
    ];
    for view in views {
        let listed = as_reported(list(&server, view));
        assert_eq!(list(&server, &[&["--inventory", URL], view].concat()), listed, "{view:?}");
    }
    assert!(list(&server, &["--inventory", URL, "s3://photos/nothing"]).is_empty());
}

#[test]
fn a_report_in_csv_answers_as_a_listing_does() {
    answers_as_the_listing_does(|records| Report::csv(records, 3));
}

#[test]
fn a_report_in_parquet_answers_as_a_listing_does() {
    answers_as_the_listing_does(|records| Report::parquet(records, 3));
}

#[test]
fn a_report_without_files_is_an_empty_bucket() {
    let server = server();
    Report::csv(&[], 0).publish(&server);
    assert!(list(&server, &["--inventory", URL, "s3://photos"]).is_empty());
}

#[test]
fn what_the_report_is_is_said() {
    let server = bucket();
    Report::csv(&list(&server, &["s3://photos"]), 2).publish(&server);
    let output = tool(&server).args(["--inventory", URL, "--at", &clock("10:00:05"), "s3://photos/a"]).run();
    output.assert_code(0);
    let said = [
        format!("report of s3://photos of {CREATED}, "),
        " old, in 2 files: later changes are not in it".into(),
        "the report is whole: 6 of its entries are wanted".into(),
        "read 19, done 3, rejected 0".into(),
    ];
    for said in said {
        assert!(output.stderr.contains(&said), "{said}: {}", output.stderr);
    }
}

#[test]
fn versions_of_one_second_are_not_guessed() {
    let server = server();
    put(&server, "doubtful", "1", "10:00:00");
    put(&server, "doubtful", "2", "10:00:00");
    put(&server, "doubtful", "3", "10:00:09");
    put(&server, "clear", "1", "10:00:00");
    put(&server, "clear", "2", "10:00:00");
    let listed = list(&server, &["s3://photos"]);
    Report::csv(&listed, 1).publish(&server);

    let at = ["--at", &clock("10:00:05"), "s3://photos"];
    let output = tool(&server).args(["--inventory", URL]).args(at).run();
    output.assert_code(3);
    assert!(output.records().is_empty());
    let rejects = output.rejects();
    assert_eq!(rejects[0]["error"]["kind"], "same-second");
    assert_eq!(rejects[0]["record"], json!({"key": "doubtful", "bucket": "photos"}));

    // The reject is what --keys-from takes.
    let line = rejects[0].to_string();
    let settled = tool(&server).args(["--keys-from", "-", at[0], at[1]]).stdin(line).run();
    assert_eq!(settled.assert_code(0).records(), list(&server, &at));

    let every = tool(&server).args(["--inventory", URL, "s3://photos"]).run();
    every.assert_code(0);
    assert!(every.stderr.contains("1 keys have versions"), "{}", every.stderr);
    let (records, mut ids) = (every.records(), texts(&listed, "version_id"));
    let mut found = texts(&records, "version_id");
    found.sort_unstable();
    ids.sort_unstable();
    assert_eq!(found, ids);
}

#[test]
fn a_second_that_does_not_matter_is_no_doubt() {
    let server = server();
    put(&server, "markers", "1", "10:00:00");
    delete(&server, "markers", "10:00:02");
    delete(&server, "markers", "10:00:02");
    put(&server, "markers", "2", "10:00:09");
    put(&server, "deleted", "1", "10:00:00");
    put(&server, "deleted", "2", "10:00:00");
    delete(&server, "deleted", "10:00:01");
    Report::csv(&list(&server, &["s3://photos"]), 1).publish(&server);
    let at = ["--at", &clock("10:00:05"), "--match", "markers", "s3://photos"];
    let records = list(&server, &[&["--inventory", URL][..], &at].concat());
    assert_eq!(as_reported(list(&server, &at)), records);
    assert_eq!(records[0]["plan"]["action"], "mark-deleted");
    let since = ["--inventory", URL, "--deleted", "s3://photos", "--since"];
    assert!(list(&server, &[&since[..], &[&clock("10:00:02")]].concat()).is_empty());
    tool(&server).args(since).arg(clock("10:00:01")).run().assert_code(3);
}

#[test]
fn a_delete_marker_has_no_size_whatever_the_report_says() {
    let server = server();
    let schema =
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass";
    let row =
        "\"photos\",\"a\",\"m\",\"true\",\"true\",\"0\",\"2026-11-20T10:00:00.000Z\",\"e\",\"STANDARD\"\n";
    Report::new("CSV", schema, "csv.gz", vec![gzip(row)]).publish(&server);
    let marker = json!({
        "bucket": "photos", "key": "a", "version_id": "m", "is_latest": true, "delete_marker": true,
        "last_modified": "2026-11-20T10:00:00.000Z",
    });
    assert_eq!(list(&server, &["--inventory", URL, "s3://photos"]), [marker]);
}

#[test]
fn a_key_with_two_latest_versions_is_rejected() {
    let server = server();
    put(&server, "a", "1", "10:00:00");
    put(&server, "a", "2", "10:00:01");
    let mut listed = list(&server, &["s3://photos"]);
    listed[1]["is_latest"] = true.into();
    Report::csv(&listed, 1).publish(&server);
    for view in ["--latest", "--deleted"] {
        let output = tool(&server).args(["--inventory", URL, view, "s3://photos"]).run();
        output.assert_code(3);
        assert!(output.records().is_empty());
        assert_eq!(output.rejects()[0]["error"]["kind"], "latest-unclear");
    }
}

/// So many keys in no order, each with one version, and long enough that memory does not hold them.
fn many(keys: usize) -> Vec<Value> {
    let record = |n: usize| {
        let n = n * 7_919 % keys;
        json!({
            "bucket": "photos", "key": format!("{n:06}/{}", "x".repeat(100)), "version_id": format!("id{n}"),
            "is_latest": true, "delete_marker": false, "last_modified": clock("10:00:00"), "size": n,
            "etag": format!("{:032x}", n * n),
        })
    };
    (0..keys).map(record).collect()
}

fn is_sorted_in_files(report: &Report, keys: usize) {
    let server = server();
    report.publish(&server);
    let refused = tool(&server).args(["--inventory", URL, "--tmpdir", "/nowhere", "s3://photos"]).run();
    refused.assert_code(1);
    assert!(refused.stderr.contains("cannot make a file in /nowhere: see --tmpdir"), "{}", refused.stderr);
    assert!(refused.stdout.is_empty());

    let folder = tempfile::tempdir().unwrap();
    let args = ["--inventory", URL, "s3://photos", "--tmpdir"];
    let mut running = tool(&server).args(args).arg(folder.path()).spawn();
    let (mut lines, mut peak) = (0, 0);
    while let Some(line) = running.line() {
        assert!(line.contains(&format!("\"version_id\":\"id{lines}\"")), "line {lines}: {line}");
        lines += 1;
        if lines % 10_000 == 0 {
            peak = peak_memory(running.pid());
        }
    }
    running.wait().assert_code(0);
    assert_eq!(lines, keys);
    assert!(peak < 64 << 10, "{peak} KiB");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// The most KiB of memory that the process ever held.
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn more_csv_than_memory_holds_is_sorted_in_files() {
    is_sorted_in_files(&Report::csv(&many(100_000), 3), 100_000);
}

#[test]
fn more_parquet_than_memory_holds_is_sorted_in_files() {
    is_sorted_in_files(&Report::parquet(&many(100_000), 2), 100_000);
}
