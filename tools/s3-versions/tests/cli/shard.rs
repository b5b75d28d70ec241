//! `--shard`: runs that share the keys, whatever they list and from where.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::s3::Server;

use super::inventory_report::{Report, URL};
use super::{clock, delete, list, put, server, texts, tool};

/// Two versions of each key, some of them deleted.
fn bucket() -> Server {
    let server = server();
    for n in 0..30 {
        put(&server, &format!("k{n:02} é"), "good", "10:00:00");
        put(&server, &format!("k{n:02} é"), "bad", "10:00:10");
        if n % 3 == 0 {
            delete(&server, &format!("k{n:02} é"), "10:00:11");
        }
    }
    server
}

fn lines(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(Value::to_string).collect()
}

/// What each of three shards writes with these flags.
fn shards(server: &Server, args: &[&str]) -> Vec<Vec<Value>> {
    let shard = |index| list(server, &[args, &["--shard", &format!("{index}/3")]].concat());
    (0..3).map(shard).collect()
}

#[test]
fn shards_together_are_the_whole_and_no_key_is_in_two() {
    let server = bucket();
    Report::csv(&list(&server, &["s3://photos"]), 2).publish(&server);
    let at = clock("10:00:05");
    for view in [&[][..], &["--latest"], &["--deleted"], &["--at", &at], &["--at", &at, "--all"]] {
        for source in [&["s3://photos"][..], &["--inventory", URL, "s3://photos"]] {
            let args = [view, source].concat();
            let whole = list(&server, &args);
            let parts = shards(&server, &args);
            let union: BTreeSet<_> = parts.iter().flat_map(|part| lines(part)).collect();
            assert_eq!(union, lines(&whole), "{args:?}");
            let keys: Vec<BTreeSet<_>> =
                parts.iter().map(|part| texts(part, "key").into_iter().collect()).collect();
            assert!(keys.iter().all(|keys| !keys.is_empty()), "{args:?}");
            let different: BTreeSet<_> = keys.iter().flatten().collect();
            assert_eq!(different.len(), keys.iter().map(BTreeSet::len).sum::<usize>(), "{args:?}");
        }
    }
}

#[test]
fn keys_of_other_shards_are_not_asked_for() {
    let server = bucket();
    let input: String = (0..30).map(|n| format!("k{n:02} é\n")).collect();
    server.clear_requests();
    let mut found = 0;
    for index in 0..3 {
        let args = ["--bucket", "photos", "--latest", "--keys-from", "-", "--shard", &format!("{index}/3")];
        let output = tool(&server).args(args).stdin(input.clone()).run();
        output.assert_code(0);
        let mine = output.records().len();
        let passed = format!("shard {index}/3: passed over {} of other shards", 30 - mine);
        assert!(output.stderr.contains(&passed), "{}", output.stderr);
        found += mine;
    }
    assert_eq!((found, server.count("ListObjectVersions")), (30, 30));
}

#[test]
fn a_shard_that_is_none_is_a_usage_error() {
    let server = server();
    for wrong in ["3/3", "one", "1/0"] {
        tool(&server).args(["s3://photos", "--shard", wrong]).run().assert_code(2);
    }
}
