//! The same purge again: after a crash it is the same one, on another day it is another.

use anyhow::{Context, Result};

use crate::fake::{Fake, Refusal};
use crate::{all, receipts, records};

#[test]
fn the_same_run_id_purges_once() {
    let fake = Fake::start(Some(1));
    let keys: Vec<_> = (0..1500).map(|n| format!("k/{n}")).collect();
    let run = |run_id: &str, keys: &[String]| {
        receipts(fake.tool().args(["--run-id", run_id]).stdin(records(keys)).run().assert_code(0))
    };
    let mut backwards = keys.clone();
    backwards.reverse();
    let (first, second) = (run("r1", &keys), run("r1", &backwards));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    assert_eq!(all(&first, "invalidation_id"), all(&second, "invalidation_id"));
    assert_eq!(fake.state().made().len(), 2);
    run("r2", &keys);
    assert_eq!(fake.state().made().len(), 4);
    run("r1", &keys[..1]);
    assert_eq!(fake.state().made().len(), 5);
}

#[test]
fn without_a_run_id_each_run_is_another_and_says_its_own() -> Result<()> {
    let fake = Fake::start(Some(1));
    let run = |flags: &[&str]| fake.tool().args(flags).stdin(records(["a"])).run();
    let first = run(&[]);
    run(&[]).assert_code(0);
    assert_eq!(fake.state().made().len(), 2);
    let told = first
        .assert_code(0)
        .stderr
        .lines()
        .find_map(|line| line.split_once("run id "))
        .context("the run id")?;
    let run_id = told.1.split(':').next().unwrap_or_default();
    let again = run(&["--run-id", run_id]);
    assert_eq!(all(&receipts(again.assert_code(0)), "invalidation_id"), ["I0000"]);
    assert_eq!(fake.state().made().len(), 2);
    Ok(())
}

#[test]
fn a_run_that_was_killed_is_repeated_without_a_second_purge() {
    let fake = Fake::start(None);
    let running = fake.tool().args(["--wait", "--run-id", "r1"]).stdin(records(["a", "b"])).spawn();
    fake.wait_until(|state| state.made().len() == 1);
    running.signal("KILL");
    assert_eq!(running.wait().signal, Some(9));
    fake.state().complete_all();
    let again = fake.tool().args(["--wait", "--run-id", "r1"]).stdin(records(["a", "b"])).run();
    let receipts = receipts(again.assert_code(0));
    assert_eq!(all(&receipts, "status"), ["Completed", "Completed"]);
    assert_eq!(all(&receipts, "invalidation_id"), ["I0000", "I0000"]);
    assert_eq!(fake.state().made().len(), 1);
}

#[test]
fn a_reference_used_for_other_paths_is_explained() {
    let fake = Fake::start(Some(1));
    fake.state().refuse_create.push_back(Refusal(409, "InvalidationBatchAlreadyExists", "used before"));
    let output = fake.tool().args(["--run-id", "r1"]).stdin(records(["a"])).run();
    output.assert_code(1);
    assert!(output.stderr.contains("give another --run-id"), "{}", output.stderr);
}
