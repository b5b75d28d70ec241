//! What ends a run before there is a gap in its output.

use testkit::stripe::{LIVE_KEY, Options, Refusal, Stripe, TEST_KEY, ago, event};
use testkit::tool::Output;

use crate::{ids, names, run, stripe, tool};

#[track_caller]
fn told(output: &Output, code: i32, words: &[&str]) {
    output.assert_code(code);
    for words in words {
        assert!(output.stderr.contains(words), "no {words:?}: {}", output.stderr);
    }
}

#[test]
fn an_event_that_stripe_does_not_know_is_no_beginning() {
    let stripe = stripe(3);
    stripe.add(event("evt_old", ago(31 * 86_400), "invoice.paid"));
    for id in ["evt_nobody", "evt_old"] {
        let output = run(&stripe, &["--since", id]);
        told(&output, 1, &["No such event", id, "keeps events for 30 days", "(request req_"]);
        assert_eq!(output.text(), "");
    }
}

#[test]
fn a_beginning_of_more_than_30_days_ago_is_refused_though_stripe_takes_it() {
    let stripe = stripe(3);
    let output = run(&stripe, &["--since", "31d"]);
    told(&output, 1, &["--since is of ", "lists events for 30 days", "--since 30d"]);
    assert!(stripe.requests().is_empty());
    // One that can still be retrieved is no better.
    stripe.refuse(Refusal { status: 200, headers: vec![], body: event("evt_old", ago(31 * 86_400), "a.b") });
    told(&run(&stripe, &["--since", "evt_old"]), 1, &["evt_old is of ", "lists events for 30 days"]);
    // Its reference does not say which of the two an event that is too old gets.
    stripe.refuse(Refusal::new(400, "No such event: 'evt_2'"));
    told(&run(&stripe, &["--since", "evt_2"]), 1, &["HTTP 400: No such event", "keeps events for 30 days"]);
    told(&run(&stripe, &["--since", "2999-01-01T00:00:00Z"]), 2, &["in the future"]);
}

#[test]
fn a_cursor_that_stripe_forgets_on_the_way_is_told_with_where_to_go_on() {
    let stripe = stripe(3);
    stripe.set(Options { page: 1, ..Options::default() });
    stripe.add_later([]);
    let output = {
        stripe.refuse(Refusal { status: 200, headers: vec![], body: event("evt_1", ago(180), "a.b") });
        let page = event("evt_2", ago(120), "a.b");
        let body = format!(r#"{{"object":"list","data":[{page}],"has_more":true}}"#);
        stripe.refuse(Refusal { status: 200, headers: vec![], body });
        stripe.refuse(Refusal::new(400, "No such event: 'evt_2'"));
        run(&stripe, &["--since", "evt_1"])
    };
    told(
        &output,
        1,
        &["the output ends with evt_2, after which --since evt_2 goes on", "HTTP 400: No such event"],
    );
    assert_eq!(ids(&output), ["evt_2"]);
}

#[test]
fn keys_are_of_the_mode_that_was_asked_for() {
    let stripe = stripe(1);
    let with = |key: &str, flags: &[&str]| {
        tool(&stripe, &["--since", "1h"]).args(flags).env("STRIPE_API_KEY", key).run()
    };
    told(&with(LIVE_KEY, &[]), 2, &["give --live"]);
    told(&with(TEST_KEY, &["--live"]), 2, &["one of test mode"]);
    told(&with("whsec_1", &[]), 2, &["neither sk_test_"]);
    told(&with("", &[]), 2, &["set STRIPE_API_KEY"]);
    told(&with("sk_test_other", &[]), 1, &["HTTP 401"]);
    stripe.add(event("evt_live", ago(10), "a.b").replace("\"livemode\":false", "\"livemode\":true"));
    assert_eq!(ids(with(LIVE_KEY, &["--live"]).assert_code(0)), ["evt_live"]);
    assert_eq!(ids(with(TEST_KEY, &[]).assert_code(0)), ["evt_1"]);
}

#[test]
fn a_stream_is_of_one_mode() {
    let stripe = stripe(3);
    stripe.set(Options { mixed: true, ..Options::default() });
    stripe.add(event("evt_live", ago(10), "a.b").replace("\"livemode\":false", "\"livemode\":true"));
    let output = run(&stripe, &["--since", "evt_1"]);
    told(&output, 1, &["evt_live is an event of live mode", "the output ends with evt_3"]);
    assert_eq!(ids(&output), names(2..=3));
    told(&run(&stripe, &["--since", "evt_live"]), 1, &["evt_live is an event of live mode"]);
    let output = tool(&stripe, &["--since", "evt_1", "--live"]).env("STRIPE_API_KEY", LIVE_KEY).run();
    told(&output, 1, &["evt_1 is an event of test mode"]);
}

#[test]
fn what_is_no_list_of_events_is_told() {
    let answer = |body: &str| {
        let stripe = stripe(2);
        stripe.refuse(Refusal { status: 200, headers: vec![], body: event("evt_1", ago(120), "a.b") });
        stripe.refuse(Refusal { status: 200, headers: vec![], body: body.to_owned() });
        run(&stripe, &["--since", "evt_1"])
    };
    told(&answer("<html>"), 1, &["no list of events"]);
    told(&answer(r#"{"data":[],"next_page_url":null}"#), 1, &["no list of events"]);
    let list = |event: &str| format!(r#"{{"object":"list","data":[{event}],"has_more":false}}"#);
    let thin = r#"{"id":"evt_2","object":"v2.core.event","created":"2026-11-20T10:00:00Z","livemode":false}"#;
    told(&answer(&list(thin)), 1, &["v2.core.event, a thin event of API v2"]);
    told(&answer(&list(r#"{"id":"ch_1","object":"charge"}"#)), 1, &["\"charge\""]);
    told(&answer(r#"{"object":"list","data":[],"has_more":true}"#), 1, &["says there are more events"]);
    let cursor = list(&event("evt_1", ago(120), "a.b")).replace("false}", "true}");
    told(&answer(&cursor), 1, &["sent evt_1 again where events after it belong"]);
}

#[test]
fn wrong_flags_are_usage() {
    let stripe = stripe(1);
    for flags in [
        &[][..],
        &["--since", "yesterday"],
        &["--since", "evt_"],
        &["--since", "1h", "--until", "x"],
        &["--since", "1h", "--type", ""],
        &["--since", "1h", "--account", "x"],
        &["--since", "1h", "--timeout", "0s"],
        &["--since", "1h", "--interval", "1s"],
        &["--since", "1h", "--follow", "--until", "1m"],
        &["--since", "1h", "--api-base", "http://example.com"],
        &["--since", "1h", "--key-file", "/nowhere/key"],
        &["--since", "1h", "more"],
    ] {
        run(&stripe, flags).assert_code(2);
    }
    let output = tool(&stripe, &["--since", "1h"]).env("STRIPE_API_BASE", "http://example.com").run();
    told(&output, 2, &["STRIPE_API_BASE: ", "over the network"]);
    assert!(stripe.requests().is_empty());
    // The flag goes before the variable.
    let server = Stripe::start();
    run(&stripe, &["--since", "1h", "--api-base", server.url()]).assert_code(0);
    assert!(!server.requests().is_empty());
}
