//! Inputs that are no events to send.

use std::fs;

use serde_json::json;
use tempfile::TempDir;

use crate::handler::Handler;
use crate::{event, events, ids, kinds, pairs, receipts};

#[test]
fn what_is_no_event_is_rejected_and_the_rest_is_sent() {
    let handler = Handler::accepting();
    let thin = json!({"id": "evt_8", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
        "created": "2026-11-20T10:00:00.000Z", "livemode": false, "related_object": null});
    let charge = json!({"id": "ch_1", "object": "charge", "type": "t", "created": 1, "livemode": false});
    let input = format!("no event\n{thin}\n{charge}\n{{}}\n[1]\n{}", events(0..2));
    let output = handler.tool().stdin(input).run();
    assert_eq!(receipts(output.assert_code(3)), ids(0..2));
    let expected = [
        ("bad-line", ""),
        ("thin-event", "evt_8"),
        ("bad-record", "ch_1"),
        ("bad-record", ""),
        ("bad-line", ""),
    ];
    assert_eq!(kinds(&output), pairs(&expected));
    assert!(output.stderr.contains("read 7, done 2, rejected 5"), "{}", output.stderr);
}

#[test]
fn live_events_need_the_flag() {
    let handler = Handler::accepting();
    let mut live = event(0, "in_0");
    live["livemode"] = true.into();
    let input = format!("{live}\n{}", events(1..2));
    let output = handler.tool().stdin(input.clone()).run();
    assert_eq!(receipts(output.assert_code(3)), ids([1]));
    assert_eq!(kinds(&output), pairs(&[("live-event", "evt_0")]));
    assert!(output.stderr.contains("give --live"), "{}", output.stderr);
    assert_eq!(receipts(handler.tool().arg("--live").stdin(input).run().assert_code(0)), ids(0..2));
}

#[test]
fn rejects_go_to_a_file_and_too_many_end_the_run() {
    let handler = Handler::accepting();
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("rejects.jsonl");
    let tool = handler.tool().arg("--rejects").arg(&file).args(["--max-rejects", "1"]);
    let output = tool.stdin("{}\n{}\n{}\n").run();
    assert!(output.assert_code(1).stderr.contains("--max-rejects 1"), "{}", output.stderr);
    assert_eq!(fs::read_to_string(&file).expect("rejects").lines().count(), 2);
}
