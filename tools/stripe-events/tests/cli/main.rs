//! The binary against a Stripe that lists events as its API says.

mod begins;
mod ends;
mod exact;
mod examples;
mod faults;
mod filters;
mod memory;
mod order;
mod refused;
mod secret;

use testkit::stripe::{Stripe, ago, event};
use testkit::tool::{Output, Tool};

/// The tool, in test mode of this server.
fn tool(stripe: &Stripe, flags: &[&str]) -> Tool {
    stripe.tool("stripe-events").args(flags)
}

/// A run of it.
fn run(stripe: &Stripe, flags: &[&str]) -> Output {
    tool(stripe, flags).run()
}

/// The ids on stdout, in their order.
fn ids(output: &Output) -> Vec<String> {
    output.records().iter().map(|event| event["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A server with events `evt_1` to `evt_N`, one each minute; the last one is a minute old.
fn stripe(count: i64) -> Stripe {
    let stripe = Stripe::start();
    for n in 1..=count {
        stripe.add(event(&format!("evt_{n}"), ago((count + 1 - n) * 60), "invoice.paid"));
    }
    stripe
}

/// `evt_A` to `evt_B`.
fn names(range: std::ops::RangeInclusive<i64>) -> Vec<String> {
    range.map(|n| format!("evt_{n}")).collect()
}
