//! Trouble on the way costs time, and no event.

use std::time::{Duration, Instant};

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::stripe::{Options, Refusal, Stripe};

use crate::{ids, names, run, stripe, tool};

fn paged(count: i64, page: usize) -> Stripe {
    let stripe = stripe(count);
    stripe.set(Options { page, ..Options::default() });
    stripe
}

#[test]
fn every_event_comes_through_a_bad_network() {
    let stripe = paged(60, 5);
    let plan = Plan::new(7)
        .rule(Rule::new(Fault::ResetBefore).nth(2))
        .rule(Rule::new(Fault::CutBody).nth(3))
        .rule(Rule::new(Fault::ResetAfter).nth(4))
        .rule(Rule::new(Fault::SlowDown).nth(5))
        .rule(Rule::new(Fault::InternalError).nth(6))
        .rule(Rule::new(Fault::SlowBody(Duration::from_millis(5))).nth(7));
    let proxy = Proxy::start(stripe.url(), plan);
    let output = run(&stripe, &["--since", "evt_1", "--api-base", proxy.url()]);
    assert_eq!(ids(output.assert_code(0)), names(2..=60));
    for fault in ["ResetBefore", "CutBody", "ResetAfter", "SlowDown", "InternalError", "SlowBody"] {
        assert_eq!(proxy.count(fault), 1, "{fault}");
    }
    assert!(output.stderr.contains("waiting: GET /v1/events"), "{}", output.stderr);
}

#[test]
fn rate_limits_are_waited_for_whatever_stripe_says_of_retries() {
    let stripe = paged(10, 5);
    for word in ["true", "false"] {
        stripe.refuse(Refusal::new(429, "Too many requests").header("stripe-should-retry", word));
    }
    stripe.refuse(Refusal::new(429, "Too many requests").header("retry-after", "1"));
    stripe.refuse(Refusal::new(409, "locked"));
    stripe.refuse(Refusal::new(400, "once more").header("stripe-should-retry", "true"));
    let output = run(&stripe, &["--since", "evt_1", "-v"]);
    assert_eq!(ids(output.assert_code(0)), names(2..=10));
    assert!(output.stderr.contains("HTTP 429: Too many requests (request req_1)"), "{}", output.stderr);
    assert_eq!(output.stderr.matches("waiting: ").count(), 5, "{}", output.stderr);
    // The tries of one request are counted: waits grow with their number, and only the first is told of.
    assert_eq!(output.stderr.matches("still waiting: ").count(), 4, "{}", output.stderr);
}

#[test]
fn stripe_says_how_long_it_wants_to_be_left_alone() {
    let stripe = paged(10, 5);
    let slower = || Refusal::new(429, "Too many requests").header("retry-after", "2");
    stripe.refuse(slower());
    let start = Instant::now();
    assert_eq!(ids(run(&stripe, &["--since", "evt_1"]).assert_code(0)), names(2..=10));
    assert!(start.elapsed() >= Duration::from_secs(2));
    // A wait that would outlast the patience is none.
    stripe.refuse(slower());
    let output = run(&stripe, &["--since", "evt_1", "--timeout", "1s"]);
    let end = output.assert_code(1).stderr.lines().find(|line| line.contains("error: "));
    assert!(end.is_some_and(|line| line.contains("HTTP 429")), "{}", output.stderr);
}

#[test]
fn stripes_word_ends_the_tries() {
    let stripe = paged(10, 5);
    stripe.refuse(Refusal::new(500, "broken for good").header("stripe-should-retry", "false"));
    let output = run(&stripe, &["--since", "evt_1"]);
    assert!(output.assert_code(1).stderr.contains("HTTP 500: broken for good"), "{}", output.stderr);
    assert_eq!(stripe.requests().len(), 1);
}

#[test]
fn the_tries_end_with_the_timeout() {
    let stripe = paged(10, 5);
    let away = Proxy::start(stripe.url(), Plan::new(1).rule(Rule::new(Fault::InternalError)));
    let output = run(&stripe, &["--since", "evt_1", "--timeout", "2s", "--api-base", away.url()]);
    assert!(output.assert_code(1).stderr.contains("HTTP 500"), "{}", output.stderr);
    assert!(away.requests() > 1);

    let silent = Proxy::start(stripe.url(), Plan::new(1).rule(Rule::new(Fault::Hang)));
    let output = run(&stripe, &["--since", "evt_1", "--timeout", "1s", "--api-base", silent.url()]);
    assert!(output.assert_code(1).stderr.contains("GET /v1/events/evt_1"), "{}", output.stderr);

    let output = run(&stripe, &["--since", "evt_1", "--timeout", "1s", "--api-base", "http://127.0.0.1:9"]);
    assert!(output.assert_code(1).stderr.contains("at http://127.0.0.1:9"), "{}", output.stderr);
}

#[test]
fn what_was_read_is_written_though_the_next_page_does_not_come() {
    let stripe = paged(10, 5);
    let plan = Plan::new(1).rule(Rule::new(Fault::InternalError).target("ending_before=evt_6"));
    let proxy = Proxy::start(stripe.url(), plan);
    let output = tool(&stripe, &["--since", "evt_1", "--timeout", "1s", "--api-base", proxy.url()]).run();
    assert_eq!(ids(output.assert_code(1)), names(2..=6));
    assert!(output.stderr.contains("the output ends with evt_6, after which"), "{}", output.stderr);
}
