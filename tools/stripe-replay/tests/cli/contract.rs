//! What every tool promises: usage, pages, messages, dry runs; and the flags that nothing else is about.

use std::time::{Duration, Instant};

use testkit::tool::Tool;

use crate::handler::Handler;
use crate::{SECRET, event, events, ids, receipts};

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    let handler = Handler::accepting();
    let tool = || Tool::new("stripe-replay").env("STRIPE_WEBHOOK_SECRET", SECRET).stdin(events(0..1));
    for to in [
        "http://app.example.com/webhooks/stripe",
        "http://10.0.0.1/a",
        "ftp://localhost/a",
        "localhost:3000",
        "https://user:hush@app.example.com/a",
        "https://app.example.com/a#b",
        "",
    ] {
        let output = tool().args(["--to", to]).run();
        assert!(!output.assert_code(2).stderr.contains("unexpected"), "{}", output.stderr);
    }
    tool().run().assert_code(2);
    for wrong in [
        &["--order", "customer"][..],
        &["--concurrency", "0"],
        &["--rate", "0"],
        &["--rate", "0.5"],
        &["--timeout", "0s"],
        &["--timeout", "30"],
        &["--attempts", "0"],
        &["--max-consecutive-failures", "0"],
        &["--print-curl", "--dry-run"],
        &["--print-curl", "--journal", "j"],
        &["--quiet", "--verbose"],
        &["extra"],
    ] {
        let output = handler.tool().args(wrong).stdin(events(0..1)).run();
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
    }
    assert!(handler.state().calls.is_empty());
}

#[test]
fn its_pages_are_printed() {
    testkit::pages::assert_printed("stripe-replay");
}

#[test]
fn an_empty_input_is_no_error() {
    let handler = Handler::accepting();
    for flags in [&[][..], &["--from-json"]] {
        let output = handler.tool().args(flags).stdin("\n  \n").run();
        assert!(output.assert_code(0).stdout.is_empty());
        assert!(output.stderr.contains("read 0, done 0, rejected 0"), "{}", output.stderr);
    }
}

#[test]
fn a_receipt_names_event_and_call() {
    let handler = Handler::accepting();
    let output = handler.tool().arg("-q").stdin(events(0..1)).run();
    assert_eq!(output.assert_code(0).stderr, "");
    let ms = output.records()[0]["replay"]["ms"].clone();
    let start = r#"{"id":"evt_0","type":"invoice.paid","created":1795176000,"replay":{"status":200,"attempts":1,"ms":"#;
    assert_eq!(output.text(), format!("{start}{ms}}}}}\n"));
}

#[test]
fn a_dry_run_sends_nothing() {
    let handler = Handler::accepting();
    let output = handler.tool().arg("--dry-run").stdin(events(0..2) + "{}\n").run();
    assert_eq!(receipts(output.assert_code(3)), ids(0..2));
    assert!(output.records().iter().all(|receipt| receipt["replay"] == serde_json::json!({"dry_run": true})));
    assert!(handler.state().calls.is_empty());
    // The real run would not begin either.
    handler.tool().env_remove("STRIPE_WEBHOOK_SECRET").arg("-n").run().assert_code(2);
}

#[test]
fn other_api_versions_are_told_once_each_and_counted() {
    let handler = Handler::accepting();
    let mut input = events(0..3);
    for (number, version) in [(3, Some("2024-06-20")), (4, Some("2024-06-20")), (5, None)] {
        let mut event = event(number, "in_a");
        event["api_version"] = version.into();
        input.push_str(&format!("{event}\n"));
    }
    let output = handler.tool().args(["--expect-api-version", "2025-03-31.basil"]).stdin(input.clone()).run();
    assert_eq!(receipts(output.assert_code(0)), ids(0..6));
    let warnings: Vec<&str> = output.stderr.lines().filter(|line| line.contains("warning")).collect();
    assert_eq!(
        warnings,
        [
            "stripe-replay: warning: evt_3 is of API version 2024-06-20, not 2025-03-31.basil",
            "stripe-replay: warning: evt_5 is of API version none, not 2025-03-31.basil",
            "stripe-replay: warning: events of another API version than 2025-03-31.basil: 3",
        ]
    );
    assert!(!handler.tool().stdin(input).run().assert_code(0).stderr.contains("warning"));
}

#[test]
fn calls_keep_to_the_rate() {
    let handler = Handler::accepting();
    let begun = Instant::now();
    handler.tool().args(["--rate", "5"]).stdin(events(0..6)).run().assert_code(0);
    let state = handler.state();
    // A second lies between the first turn and the last, and any call may come late.
    let span = state.calls[5].at - begun;
    assert!(state.calls.len() == 6 && span >= Duration::from_secs(1), "{span:?}");
}

#[test]
fn a_proxy_carries_nothing_that_stays_on_this_machine() {
    let handler = Handler::accepting();
    let tool = handler.tool().env("http_proxy", "http://127.0.0.1:9").env_remove("no_proxy");
    tool.arg("--attempts=1").stdin(events(0..1)).run().assert_code(0);
}
