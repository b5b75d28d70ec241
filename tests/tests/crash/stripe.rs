//! Stripe's events, and the handler that gets them again.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use testkit::answering::{Answer, Server};
use testkit::crash::{Case, Records, World, check, plain};
use testkit::stripe::{Stripe, TEST_KEY, ago, event};

const EVENTS: i64 = 24;

/// Events of three objects since `evt_123`, and a handler that knows an event again.
pub fn outage() -> World {
    let stripe = Stripe::start();
    let mut texts = Vec::new();
    for number in 123..=123 + EVENTS {
        let text = event(&format!("evt_{number}"), ago(3600) + number, "invoice.paid");
        let text = text.replace("in_1", &format!("in_{}", number % 3));
        stripe.add(text.clone());
        texts.push(text);
    }
    let handler = Arc::new(Server::start(BTreeSet::new(), |handled: &mut BTreeSet<String>, _, body| {
        let event: Value = serde_json::from_slice(body).unwrap_or_default();
        handled.insert(event["id"].as_str().unwrap_or_default().to_owned());
        Answer::new(200, &[], "")
    }));
    let (api, to, known) = (stripe.url().to_owned(), handler.url().to_owned(), texts[0].clone());
    World::new(move || {
        let _kept = &stripe;
        json!(*handler.state())
    })
    .service("STRIPE_API_BASE", &api)
    .service("https://app.example.com", &to)
    .env("STRIPE_API_KEY", TEST_KEY)
    .env("STRIPE_WEBHOOK_SECRET", "whsec_test")
    .file("processed.jsonl", format!("{known}\n"))
    .file("events.jsonl", texts[1..].join("\n") + "\n")
}

/// Times of events are those of the world.
pub fn of_event(record: &mut Value) {
    plain::hidden(record, &["created"]);
}

#[test]
fn stripe_replay() {
    check(&Case {
        plain: of_event,
        seeds: 8,
        ..Case::new(
            "stripe-replay",
            "stripe-replay --to https://app.example.com/webhooks/stripe --journal replay.journal \
             < events.jsonl > receipts.jsonl",
            outage,
        )
    });
}

/// As a page shows it.
pub fn shown(name: &'static str, line: &'static str, records: Records) {
    check(&Case { plain: of_event, records, ..Case::new(name, line, outage) });
}
