//! Records of versions and delete markers, in the store's order, and the flags that select among them.

use serde_json::json;
use testkit::s3::Put;

use super::{clock, delete, list, put, server, texts, tool};

#[test]
fn versions_and_delete_markers_come_in_the_order_of_the_store() {
    let server = server();
    let mut written = Vec::new();
    for _ in 0..2 {
        written.push(put(&server, "a", "same", "10:00:00"));
        written.push(delete(&server, "a", "10:00:00"));
    }
    let records = list(&server, &["s3://photos"]);
    written.reverse();
    assert_eq!(texts(&records, "version_id"), written);
    let markers: Vec<_> = records.iter().map(|record| record["delete_marker"].as_bool().unwrap()).collect();
    assert_eq!(markers, [true, false, true, false]);
    assert_eq!(records[0]["is_latest"], true);
    assert_eq!(records[1]["is_latest"], false);
}

#[test]
fn a_record_says_what_the_store_says() {
    let server = server();
    let id = server.put(
        "photos",
        "a.jpg",
        Put::bytes("hello").at(&clock("10:00:00")).storage_class("STANDARD_IA").etag("abc"),
    );
    let record = &list(&server, &["s3://photos/a"])[0];
    let expected = json!({
        "bucket": "photos", "key": "a.jpg", "version_id": id, "is_latest": true, "delete_marker": false,
        "last_modified": "2026-11-20T10:00:00.000Z", "size": 5, "etag": "\"abc\"", "storage_class": "STANDARD_IA",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&record[field], value, "{field}");
    }
    assert!(record["owner"].is_string());
    assert_eq!(record.get("plan"), None);
}

#[test]
fn keys_arrive_exactly() {
    let server = server();
    let keys = [
        "a b",
        "a+b",
        "a%20b",
        "a%2Bb",
        "é/😀.jpg",
        "\u{1}\u{8}",
        "<&>\"'",
        "a\nb",
        " a ",
        "a//b",
        "\u{fffd}",
        "/",
    ];
    for key in keys {
        put(&server, key, "x", "10:00:00");
    }
    let mut expected = keys;
    expected.sort_unstable();
    assert_eq!(texts(&list(&server, &["s3://photos"]), "key"), expected);
    for key in keys {
        let records = list(&server, &["--bucket", "photos", "--prefix", key]);
        assert!(texts(&records, "key").contains(&key), "{key:?}");
    }
}

#[test]
fn pages_are_followed_to_the_end_in_every_place_where_one_can_break() {
    let server = server();
    let mut written = Vec::new();
    for key in 0..7 {
        for version in 0..(300 + key) {
            let key = format!("k +{key}");
            written.push(match version % 3 {
                0 => delete(&server, &key, "10:00:00"),
                _ => put(&server, &key, "x", "10:00:00"),
            });
        }
    }
    let records = list(&server, &["s3://photos/k"]);
    assert_eq!(records.len(), written.len());
    assert!(server.count("ListObjectVersions") >= 3);
    for key in 0..7 {
        let key = format!("k +{key}");
        let of_key: Vec<_> = records.iter().filter(|record| record["key"] == key.as_str()).collect();
        assert!(of_key[0]["is_latest"].as_bool().unwrap());
        let ids: Vec<_> = of_key.iter().map(|record| record["version_id"].as_str().unwrap()).collect();
        let place = |id: &str| written.iter().position(|other| other == id).unwrap();
        assert!(ids.windows(2).all(|pair| place(pair[0]) > place(pair[1])), "{key} is newest first");
    }
}

#[test]
fn a_prefix_is_not_a_folder() {
    let server = server();
    for key in ["img", "img/1", "img1", "im"] {
        put(&server, key, "x", "10:00:00");
    }
    assert_eq!(texts(&list(&server, &["s3://photos/img"]), "key"), ["img", "img/1", "img1"]);
    assert_eq!(texts(&list(&server, &["s3://photos/img/"]), "key"), ["img/1"]);
    assert_eq!(list(&server, &["s3://photos/none"]).len(), 0);
}

#[test]
fn latest_leaves_one_entry_of_each_key() {
    let server = server();
    put(&server, "a", "1", "10:00:00");
    let a = put(&server, "a", "2", "10:00:01");
    put(&server, "b", "1", "10:00:00");
    let b = delete(&server, "b", "10:00:01");
    assert_eq!(texts(&list(&server, &["--latest", "s3://photos"]), "version_id"), [a, b]);
}

#[test]
fn deleted_gives_the_version_beneath_the_markers() {
    let server = server();
    put(&server, "gone", "1", "09:00:00");
    let beneath = put(&server, "gone", "2", "09:30:00");
    let first = delete(&server, "gone", "10:00:00");
    let second = delete(&server, "gone", "10:00:00");
    put(&server, "here", "1", "09:00:00");
    delete(&server, "never", "09:00:00");
    let records = list(&server, &["--deleted", "s3://photos"]);
    assert_eq!(texts(&records, "version_id"), [beneath]);
    let plan = json!({ "action": "undelete", "current_version_id": second, "markers": [second, first] });
    assert_eq!(records[0]["plan"], plan);
    // The time is that of the deletion, the size that of the version.
    let since = |time: &str, more: &[&str]| {
        let time = clock(time);
        list(&server, &[&["--deleted", "s3://photos", "--since", time.as_str()], more].concat()).len()
    };
    assert_eq!(since("10:00:00", &[]), 1);
    assert_eq!(since("10:00:01", &[]), 0);
    assert_eq!(since("10:00:00", &["--min-size", "1"]), 1);
    assert_eq!(since("10:00:00", &["--min-size", "2"]), 0);
}

#[test]
fn since_and_until_include_their_instants() {
    let server = server();
    for (key, time) in [("a", "10:00:00"), ("b", "10:00:01"), ("c", "10:00:02")] {
        put(&server, key, "x", time);
    }
    let between = |since: &str, until: &str| {
        let records = list(&server, &["s3://photos", "--since", since, "--until", until]);
        texts(&records, "key").join("")
    };
    assert_eq!(between(&clock("10:00:00"), &clock("10:00:02")), "abc");
    assert_eq!(between(&clock("10:00:01"), "2026-11-20T11:00:01+01:00"), "b");
    // A span counts back from now, and all of this was written long ago.
    assert_eq!(between("99999h", &clock("10:00:00")), "a");
    assert_eq!(between("1s", "0s"), "");
}

#[test]
fn globs_and_regexes_choose_keys() {
    let server = server();
    for key in ["a/1.jpg", "a/b/2.jpg", "a/b/2.png", "b/3.jpg"] {
        put(&server, key, "x", "10:00:00");
    }
    let keys = |args: &[&str]| {
        let records = list(&server, &[&["s3://photos"], args].concat());
        texts(&records, "key").join(" ")
    };
    assert_eq!(keys(&["--match", "a/*.jpg"]), "a/1.jpg a/b/2.jpg");
    assert_eq!(keys(&["--regex", r"\d\.(png|gif)$"]), "a/b/2.png");
    assert_eq!(keys(&["--regex", "^a/", "--match", "*.jpg"]), "a/1.jpg a/b/2.jpg");
    assert_eq!(keys(&["--match", "A/*"]), "");
}

#[test]
fn sizes_choose_versions_and_leave_delete_markers_out() {
    let server = server();
    for (key, size) in [("a", 1023), ("b", 1024), ("c", 2048), ("d", 6 << 30)] {
        server.put("photos", key, Put::synthetic(size).at(&clock("10:00:00")));
    }
    delete(&server, "e", "10:00:00");
    let keys = |args: &[&str]| {
        let records = list(&server, &[&["s3://photos"], args].concat());
        texts(&records, "key").join("")
    };
    assert_eq!(keys(&["--min-size", "1K"]), "bcd");
    assert_eq!(keys(&["--min-size", "1K", "--max-size", "2k"]), "bc");
    assert_eq!(keys(&["--min-size", "5G"]), "d");
    assert_eq!(keys(&["--max-size", "1023"]), "a");
}

#[test]
fn a_null_version_is_a_version() {
    let server = server();
    server.put("photos", "a", Put::bytes("old").version_id("null").at(&clock("09:00:00")));
    delete(&server, "a", "10:00:00");
    let records = list(&server, &["--deleted", "s3://photos"]);
    assert_eq!(texts(&records, "version_id"), ["null"]);
}

#[test]
fn a_bucket_of_any_size_takes_the_same_memory() {
    use testkit::s3::{Options, Synthetic};

    let peak = |keys: u64| {
        let synthetic = Synthetic { keys, versions_per_key: 2, ..Synthetic::default() };
        let bucket = format!("s3://{}", synthetic.bucket);
        let server =
            super::server_with(Options { synthetic: Some(synthetic), log: false, ..Options::default() });
        let mut running = tool(&server).arg(bucket).spawn();
        let mut lines = 0;
        let mut peak = 0;
        while running.line().is_some() {
            lines += 1;
            if lines % 1000 == 0 {
                peak = peak.max(resident(running.pid()));
            }
        }
        running.wait().assert_code(0);
        assert_eq!(lines, 2 * keys);
        peak
    };
    let (small, large) = (peak(2_000), peak(50_000));
    assert!(large < small + (8 << 10), "{small} KiB for 4,000 entries, {large} KiB for 100,000");
}

/// KiB of memory that the process holds.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
