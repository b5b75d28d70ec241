//! The real binary against a webhook handler.
#![expect(clippy::expect_used, reason = "a broken test bench is a failed test")]

mod contract;
mod crash;
mod examples;
mod faults;
mod handler;
mod journal;
mod json;
mod order;
mod rejects;
mod signature;
mod stream;

use serde_json::{Value, json};
use testkit::tool::Output;

/// The secret of most tests.
const SECRET: &str = "whsec_hush-hush";

/// An event about an object.
fn event(number: usize, object: &str) -> Value {
    json!({
        "id": format!("evt_{number}"), "object": "event", "api_version": "2025-03-31.basil",
        "created": 1_795_176_000 + number, "data": {"object": {"id": object, "object": "invoice"}},
        "livemode": false, "pending_webhooks": 1, "request": {"id": null}, "type": "invoice.paid",
    })
}

/// Events about an object each, as a stream.
fn events(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().map(|n| format!("{}\n", event(n, &format!("in_{n}")))).collect()
}

/// Events with these objects, as a stream.
fn about(objects: &[&str]) -> String {
    objects.iter().enumerate().map(|(n, object)| format!("{}\n", event(n, object))).collect()
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("evt_{n}")).collect()
}

/// The ids of the receipts, sorted by number.
#[track_caller]
fn receipts(output: &Output) -> Vec<String> {
    let mut ids: Vec<String> =
        output.records().iter().map(|one| one["id"].as_str().unwrap_or_default().to_owned()).collect();
    ids.sort_by_key(|id| id.trim_start_matches("evt_").parse::<usize>().unwrap_or_default());
    ids
}

/// The kinds of the rejects with the ids of their events, in their order.
fn kinds(output: &Output) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rejects = output.rejects();
    rejects.iter().map(|reject| (text(&reject["error"]["kind"]), text(&reject["record"]["id"]))).collect()
}

/// The same for expectations.
fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(kind, id)| ((*kind).to_owned(), (*id).to_owned())).collect()
}
