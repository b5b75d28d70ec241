//! What is sent after what.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::handler::{Handler, Say, State};
use crate::{about, events, ids, kinds, pairs, receipts};

/// Fails the test unless the events of each object were answered one by one, in the order of the input.
#[track_caller]
fn assert_in_order(state: &State, objects: &[&str]) {
    let mut by_object: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in &state.log {
        let number: usize = entry[5..].parse().expect("an event of this test");
        by_object.entry(objects[number]).or_default().push(entry);
    }
    for (object, log) in by_object {
        let of_object = objects.iter().enumerate().filter(|(_, other)| **other == object);
        let expected: Vec<_> =
            of_object.flat_map(|(n, _)| [format!("+evt_{n}"), format!("-evt_{n}")]).collect();
        assert_eq!(log, expected, "{object}");
    }
}

#[test]
fn an_object_keeps_its_order_whatever_the_concurrency() {
    let objects: Vec<&str> =
        (0..160).map(|n| ["in_a", "in_b", "in_c", "in_d", "in_e"][n * n % 7 % 5]).collect();
    for concurrency in ["1", "3", "16", "200"] {
        // Answers are overtaken by later ones of other objects.
        let handler =
            Handler::start(|call| Say::Slow(Duration::from_millis(call.body.len() as u64 * 7 % 11), 200));
        let output = handler.tool().args(["--concurrency", concurrency]).stdin(about(&objects)).run();
        assert_eq!(receipts(output.assert_code(0)), ids(0..160));
        assert_in_order(&handler.state(), &objects);
    }
}

#[test]
fn a_slow_object_does_not_hold_up_the_others() {
    let handler = Handler::start(|call| match call.body.contains("in_slow") {
        true => Say::Held(200),
        false => Say::Status(200),
    });
    let mut objects = vec!["in_slow"; 20];
    objects.extend(["in_a", "in_b"]);
    let running = handler.tool().args(["--concurrency", "2"]).stdin(about(&objects)).spawn();
    handler.wait_until(|state| state.log.contains(&"-evt_21".to_owned()));
    assert_eq!(handler.state().calls.len(), 3);
    handler.release();
    assert_eq!(receipts(running.wait().assert_code(0)), ids(0..22));
    assert_in_order(&handler.state(), &objects);
}

#[test]
fn after_a_failure_the_rest_of_the_object_is_blocked_and_can_be_sent_again() {
    let objects = ["in_a", "in_b", "in_a", "in_b", "in_a", "in_a"];
    let failing = Handler::start(|call| Say::Status(if call.id == "evt_2" { 400 } else { 200 }));
    let failed = failing.tool().stdin(about(&objects)).run();
    assert_eq!(receipts(failed.assert_code(3)), ids([0, 1, 3]));
    assert_eq!(kinds(&failed), pairs(&[("refused", "evt_2"), ("blocked", "evt_4"), ("blocked", "evt_5")]));
    assert!(failed.rejects()[1]["error"]["retryable"].as_bool() == Some(true));
    assert!(failed.stderr.contains("read 6, done 3, rejected 3"), "{}", failed.stderr);

    let mended = Handler::accepting();
    let rejects: Vec<&str> = failed.stderr.lines().filter(|line| line.starts_with("{\"error\"")).collect();
    let output = mended.tool().stdin(rejects.join("\n")).run();
    assert_eq!(receipts(output.assert_code(0)), ids([2, 4, 5]));
    assert_eq!(mended.state().log, ["+evt_2", "-evt_2", "+evt_4", "-evt_4", "+evt_5", "-evt_5"]);
}

#[test]
fn an_event_that_comes_after_the_failure_of_its_object_is_blocked_too() {
    let handler = Handler::start(|_| Say::Status(400));
    let mut running = handler.tool().spawn();
    running.write(about(&["in_a"]));
    running.wait_stderr("\"refused\"");
    running.write(format!("{}\n", crate::event(1, "in_a")));
    running.wait_stderr("\"blocked\"");
    running.wait().assert_code(3);
    assert_eq!(handler.state().ids(), ids([0]));
}

#[test]
fn global_order_is_that_of_the_input_and_ends_at_a_failure() {
    let handler = Handler::start(|call| Say::Status(if call.id == "evt_5" { 404 } else { 200 }));
    let output = handler.tool().args(["--order", "global"]).stdin(events(0..9)).run();
    assert_eq!(receipts(output.assert_code(1)), ids(0..5));
    assert_eq!(kinds(&output), pairs(&[("refused", "evt_5")]));
    assert!(output.stderr.contains("nothing is sent after it (--order global)"), "{}", output.stderr);
    let state = handler.state();
    assert_eq!((state.ids(), state.most_in_flight), (ids(0..6), 1));
}

#[test]
fn without_an_order_nothing_waits_and_nothing_is_blocked() {
    let handler = Handler::start(|call| Say::Held(if call.id == "evt_0" { 400 } else { 200 }));
    let tool = handler.tool().args(["--order", "none", "--concurrency", "3"]);
    let running = tool.stdin(about(&["in_a"; 10])).spawn();
    handler.wait_until(|state| state.calls.len() == 3);
    handler.release();
    assert_eq!(receipts(running.wait().assert_code(3)), ids(1..10));
    assert_eq!(handler.state().most_in_flight, 3);
}

#[test]
fn an_input_that_is_not_oldest_first_is_told_once() {
    let handler = Handler::accepting();
    let input = events([3, 2, 1]);
    let output = handler.tool().stdin(input.clone()).run();
    assert_eq!(output.assert_code(0).stderr.matches("oldest first").count(), 1, "{}", output.stderr);
    assert!(output.stderr.contains("evt_2 is older"), "{}", output.stderr);
    for (flags, input) in [(&["--order", "none"][..], input), (&[], events(1..4))] {
        let output = handler.tool().args(flags).stdin(input).run();
        assert!(!output.assert_code(0).stderr.contains("oldest first"), "{}", output.stderr);
    }
}
