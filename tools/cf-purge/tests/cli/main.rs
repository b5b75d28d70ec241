//! The real binary against a CloudFront: moto where it will do, and a fake that keeps CloudFront's quotas where not.

mod contract;
mod cost;
mod examples;
mod fake;
mod folding;
mod journal;
mod limits;
mod moto;
mod rejects;
mod repeat;
mod stream;
mod wait;

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::tool::Output;

/// Records with these keys.
fn records<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> String {
    keys.into_iter().map(|key| format!("{}\n", serde_json::json!({"key": key.as_ref()}))).collect()
}

/// The receipts of a run, by path; a path that comes twice fails the test.
#[track_caller]
fn receipts(output: &Output) -> BTreeMap<String, Value> {
    let mut receipts = BTreeMap::new();
    for receipt in output.records() {
        let path = receipt["path"].as_str().unwrap_or_default().to_owned();
        assert_eq!(receipts.insert(path, receipt), None, "two receipts for a path");
    }
    receipts
}

/// All values of a field, in the order of the paths.
fn all<'a>(receipts: &'a BTreeMap<String, Value>, field: &str) -> Vec<&'a Value> {
    receipts.values().map(|receipt| &receipt[field]).collect()
}
