//! Each stage of RB-N-03 is killed in turn; after another run with the same folder, bucket and records are those of a run
//! that nobody disturbed.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::tool::Output;

use crate::stage::{Damaged, KEYS, Stage};

fn run(stage: &Stage, damaged: &Damaged) -> Output {
    damaged.of(stage.run("rb-n-03-s3-restore.sh", "--yes --delete-newer")).run()
}

/// What was done to each key, each once.
fn done(records: &[Value]) -> BTreeMap<String, String> {
    let mut done = BTreeMap::new();
    for record in records {
        let restore = &record["restore"];
        let what = format!("{} {}", restore["action"], restore["version_id"] != Value::Null);
        let before = done.insert(record["key"].to_string(), what);
        assert!(before.is_none(), "{} is there twice: {records:?}", record["key"]);
    }
    done
}

/// The paths of receipts, each as often as it was paid for.
fn paths(receipts: &[Value]) -> Vec<String> {
    let mut paths: Vec<_> = receipts.iter().map(|receipt| receipt["path"].to_string()).collect();
    paths.sort();
    paths
}

/// Kills the tool itself once this much of its output is out, and what stands before it.
fn dies_after(tool: &str, bytes: usize) -> String {
    format!(
        "case $* in *--dry-run*) PATH=${{PATH#*:}} exec {tool} \"$@\" ;; esac
        PATH=${{PATH#*:}}
        pipe=$(mktemp -u) && mkfifo \"$pipe\"
        {tool} \"$@\" <&0 >\"$pipe\" &
        head -c {bytes} <\"$pipe\"
        rm \"$pipe\"
        kill -KILL $! $$"
    )
}

/// Reads this much and is killed then.
fn dies_before(tool: &str, bytes: usize, only: &str) -> String {
    format!(
        "case $* in *{only}*) ;; *) PATH=${{PATH#*:}} exec {tool} \"$@\" ;; esac
        head -c {bytes} | PATH=${{PATH#*:}} {tool} \"$@\"
        kill -KILL $$"
    )
}

#[tokio::test]
async fn a_stage_that_is_killed_costs_nothing_but_another_run() {
    let (undisturbed, receipts) = {
        let (stage, damaged) = (Stage::new(), Damaged::new(&["photos"]).await);
        run(&stage, &damaged).assert_code(0);
        (done(&stage.records("incident/restore.jsonl")), paths(&stage.records("incident/purge.jsonl")))
    };
    assert_eq!((undisturbed.len(), receipts.len()), (KEYS + 1, KEYS + 1));
    let stages = [
        ("s3-versions", dies_after("s3-versions", 700)),
        ("s3-restore", dies_after("s3-restore", 0)),
        ("s3-restore", dies_after("s3-restore", 1500)),
        ("tee", dies_before("tee", 1500, "restore.jsonl")),
        ("cf-purge", dies_before("cf-purge", 1500, "--journal")),
        ("cf-purge", dies_after("cf-purge", 0)),
    ];
    for (tool, script) in stages {
        let (stage, damaged) = (Stage::new(), Damaged::new(&["photos"]).await);
        stage.fake(tool, &script);
        let killed = run(&stage, &damaged);
        assert!(matches!(killed.code, Some(1 | 137)), "{tool}: {:?} {}", killed.code, killed.text());
        let kept = stage.records("incident/restore.jsonl");
        stage.real(tool);
        run(&stage, &damaged).assert_code(0);
        let records = stage.records("incident/restore.jsonl");
        assert_eq!(done(&records), undisturbed, "{tool}: {}", stage.text("incident/log"));
        for record in kept {
            assert!(records.contains(&record), "{tool}: {record} was in the evidence");
        }
        damaged.assert_restored("photos").await;
        assert_eq!(paths(&stage.records("incident/purge.jsonl")), receipts, "{tool}");
        let parts: Vec<_> =
            stage.files("incident").into_keys().filter(|name| name.ends_with(".part")).collect();
        assert!(parts.is_empty(), "{tool}: {parts:?}");
        // The way back is whole: it leads to what was there before.
        let undo = "s3-restore --undo <incident/restore.jsonl";
        damaged.of(stage.bash(undo)).run().assert_code(0);
        damaged.assert_damaged("photos").await;
    }
}

#[tokio::test]
async fn the_evidence_never_gets_shorter() {
    let (stage, damaged) = (Stage::new(), Damaged::new(&["photos"]).await);
    let mut before = 0;
    // Each is killed sooner than the one before it.
    for bytes in [4000, 2000, 300] {
        stage.fake("tee", &dies_before("tee", bytes, "restore.jsonl"));
        run(&stage, &damaged).assert_code(1);
        let records = stage.records("incident/restore.jsonl");
        let now = done(&records).len();
        assert!(now >= before && now > 0, "{now} after {before}");
        before = now;
    }
    stage.real("tee");
    run(&stage, &damaged).assert_code(0);
    assert_eq!(done(&stage.records("incident/restore.jsonl")).len(), KEYS + 1);
}
