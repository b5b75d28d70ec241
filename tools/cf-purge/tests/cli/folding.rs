//! More paths than may be: what is sent instead covers them all.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fake::Fake;
use crate::{receipts, records};

/// Fails unless each path is covered by exactly one receipt and the receipts say so.
#[track_caller]
fn assert_covers(receipts: &BTreeMap<String, Value>, paths: &[String]) {
    let mut counted = BTreeMap::new();
    for path in paths {
        let covering: Vec<_> = receipts
            .keys()
            .filter(|sent| {
                *sent == path || sent.strip_suffix('*').is_some_and(|prefix| path.starts_with(prefix))
            })
            .collect();
        assert_eq!(covering.len(), 1, "{path} is covered by {covering:?}");
        *counted.entry(covering[0].clone()).or_insert(0) += 1;
    }
    for (path, receipt) in receipts {
        assert_eq!(
            Some(&receipt["keys"]),
            counted.get(path).map(|&keys: &u64| Value::from(keys)).as_ref(),
            "{path}"
        );
    }
}

fn wildcards(receipts: &BTreeMap<String, Value>) -> usize {
    receipts.keys().filter(|path| path.ends_with('*')).count()
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("albums/{:02}/img_{n:06}.jpg", n % 40)).collect()
}

fn paths(keys: &[String]) -> Vec<String> {
    keys.iter().map(|key| format!("/{key}")).collect()
}

#[test]
fn up_to_the_limit_nothing_is_folded() {
    let fake = Fake::start(Some(1));
    let keys = keys(3000);
    let output = fake.tool().stdin(records(&keys)).run();
    output.assert_code(0);
    let mut expected = paths(&keys);
    expected.sort();
    assert_eq!(receipts(&output).into_keys().collect::<Vec<_>>(), expected);
    assert_eq!(fake.state().over_quota, 0);
}

#[test]
fn one_more_is_folded_and_covered() {
    let fake = Fake::start(Some(1));
    for (count, flags, most) in
        [(3001, vec![], 3000), (500, vec!["--max-paths", "100"], 100), (50, vec!["--max-paths", "1"], 1)]
    {
        let keys = keys(count);
        let output = fake.tool().args(&flags).stdin(records(&keys)).run();
        output.assert_code(0);
        let receipts = receipts(&output);
        assert_covers(&receipts, &paths(&keys));
        assert!(
            receipts.len() <= most && (1..=15).contains(&wildcards(&receipts)),
            "{} receipts",
            receipts.len()
        );
    }
    assert_eq!(fake.state().over_quota, 0);
}

#[test]
fn too_many_wildcards_are_merged() {
    let fake = Fake::start(Some(1));
    let keys: Vec<_> = (0..40).map(|n| format!("home/{n:02}/~backup")).collect();
    let output = fake.tool().stdin(records(&keys)).run();
    output.assert_code(0);
    let receipts = receipts(&output);
    assert_covers(&receipts, &paths(&keys));
    assert!(receipts.len() <= 15, "{:?}", receipts.keys());
}

#[test]
fn more_than_memory_holds_is_folded_on_the_way() {
    let fake = Fake::start(Some(1));
    let keys = keys(70_000);
    let output = fake.tool().args(["--max-paths", "50"]).stdin(records(&keys)).run();
    output.assert_code(0);
    let receipts = receipts(&output);
    assert_covers(&receipts, &paths(&keys));
    assert!(receipts.len() <= 50 && wildcards(&receipts) <= 15, "{} receipts", receipts.len());
}

#[test]
fn the_order_of_the_input_makes_no_difference() {
    let fake = Fake::start(Some(1));
    let mut keys = keys(400);
    let run =
        |keys: &[String]| receipts(&fake.tool().args(["-n", "--max-paths", "60"]).stdin(records(keys)).run());
    let first = run(&keys);
    keys.reverse();
    assert_eq!((first.len() <= 60, run(&keys)), (true, first));
}

#[test]
fn exact_never_folds_and_keeps_within_the_quota() {
    let fake = Fake::start(Some(1));
    let keys = keys(4500);
    let output = fake.tool().args(["--exact", "--wait"]).stdin(records(&keys)).run();
    output.assert_code(0);
    let mut expected = paths(&keys);
    expected.sort();
    assert_eq!(receipts(&output).into_keys().collect::<Vec<_>>(), expected);
    let state = fake.state();
    assert_eq!((state.over_quota, state.made().len()), (0, 5));
}
