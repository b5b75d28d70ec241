//! `--journal`: runs that are taken up.

use std::fs;

use tempfile::TempDir;
use testkit::tool::Tool;

use crate::handler::{Handler, Say};
use crate::{about, events, ids, receipts};

fn with(handler: &Handler, folder: &TempDir) -> Tool {
    handler.tool().arg("--journal").arg(folder.path().join("replay.jsonl"))
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

#[test]
fn what_was_accepted_is_told_again_and_not_sent_again() {
    let (handler, folder) =
        (Handler::start(|call| Say::Status(if call.id == "evt_2" { 400 } else { 200 })), folder());
    with(&handler, &folder).stdin(events(0..4)).run().assert_code(3);
    let first = handler.state().calls.len();
    let again = with(&handler, &folder).stdin(events(0..5)).run();
    again.assert_code(3);
    assert_eq!(receipts(&again), ids([0, 1, 3, 4]));
    let mut sent = handler.state().ids().split_off(first);
    sent.sort();
    assert_eq!(sent, ids([2, 4]));
    for receipt in again.records() {
        let already = receipt["id"] != "evt_4";
        assert_eq!(receipt["replay"]["already"] == true, already, "{receipt}");
        assert_eq!(receipt["replay"]["status"], 200, "{receipt}");
    }
    let rehearsal = with(&handler, &folder).arg("-n").stdin(events(0..3)).run();
    let replay = |n: usize| rehearsal.records()[n]["replay"].clone();
    rehearsal.assert_code(0);
    assert!(replay(0)["already"] == true && replay(0)["dry_run"] == true && replay(2)["already"].is_null());
}

#[test]
fn another_handler_gets_its_own_copy() {
    let (one, other, folder) = (Handler::accepting(), Handler::accepting(), folder());
    with(&one, &folder).stdin(events(0..2)).run().assert_code(0);
    with(&other, &folder).stdin(events(0..2)).run().assert_code(0);
    assert_eq!((one.state().calls.len(), other.state().calls.len()), (2, 2));
}

#[test]
fn an_event_that_comes_twice_is_sent_once() {
    let (handler, folder) = (Handler::accepting(), folder());
    let output = with(&handler, &folder).stdin(events([0, 1, 0, 1, 2])).run();
    assert_eq!(receipts(output.assert_code(0)), ids(0..3));
    assert!(output.stderr.contains("taken once: 2"), "{}", output.stderr);
    assert!(output.stderr.contains("read 5, done 5, rejected 0"), "{}", output.stderr);
    assert_eq!(handler.state().calls.len(), 3);
}

#[test]
fn two_runs_do_not_share_a_journal() {
    let (handler, folder) = (Handler::start(|_| Say::Held(200)), folder());
    let running = with(&handler, &folder).stdin(events(0..1)).spawn();
    handler.wait_until(|state| state.calls.len() == 1);
    let second = with(&handler, &folder).stdin(events(1..2)).run();
    assert!(second.assert_code(1).stderr.contains("in use"), "{}", second.stderr);
    handler.release();
    running.wait().assert_code(0);
    assert_eq!(handler.state().ids(), ids([0]));
}

#[test]
fn a_run_that_was_killed_is_taken_up_without_loss() {
    // The handler answers 40 calls, and holds those after them.
    let objects: Vec<&str> = (0..120).map(|n| ["a", "b", "c", "d", "e", "f", "g"][n % 7]).collect();
    let answered = std::sync::atomic::AtomicUsize::new(0);
    let count = move || answered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (handler, folder) =
        (Handler::start(move |_| if count() < 40 { Say::Status(200) } else { Say::Held(200) }), folder());
    let running = with(&handler, &folder).stdin(about(&objects)).spawn();
    handler.wait_until(|state| state.calls.len() == 47);
    running.signal("KILL");
    let killed = running.wait();
    assert_eq!(killed.signal, Some(9));
    handler.release();
    let before = handler.state().calls.len();
    let journal = fs::read_to_string(folder.path().join("replay.jsonl")).expect("a journal");
    let written: Vec<String> =
        ids(0..120).into_iter().filter(|id| journal.contains(&format!("\"id\":\"{id}\""))).collect();
    assert!(!written.is_empty());
    // A receipt is never ahead of its journal line.
    assert!(killed.text().lines().filter(|line| line.ends_with('}')).count() <= written.len());

    let second = with(&handler, &folder).stdin(about(&objects)).run();
    assert_eq!(receipts(second.assert_code(0)), ids(0..120));
    let again = &handler.state().ids()[before..];
    assert!(written.iter().all(|id| !again.contains(id)), "sent again after its journal line");
    assert_eq!(again.len(), 120 - written.len());
}

#[test]
fn the_journal_of_another_tool_is_refused() {
    let (handler, folder) = (Handler::accepting(), folder());
    let path = folder.path().join("replay.jsonl");
    with(&handler, &folder).stdin(events(0..1)).run().assert_code(0);
    let journal = fs::read_to_string(&path).expect("a journal");
    fs::write(&path, journal.replace("\"replay\"", "\"restore\"")).expect("a file");
    let output = with(&handler, &folder).stdin(events(0..1)).run();
    assert!(output.assert_code(1).stderr.contains("no receipt of stripe-replay"), "{}", output.stderr);
    fs::write(&path, "{\"key\":\"a\"}\n").expect("a file");
    with(&handler, &folder).stdin(events(0..1)).run().assert_code(1);
    assert_eq!(handler.state().calls.len(), 1);
}
