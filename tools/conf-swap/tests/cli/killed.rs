//! A run with a journal that is killed at any point: the same command finishes it, with the true way back.

use std::ffi::OsString;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::moto;
use testkit::tool::Tool;

use crate::bench::{
    content, held, label, overwrite, parameter, put, rejected, secret, stages, swap, tool, until,
    until_async, value, versions,
};

const DB: &str = r#"{"host":"old","port":5432}"#;

/// Where a run is killed: with this request on its way, or carried out and its answer held back.
#[derive(Clone, Copy, Debug)]
struct Point {
    operation: &'static str,
    nth: u64,
    carried_out: bool,
}

fn before(operation: &'static str, nth: u64) -> Point {
    Point { operation, nth, carried_out: false }
}

fn after(operation: &'static str, nth: u64) -> Point {
    Point { operation, nth, carried_out: true }
}

/// A journal of its own, and the proxy that its runs go through: where a run goes belongs to what a journal is about.
struct Bench {
    folder: TempDir,
    proxy: Proxy,
    point: Point,
}

impl Bench {
    fn new(point: Point) -> Self {
        let fault = if point.carried_out { held() } else { Fault::Hang };
        let rule = Rule::new(fault).operation(point.operation).nth(point.nth);
        let proxy = Proxy::start(moto::endpoint(), Plan::new(1).rule(rule));
        Self { folder: TempDir::new().unwrap(), proxy, point }
    }

    fn tool(&self, args: &[&str]) -> Tool {
        let journal: OsString = self.folder.path().join("journal").into();
        tool(args).endpoint(self.proxy.url()).arg("--journal").arg(journal)
    }

    fn journal(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("journal")).unwrap()
    }

    /// Runs until the point, where this holds, and kills.
    async fn kill(&self, tool: Tool, is_done: impl AsyncFn() -> bool) {
        let running = tool.spawn();
        until(|| self.proxy.met().len() == 1);
        if self.point.carried_out {
            until_async(is_done).await;
        }
        running.signal("KILL");
        let output = running.wait();
        assert_eq!((output.signal, output.stdout.len()), (Some(9), 0), "{:?}", self.point);
    }
}

/// A swap as it is told, but for what differs between two places.
fn told(swap: &Value) -> Value {
    let mut told = swap.clone();
    for field in ["name", "arn", "version_id", "previous_version_id", "time"] {
        assert!(!told[field].is_null(), "{field} in {swap}");
        told[field] = json!("...");
    }
    told
}

#[tokio::test]
async fn a_swap_of_a_secret_is_finished_with_its_way_back() {
    let args = ["--pointer", "/host", "--value", "new"];
    let undisturbed = swap(&tool(&["--secret", &secret(DB).await]).args(args).run());
    for point in [
        before("PutSecretValue", 1),
        after("PutSecretValue", 1),
        before("UpdateSecretVersionStage", 1),
        after("UpdateSecretVersionStage", 1),
        before("UpdateSecretVersionStage", 2),
        after("UpdateSecretVersionStage", 2),
    ] {
        let bench = Bench::new(point);
        let name = secret(DB).await;
        let old = stages(&name).await["AWSCURRENT"].clone();
        let run = || bench.tool(&["--secret", &name]).args(args);
        let is_done = async || {
            let now = stages(&name).await;
            match (point.operation, point.nth) {
                ("PutSecretValue", _) => now.contains_key("DRKIT-PENDING"),
                (_, 1) => now["AWSCURRENT"] != old,
                _ => now["AWSCURRENT"] != old && !now.contains_key("DRKIT-PENDING"),
            }
        };
        bench.kill(run(), is_done).await;

        let finished = run().run();
        let done = swap(&finished);
        assert_eq!(told(&done), told(&undisturbed), "{point:?}");
        let now = stages(&name).await;
        assert_eq!(now.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"], "{point:?}");
        assert_eq!(done["version_id"], now["AWSCURRENT"].as_str(), "{point:?}");
        assert_eq!((&done["previous_version_id"], &now["AWSPREVIOUS"]), (&json!(old), &old), "{point:?}");
        assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "new"), "{point:?}");
        assert_eq!(versions(&name).await, 2, "{point:?}");
        assert_eq!(swap(&tool(&["--undo"]).stdin(finished.stdout).run())["action"], "undone", "{point:?}");
        assert_eq!(content(&name, "AWSCURRENT").await, DB, "{point:?}");
    }
}

#[tokio::test]
async fn a_swap_of_a_parameter_is_finished_with_its_way_back() {
    for (labels, points) in [
        (&[][..], &[before("PutParameter", 1), after("PutParameter", 1)][..]),
        (
            &["--label", "live"],
            &[
                before("PutParameter", 1),
                after("PutParameter", 1),
                before("LabelParameterVersion", 1),
                after("LabelParameterVersion", 1),
            ],
        ),
    ] {
        let fresh = async || {
            let name = parameter("old").await;
            label(&name, 1, "live").await;
            name
        };
        let undisturbed = swap(&tool(&["--ssm", &fresh().await, "--value", "new"]).args(labels).run());
        for &point in points {
            let bench = Bench::new(point);
            let name = fresh().await;
            let live = format!("{name}:live");
            let run = || bench.tool(&["--ssm", &name, "--value", "new"]).args(labels);
            let is_done = async || match point.operation {
                "PutParameter" => value(&name).await.0 == 2,
                _ => value(&live).await.0 == 2,
            };
            bench.kill(run(), is_done).await;

            let finished = run().run();
            let done = swap(&finished);
            assert_eq!(told(&done), told(&undisturbed), "{point:?}");
            assert_eq!(
                (&done["version_id"], &done["previous_version_id"]),
                (&json!(2), &json!(1)),
                "{point:?}"
            );
            assert_eq!(value(&name).await, (2, "new".into()), "{point:?}");
            assert_eq!(value(&live).await.0, if labels.is_empty() { 1 } else { 2 }, "{point:?}");
            let undone = swap(&tool(&["--undo"]).stdin(finished.stdout).run());
            assert_eq!(undone["action"], "undone", "{point:?}");
            assert_eq!(value(&name).await, (3, "old".into()), "{point:?}");
        }
    }
}

#[tokio::test]
async fn an_undo_of_a_secret_is_finished() {
    for point in [before("UpdateSecretVersionStage", 1), after("UpdateSecretVersionStage", 1)] {
        let bench = Bench::new(point);
        let name = secret(DB).await;
        let old = stages(&name).await["AWSCURRENT"].clone();
        let log = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run();
        let made = swap(&log)["version_id"].clone();
        let run = || bench.tool(&["--undo"]).stdin(log.stdout.clone());
        bench.kill(run(), async || stages(&name).await["AWSCURRENT"] == old).await;

        let finished = run().run();
        let undone = swap(&finished);
        assert_eq!(undone["action"], "undone", "{point:?}");
        assert_eq!(
            (&undone["version_id"], &undone["previous_version_id"]),
            (&json!(old), &made),
            "{point:?}"
        );
        assert_eq!(stages(&name).await["AWSCURRENT"], old, "{point:?}");
        let redone = swap(&tool(&["--undo"]).stdin(finished.stdout).run());
        assert_eq!(redone["version_id"], made, "{point:?}");
        assert_eq!(versions(&name).await, 2, "{point:?}");
    }
}

#[tokio::test]
async fn an_undo_of_a_parameter_is_finished() {
    for point in [
        before("PutParameter", 1),
        after("PutParameter", 1),
        before("LabelParameterVersion", 1),
        after("LabelParameterVersion", 1),
    ] {
        let bench = Bench::new(point);
        let name = parameter("old").await;
        label(&name, 1, "live").await;
        let live = format!("{name}:live");
        let log = tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run();
        let run = || bench.tool(&["--undo"]).stdin(log.stdout.clone());
        let is_done = async || match point.operation {
            "PutParameter" => value(&name).await.0 == 3,
            _ => value(&live).await.0 == 3,
        };
        bench.kill(run(), is_done).await;

        let undone = swap(&run().run());
        assert_eq!(undone["action"], "undone", "{point:?}");
        assert_eq!(
            (&undone["version_id"], &undone["previous_version_id"]),
            (&json!(3), &json!(2)),
            "{point:?}"
        );
        assert_eq!((value(&name).await, value(&live).await.0), ((3, "old".into()), 3), "{point:?}");
    }
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_in_a_secret_is_left_alone() {
    for (point, fate) in [
        (before("UpdateSecretVersionStage", 1), "had not moved AWSCURRENT from OLD"),
        (before("UpdateSecretVersionStage", 2), "current, from OLD"),
    ] {
        let bench = Bench::new(point);
        let name = secret(DB).await;
        let old = stages(&name).await["AWSCURRENT"].clone();
        let run = || bench.tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]);
        bench.kill(run(), async || true).await;
        overwrite(&name, "theirs").await;
        let (kind, message) = rejected(&run().run());
        assert_eq!(kind, "changed-since", "{point:?}");
        assert!(message.contains(&fate.replace("OLD", &old)), "{point:?}: {message}");
        assert!(message.contains(&stages(&name).await["AWSCURRENT"]), "{message}");
        assert_eq!(content(&name, "AWSCURRENT").await, "theirs");
        assert_eq!(
            stages(&name).await.keys().collect::<Vec<_>>(),
            ["AWSCURRENT", "AWSPREVIOUS"],
            "{point:?}"
        );
    }
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_in_a_parameter_is_left_alone() {
    for (point, fate) in [
        (before("PutParameter", 1), "had put nothing over 1"),
        (after("PutParameter", 1), "had put version 2 over 1"),
    ] {
        let bench = Bench::new(point);
        let name = parameter("old").await;
        let run = || bench.tool(&["--ssm", &name, "--value", "new"]);
        bench.kill(run(), async || value(&name).await.0 == 2).await;
        let theirs = put(&name, "theirs").await;
        let (kind, message) = rejected(&run().run());
        assert_eq!(kind, "changed-since", "{point:?}");
        assert!(message.contains(fate), "{point:?}: {message}");
        assert_eq!(value(&name).await, (theirs, "theirs".into()));
    }
    let bench = Bench::new(before("PutParameter", 1));
    let name = parameter("old").await;
    let run = || bench.tool(&["--ssm", &name, "--value", "new"]);
    bench.kill(run(), async || true).await;
    put(&name, "theirs").await;
    put(&name, "new").await;
    let (kind, message) = rejected(&run().run());
    assert_eq!(kind, "overwrote");
    assert!(message.contains("version 2") && message.contains("version 3"), "{message}");
}

#[tokio::test]
async fn an_undo_that_somebody_else_overtook_says_what_it_did() {
    let bench = Bench::new(after("PutParameter", 1));
    let name = parameter("old").await;
    let log = tool(&["--ssm", &name, "--value", "new"]).run().stdout;
    let run = || bench.tool(&["--undo"]).stdin(log.clone());
    bench.kill(run(), async || value(&name).await.0 == 3).await;
    put(&name, "theirs").await;
    let (kind, message) = rejected(&run().run());
    assert_eq!(kind, "changed-since");
    assert!(message.contains("had put version 3 over 2"), "{message}");

    let bench = Bench::new(after("UpdateSecretVersionStage", 1));
    let name = secret(DB).await;
    let old = stages(&name).await["AWSCURRENT"].clone();
    let log = tool(&["--secret", &name, "--value", "new"]).run().stdout;
    let run = || bench.tool(&["--undo"]).stdin(log.clone());
    bench.kill(run(), async || stages(&name).await["AWSCURRENT"] == old).await;
    overwrite(&name, "theirs").await;
    let (kind, message) = rejected(&run().run());
    assert_eq!(kind, "changed-since");
    assert!(message.contains(&format!("had made {old} current, from")), "{message}");
}

#[tokio::test]
async fn another_value_than_that_of_the_journal_is_found_by_what_is_there() {
    // Current already: the way back of that swap would be lost.
    let bench = Bench::new(before("UpdateSecretVersionStage", 2));
    let name = secret(DB).await;
    let run = |value: &str| bench.tool(&["--secret", &name, "--pointer", "/host", "--value", value]);
    bench.kill(run("new"), async || true).await;
    let (kind, message) = rejected(&run("newer").run());
    assert_eq!(kind, "second-value");
    assert!(message.contains(&stages(&name).await["AWSCURRENT"]), "{message}");
    assert_eq!(swap(&run("new").run())["action"], "swapped");

    // Only staged: nothing was changed yet, and the other value takes its place.
    let bench = Bench::new(before("UpdateSecretVersionStage", 1));
    let name = secret(DB).await;
    let old = stages(&name).await["AWSCURRENT"].clone();
    let run = |value: &str| bench.tool(&["--secret", &name, "--pointer", "/host", "--value", value]);
    bench.kill(run("new"), async || true).await;
    let done = swap(&run("newer").run());
    assert_eq!((&done["action"], &done["previous_version_id"]), (&json!("swapped"), &json!(old)));
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "newer"));
    assert_eq!(stages(&name).await.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);

    let bench = Bench::new(after("PutParameter", 1));
    let name = parameter("old").await;
    let run = |value: &str| bench.tool(&["--ssm", &name, "--value", value]);
    bench.kill(run("new"), async || value(&name).await.0 == 2).await;
    assert_eq!(rejected(&run("newer").run()).0, "changed-since");
    assert_eq!(value(&name).await, (2, "new".into()));
}

#[tokio::test]
async fn a_rehearsal_reads_the_journal_and_writes_nothing() {
    for point in [before("UpdateSecretVersionStage", 1), before("UpdateSecretVersionStage", 2)] {
        let bench = Bench::new(point);
        let name = secret(DB).await;
        let old = stages(&name).await["AWSCURRENT"].clone();
        let run = || bench.tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]);
        bench.kill(run(), async || true).await;
        let (journal, before) = (bench.journal(), stages(&name).await);
        let done = swap(&run().arg("-n").run());
        assert_eq!((&done["action"], &done["dry_run"]), (&json!("swapped"), &json!(true)), "{point:?}");
        assert_eq!(done["previous_version_id"], json!(old), "{point:?}");
        assert_eq!((bench.journal(), stages(&name).await), (journal, before), "{point:?}");
        assert_eq!(swap(&run().run())["action"], "swapped", "{point:?}");
        let replayed = swap(&run().arg("-n").run());
        assert_eq!((&replayed["dry_run"], &replayed["replayed"]), (&json!(true), &json!(true)), "{point:?}");
    }
    let bench = Bench::new(after("PutParameter", 1));
    let name = parameter("old").await;
    let run = || bench.tool(&["--ssm", &name, "--value", "new"]);
    bench.kill(run(), async || value(&name).await.0 == 2).await;
    let done = swap(&run().arg("-n").run());
    assert_eq!((&done["dry_run"], &done["version_id"]), (&json!(true), &json!(2)));
    assert_eq!(done["previous_version_id"], json!(1));
}
