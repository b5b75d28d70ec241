//! Handlers that refuse, break off, send elsewhere, are slow or not there.

use std::time::Duration;

use testkit::fault::nowhere;

use crate::handler::{Handler, Say};
use crate::{SECRET, events, ids, kinds, pairs, receipts};

#[test]
fn what_may_pass_is_sent_again() {
    let handler = Handler::start(|call| match (call.nth, call.id.as_str()) {
        (0, "evt_0") => Say::Status(500),
        (0, "evt_1") => Say::Status(503),
        (0, "evt_2") => Say::Status(429),
        (0, "evt_3") => Say::Status(408),
        (0, "evt_4") => Say::Status(409),
        (0, "evt_5") => Say::Status(425),
        (0, "evt_6") => Say::Reset,
        _ => Say::Status(202),
    });
    let output = handler.tool().stdin(events(0..8)).run();
    assert_eq!(receipts(output.assert_code(0)), ids(0..8));
    for receipt in output.records() {
        let replay = &receipt["replay"];
        let expected = if receipt["id"] == "evt_7" { 1 } else { 2 };
        assert_eq!((&replay["attempts"], &replay["status"]), (&expected.into(), &202.into()), "{receipt}");
        assert!(replay["ms"].is_u64(), "{receipt}");
    }
}

#[test]
fn what_stays_is_rejected_with_the_words_of_the_handler() {
    let handler = Handler::start(|call| match call.id.as_str() {
        "evt_0" => Say::Words(500, &[], "{\"error\":{\"message\":\"no database\"}}".into()),
        "evt_1" => Say::Words(400, &[], "No signatures found".into()),
        "evt_2" => Say::Words(302, &[("location", "/elsewhere")], String::new()),
        "evt_3" => Say::Reset,
        "evt_4" => Say::Status(429),
        _ => Say::Status(200),
    });
    let output = handler.tool().args(["--attempts", "2", "--concurrency", "1"]).stdin(events(0..6)).run();
    assert_eq!(receipts(output.assert_code(3)), ids([5]));
    let expected = [
        ("handler-error", "evt_0"),
        ("refused", "evt_1"),
        ("redirected", "evt_2"),
        ("no-answer", "evt_3"),
        ("throttled", "evt_4"),
    ];
    assert_eq!(kinds(&output), pairs(&expected));
    let errors: Vec<_> = output.rejects().iter().map(|reject| reject["error"].clone()).collect();
    assert!(
        errors
            .iter()
            .map(|error| error["retryable"].as_bool() == Some(true))
            .eq([true, false, false, true, true])
    );
    let message = format!("evt_0: POST {}: HTTP 500: no database (attempt 2 of 2)", handler.url);
    assert_eq!(errors[0]["message"], message);
    let message = format!("evt_1: POST {}: HTTP 400: No signatures found (attempt 1 of 2)", handler.url);
    assert_eq!(errors[1]["message"], message);
    let state = handler.state();
    assert_eq!(state.ids(), ids([0, 0, 1, 2, 3, 3, 4, 4, 5]));
    assert!(state.calls.iter().all(|call| call.path == "/webhooks/stripe"));
}

#[test]
fn an_answer_has_until_the_timeout() {
    let slow = |time| Handler::start(move |_| Say::Slow(time, 200));
    let run = |handler: &Handler, timeout: &str| {
        handler.tool().args(["--attempts", "1", "--timeout", timeout]).stdin(events(0..1)).run()
    };
    run(&slow(Duration::from_millis(1500)), "60s").assert_code(0);
    let output = run(&slow(Duration::from_secs(100)), "1s");
    output.assert_code(3);
    assert_eq!(kinds(&output), pairs(&[("timed-out", "evt_0")]));
}

#[test]
fn a_handler_that_is_not_there_ends_the_run() {
    let tool = testkit::tool::Tool::new("stripe-replay").env("STRIPE_WEBHOOK_SECRET", SECRET);
    let flags = ["--attempts", "2", "--max-consecutive-failures", "3", "--concurrency", "1"];
    let output = tool.args(["--to", &format!("{}/a", nowhere())]).args(flags).stdin(events(0..9)).run();
    output.assert_code(1);
    assert_eq!(
        kinds(&output),
        pairs(&[("unreachable", "evt_0"), ("unreachable", "evt_1"), ("unreachable", "evt_2")])
    );
    assert!(
        output.stderr.contains("3 events failed in a row (--max-consecutive-failures)"),
        "{}",
        output.stderr
    );
}

#[test]
fn only_failures_in_a_row_end_the_run() {
    let handler = Handler::start(|call| {
        Say::Status(if ["evt_2", "evt_5"].contains(&call.id.as_str()) { 200 } else { 400 })
    });
    let tool = || handler.tool().args(["--concurrency", "1", "--max-consecutive-failures"]);
    let output = tool().arg("3").stdin(events(0..8)).run();
    assert_eq!(receipts(output.assert_code(3)), ids([2, 5]));
    let output = tool().arg("2").stdin(events(0..8)).run();
    assert!(output.assert_code(1).stdout.is_empty());
    assert_eq!(kinds(&output), pairs(&[("refused", "evt_0"), ("refused", "evt_1")]));
}

#[test]
fn retry_after_holds_all_calls_back() {
    let handler = Handler::start(|call| match (call.nth, call.id.as_str()) {
        (0, "evt_0") => Say::Words(429, &[("retry-after", "2")], String::new()),
        _ => Say::Status(200),
    });
    let output = handler.tool().args(["--concurrency", "1", "--order", "none"]).stdin(events(0..4)).run();
    assert_eq!(receipts(output.assert_code(0)), ids(0..4));
    let state = handler.state();
    assert_eq!(state.calls.len(), 5);
    let first = state.calls[0].at;
    assert!(state.calls[1..].iter().all(|call| call.at - first >= Duration::from_secs(2)), "{:?}", state.log);
}

#[test]
fn retry_after_above_the_patience_is_a_reject() {
    let handler = Handler::start(|_| Say::Words(503, &[("retry-after", "3600")], String::new()));
    let output = handler.tool().stdin(events(0..1)).run();
    output.assert_code(3);
    assert_eq!(kinds(&output), pairs(&[("handler-error", "evt_0")]));
    assert!(output.stderr.contains("Retry-After is above 5 minutes"), "{}", output.stderr);
    assert_eq!(handler.state().calls.len(), 1);
}

#[test]
fn connections_are_kept() {
    let handler = Handler::start(|_| Say::Words(200, &[], "received ".repeat(5000)));
    handler.tool().args(["--concurrency", "2"]).stdin(events(0..200)).run().assert_code(0);
    let state = handler.state();
    assert!(state.calls.len() == 200 && state.connections <= 4, "{} connections", state.connections);
}
