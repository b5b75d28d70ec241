//! `scripts/runbooks/s3-restore-sharded.sh`: shards together are the whole, and no key is in two of them.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

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
