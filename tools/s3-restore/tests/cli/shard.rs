//! `--shard`: runs that share the keys.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bench::{BUCKET, copies, lines, run, server, tool};

#[test]
fn shards_together_are_the_whole_and_none_is_restored_twice() {
    let server = server();
    let records = copies(&server, 30);
    let mut keys = BTreeSet::new();
    let mut passed = 0;
    for index in 0..3 {
        let output = run(server.url(), &["--shard", &format!("{index}/3")], &records);
        output.assert_code(0);
        let restored = output.records();
        let mine: BTreeSet<_> =
            restored.iter().map(|record| record["key"].as_str().unwrap().to_owned()).collect();
        assert!(!mine.is_empty() && mine.is_disjoint(&keys));
        assert!(
            output.stderr.contains(&format!("passed over {} of other shards", 30 - mine.len())),
            "{}",
            output.stderr
        );
        passed += 30 - mine.len();
        keys.extend(mine);
    }
    assert_eq!((keys.len(), passed, server.count("CopyObject")), (30, 60, 30));
}

#[test]
fn what_has_no_key_is_rejected_by_one_shard() {
    let server = server();
    let rejects = |index: u32| {
        let output =
            tool(server.url()).args(["--shard", &format!("{index}/2")]).stdin("no record\n{}\n").run();
        output.assert_code(if index == 0 { 3 } else { 0 });
        output.rejects().len()
    };
    assert_eq!((rejects(0), rejects(1)), (2, 0));
}

#[test]
fn csv_and_undo_are_shared_in_the_same_way() {
    let server = server();
    let records = copies(&server, 12);
    let csv: String = records.iter().fold("key,version_id\n".to_owned(), |csv, record| {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        csv + &format!("{},{}\n", text("key"), text("version_id"))
    });
    let mut done: Vec<Value> = Vec::new();
    for index in ["0/2", "1/2"] {
        let output =
            tool(server.url()).args(["--csv", "--bucket", BUCKET, "--shard", index]).stdin(csv.clone()).run();
        output.assert_code(0);
        done.extend(output.records());
    }
    assert_eq!(done.len(), 12);
    let bucketed = done.into_iter().map(|mut record| {
        record["bucket"] = BUCKET.into();
        record
    });
    let log = lines(&bucketed.collect::<Vec<_>>());
    let undone = |index: &str| {
        let output = tool(server.url()).args(["--undo", "--shard", index]).stdin(log.clone()).run();
        output.assert_code(0);
        output.records().len()
    };
    assert_eq!(undone("0/2") + undone("1/2"), 12);
}

#[test]
fn a_shard_that_is_none_is_a_usage_error() {
    for wrong in ["2/2", "1", "a/b", "-1/2"] {
        tool("http://127.0.0.1:9").arg(format!("--shard={wrong}")).run().assert_code(2);
    }
}
