//! The real binary against a real Typesense, with faults between them where it must survive some.
#![expect(clippy::expect_used, reason = "a broken test bench is a failed test")]

mod cluster;
mod contract;
mod crash;
mod documents;
mod examples;
mod faults;
mod journal;
mod new;
mod queue;
mod stream;
mod whole;

use std::ops::Range;

use serde_json::Value;
use testkit::tool::Output;
use testkit::typesense::{self, KEY, Server};

/// The fields of most collections here.
const FIELDS: &str = r#"[{"name":"name","type":"string"},{"name":"age","type":"int32","optional":true}]"#;

/// Documents with these numbers as ids.
fn documents(numbers: Range<u32>) -> String {
    numbers.map(|n| format!("{{\"id\":\"{n:05}\",\"name\":\"person {n}\",\"age\":{}}}\n", n % 90)).collect()
}

/// A collection of the shared server.
fn people() -> (&'static Server, String) {
    let server = typesense::server();
    (server, server.collection("people", FIELDS))
}

/// Fails the test unless the collection has exactly these documents.
#[track_caller]
fn assert_holds(server: &Server, collection: &str, numbers: Range<u32>) {
    let expected: Vec<Value> =
        documents(numbers).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let held = server.documents(collection);
    assert_eq!(held.len(), expected.len());
    assert!(held == expected, "other documents than expected");
}

/// The sum of a field over the receipts of a run.
#[track_caller]
fn sum(output: &Output, field: &str) -> u64 {
    output.records().iter().map(|receipt| receipt[field].as_u64().unwrap_or(0)).sum()
}

/// The kinds of the rejects of a run, in their order.
fn kinds(output: &Output) -> Vec<String> {
    let kind = |reject: &Value| reject["error"]["kind"].as_str().unwrap_or_default().to_owned();
    output.rejects().iter().map(kind).collect()
}

/// Fails the test if the key is in anything that the run wrote.
#[track_caller]
fn assert_secret(output: &Output) {
    assert!(!output.stderr.contains(KEY) && !output.text().contains(KEY), "{}", output.stderr);
}
