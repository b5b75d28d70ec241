//! `--from-json`: what others have saved.

use serde_json::{Value, json};

use crate::handler::Handler;
use crate::{event, events, ids, kinds, pairs, receipts};

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

#[test]
fn a_page_of_the_api_is_sent_oldest_first_without_its_layout() {
    let handler = Handler::accepting();
    let newest_first: Vec<Value> = [2, 1, 0].map(|n| event(n, "in_a")).into();
    let page = json!({"object": "list", "data": newest_first, "has_more": true, "url": "/v1/events"});
    let output = handler.tool().arg("--from-json").stdin(pretty(&page)).run();
    assert_eq!(receipts(output.assert_code(0)), ids(0..3));
    let state = handler.state();
    assert_eq!(state.ids(), ids(0..3));
    let bodies: Vec<&str> = state.calls.iter().map(|call| call.body.as_str()).collect();
    assert_eq!(bodies, [0, 1, 2].map(|n| event(n, "in_a").to_string()));
    assert!(output.stderr.contains("has_more"), "{}", output.stderr);
}

#[test]
fn arrays_and_objects_over_several_lines_are_events_too() {
    let objects: String = (0..3).map(|n| pretty(&event(n, "in_a")) + "\n").collect();
    let array = pretty(&(0..3).map(|n| event(n, "in_a")).collect());
    for input in [objects, array, events(0..3)] {
        let handler = Handler::accepting();
        let output = handler.tool().arg("--from-json").stdin(input).run();
        assert_eq!(receipts(output.assert_code(0)), ids(0..3));
    }
}

#[test]
fn a_reject_over_several_lines_stays_one_line() {
    let handler = Handler::accepting();
    let mut live = event(0, "in_a");
    live["livemode"] = true.into();
    let output = handler.tool().arg("--from-json").stdin(pretty(&live)).run();
    output.assert_code(3);
    assert_eq!(kinds(&output), pairs(&[("live-event", "evt_0")]));
}

#[test]
fn a_file_that_was_cut_short_is_an_error() {
    let handler = Handler::accepting();
    let array = pretty(&(0..3).map(|n| event(n, "in_a")).collect());
    let output = handler.tool().arg("--from-json").stdin(&array[..array.len() - 20]).run();
    assert!(output.assert_code(1).stderr.contains("cut short"), "{}", output.stderr);
}

#[test]
fn without_the_flag_a_page_is_no_event() {
    let handler = Handler::accepting();
    let page = json!({"object": "list", "data": [event(0, "in_a")], "has_more": false});
    let output = handler.tool().stdin(format!("{page}\n")).run();
    output.assert_code(3);
    assert_eq!(output.rejects()[0]["error"]["kind"], "bad-record");
    assert!(output.stderr.contains("--from-json"), "{}", output.stderr);
}
