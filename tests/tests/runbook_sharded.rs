//! `scripts/runbooks/s3-restore-sharded.sh`: shards together are the whole, and no key is in two of them.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use testkit::s3::{Options, Put, Server};
use testkit::tool::{Output, Tool};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks/s3-restore-sharded.sh");
const KEYS: usize = 40;

struct World {
    server: Server,
    folder: TempDir,
}

impl World {
    /// Keys that were good at ten and are damaged since, and the plan to bring them back.
    fn new() -> Self {
        let server = Server::start(Options::default());
        server.create_bucket("photos");
        for n in 0..KEYS {
            let key = format!("originals/{n} é.jpg");
            server.put("photos", &key, Put::bytes(format!("good {n}")).at("2026-11-20T09:00:00Z"));
            server.put("photos", &key, Put::bytes("bad").at("2026-11-20T10:00:01Z"));
        }
        let world = Self { server, folder: TempDir::new().expect("a folder") };
        world
            .tool("s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ > plan.jsonl")
            .run()
            .assert_code(0);
        world
    }

    fn tool(&self, script: &str) -> Tool {
        Tool::bash(script).env("AWS_ENDPOINT_URL_S3", self.server.url()).cwd(self.folder.path())
    }

    fn run(&self, args: &str) -> Output {
        self.tool(&format!("bash '{SCRIPT}' {args}")).run()
    }

    /// The keys of each shard's results.
    fn shards(&self) -> Vec<Vec<String>> {
        let name = |index| self.folder.path().join(format!("evidence/shard-{index}.jsonl"));
        (0..).map(name).take_while(|path| path.exists()).map(|path| keys(&path)).collect()
    }

    /// Puts a shell script before s3-restore, for the runs that say so.
    fn fake(&self, script: &str) {
        let bin = self.folder.path().join("bin");
        fs::create_dir_all(&bin).expect("a folder");
        let path = bin.join("s3-restore");
        fs::write(&path, format!("#!/usr/bin/env bash\nPATH=${{PATH#*:}}\n{script}\n")).expect("a script");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("an executable");
    }

    /// Shard 0 of one with the fake.
    fn faked(&self) -> Tool {
        let script = format!("PATH=$PWD/bin:$PATH exec bash '{SCRIPT}' 1 plan.jsonl evidence");
        self.tool(&script).env("JOB_COMPLETION_INDEX", "0")
    }

    /// Every file of the shards, with what it holds.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.folder.path().join("evidence")).expect("a folder");
        let path = |entry: std::io::Result<fs::DirEntry>| entry.expect("a file").path();
        entries.map(path).map(|path| (path.clone(), fs::read(&path).expect("its content"))).collect()
    }

    fn copies(&self) -> usize {
        self.server.count("CopyObject")
    }
}

fn keys(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("results");
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
    records.map(|record| record["key"].as_str().expect("a key").to_owned()).collect()
}

fn assert_whole(shards: &[Vec<String>]) {
    let all: Vec<_> = shards.iter().flatten().collect();
    let different: BTreeSet<_> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (KEYS, KEYS), "{shards:?}");
}

#[test]
fn all_shards_here_restore_every_key_once_and_a_second_run_does_nothing() {
    let world = World::new();
    world.run("3 plan.jsonl evidence").assert_code(0);
    let shards = world.shards();
    assert_eq!(shards.len(), 3);
    assert!(shards.iter().all(|shard| !shard.is_empty()), "{shards:?}");
    assert_whole(&shards);
    assert_eq!(world.copies(), KEYS);
    world.run("3 plan.jsonl evidence").assert_code(0);
    assert_whole(&world.shards());
    assert_eq!(world.copies(), KEYS);
}

#[test]
fn machines_of_an_array_run_a_shard_each() {
    for variable in ["AWS_BATCH_JOB_ARRAY_INDEX", "JOB_COMPLETION_INDEX"] {
        let world = World::new();
        for index in 0..4 {
            let script = format!("bash '{SCRIPT}' 4 plan.jsonl evidence -- --concurrency 8");
            world.tool(&script).env(variable, index.to_string()).run().assert_code(0);
        }
        assert_whole(&world.shards());
        assert_eq!(world.copies(), KEYS);
    }
}

#[test]
fn shards_of_the_listing_are_those_of_the_restore() {
    let world = World::new();
    let mut listed = 0;
    for index in 0..3 {
        let script = format!(
            "s3-versions --shard {index}/3 --at 2026-11-20T10:00:00Z s3://photos/ > shard.jsonl; s3-restore --shard {index}/3 shard.jsonl"
        );
        let output = world.tool(&script).run();
        output.assert_code(0);
        assert!(
            output.stderr.contains(&format!("shard {index}/3: passed over 0 of other shards")),
            "{}",
            output.stderr
        );
        listed += output.records().len();
    }
    assert_eq!((listed, world.copies()), (KEYS, KEYS));
}

#[test]
fn the_worst_end_of_the_shards_is_that_of_the_script() {
    let world = World::new();
    let lost = r#"{"bucket":"photos","key":"lost","version_id":"v"}"#;
    let plan = world.folder.path().join("plan.jsonl");
    let text = fs::read_to_string(&plan).expect("the plan");
    fs::write(&plan, format!("{text}{lost}\n")).expect("a longer plan");
    let output = world.run("3 plan.jsonl evidence");
    output.assert_code(3);
    assert!(output.stderr.contains("ended with exit code 3"), "{}", output.stderr);
    assert_whole(&world.shards());
    world.run("3 plan.jsonl evidence -- --no-such-flag").assert_code(2);
    world.run("3 plan.jsonl evidence -- --max-rejects 0").assert_code(1);
    for wrong in ["", "0 plan.jsonl evidence", "x plan.jsonl evidence", "2 no-plan evidence"] {
        world.run(wrong).assert_code(2);
    }
    let output = world.run("--help");
    output.assert_code(0);
    assert!(output.text().contains("JOB_COMPLETION_INDEX"));
}

/// A scheduler may start one pod twice.
#[test]
fn a_shard_that_is_started_twice_loses_nothing() {
    let world = World::new();
    world.tool("mkfifo gate").run().assert_code(0);
    world.fake("s3-restore \"$@\"; read -r _ <gate || true");
    let first = world.faked().spawn();
    let gate = OpenOptions::new().write(true).open(world.folder.path().join("gate"));
    // Its records and rejects are written, and it has not ended.
    let before = world.files();
    let records =
        |name: &str| before.iter().find(|(path, _)| path.ends_with(name)).map(|(_, text)| text.len());
    assert!(records("shard-0.jsonl.part").is_some_and(|length| length > 0), "{before:?}");
    let second = world.faked().run();
    second.assert_code(2);
    assert!(second.stderr.contains("shard 0/1 in evidence is in use by process "), "{}", second.stderr);
    assert_eq!(world.files(), before);
    drop(gate);
    first.wait().assert_code(0);
    assert_whole(&world.shards());
    assert_eq!(world.copies(), KEYS);
}

#[test]
fn what_a_killed_shard_did_is_in_its_results_whatever_is_killed_after_it() {
    let world = World::new();
    // Each has done everything, and is killed when it has written some of it, the last line in part.
    let mut before = 0;
    for bytes in [5000, 1200, 0] {
        world.fake(&format!("s3-restore \"$@\" | head -c {bytes}; kill -KILL $$"));
        world.faked().run().assert_code(1);
        let now: BTreeSet<_> = world.shards().concat().into_iter().collect();
        assert!(now.len() >= before && !now.is_empty(), "{} after {before}", now.len());
        before = now.len();
    }
    assert!(before < KEYS);
    world.run("1 plan.jsonl evidence").assert_code(0);
    assert_whole(&world.shards());
    world.run("1 plan.jsonl evidence").assert_code(0);
    assert_whole(&world.shards());
    assert_eq!(world.copies(), KEYS);
    assert!(world.files().keys().all(|path| path.extension().is_none_or(|ending| ending != "part")));
}

#[test]
fn shards_that_are_told_to_stop_end_what_is_in_flight() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let world = World::new();
        world.tool("mkfifo gate").run().assert_code(0);
        world.fake(
            "trap 'echo last words >&2; trap - TERM INT; kill -TERM $$' TERM INT
            read -r _ <gate",
        );
        let job =
            format!("(echo $BASHPID >pid; PATH=$PWD/bin:$PATH exec bash '{SCRIPT}' 1 plan.jsonl evidence)");
        for group in ["", "-"] {
            let running = world.tool(&format!("set -m; {job} & wait $!")).spawn();
            let gate = OpenOptions::new().write(true).open(world.folder.path().join("gate"));
            world.tool(&format!("kill -s {signal} -- {group}$(cat pid)")).run().assert_code(0);
            let output = running.wait();
            drop(gate);
            output.assert_code(code);
            assert_eq!(output.stderr.matches("last words").count(), 1, "{}", output.stderr);
            assert!(output.stderr.contains("run the same line again"), "{}", output.stderr);
        }
        world.run("1 plan.jsonl evidence").assert_code(0);
        assert_whole(&world.shards());
    }
}

#[test]
fn a_shard_that_is_none_is_refused() {
    let world = World::new();
    for index in ["3", "-1", "x", "0/../x", "03"] {
        let script = format!("bash '{SCRIPT}' 3 plan.jsonl evidence");
        let output = world.tool(&script).env("JOB_COMPLETION_INDEX", index).run();
        assert!(output.assert_code(2).stderr.contains("is no shard of 3"), "{}", output.stderr);
    }
}
