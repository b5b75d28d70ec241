//! Runs that are killed at seeded points, or whose disk is full: what the next run says is true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde_json::Value;
use tempfile::TempDir;
use testkit::tool::{Output, Tool};

use crate::handler::{Handler, Say};
use crate::{SECRET, about, event, events, ids, receipts};

/// The events that the journal has as accepted, or with `intent` as begun.
fn journaled(path: &Path, kind: &str) -> BTreeSet<String> {
    let journal = fs::read_to_string(path).expect("a journal");
    let lines = journal.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).expect("whole lines"));
    lines.filter_map(|line| line[kind]["id"].as_str().map(str::to_owned)).collect()
}

/// Receipts by event, without what depends on the run that did it.
fn normal(output: &Output) -> BTreeMap<String, Value> {
    let receipts = output.records().into_iter().map(|mut receipt| {
        for field in ["ms", "attempts", "resent", "replayed", "checked"] {
            receipt["replay"].as_object_mut().expect("an object").remove(field);
        }
        (receipt["id"].as_str().unwrap_or_default().to_owned(), receipt)
    });
    let all: BTreeMap<_, _> = receipts.collect();
    assert_eq!(all.len(), output.records().len(), "a receipt is there twice");
    all
}

/// One run after the other is killed when the handler has got so many calls more; the last is not.
fn killed(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let concurrency = random.choice([1, 3, 16]).expect("one").to_string();
    let objects: Vec<&str> =
        (0..60).map(|_| random.choice(["a", "b", "c", "d", "e"]).expect("one")).collect();
    let order = random.choice(["object", "global"]).expect("one");
    let kills: Vec<usize> = (0..random.usize(1..4)).map(|_| random.usize(1..18)).collect();
    // Whether the call at which it is killed has an answer.
    let answers = random.bool();
    let case =
        format!("seed {seed}: {concurrency} at once, {order}, killed after {kills:?}, answers {answers}");
    let flags = ["--concurrency", &concurrency, "--order", order];

    let undisturbed = Handler::accepting().tool().args(flags).stdin(about(&objects)).run();
    let left = Arc::new(AtomicUsize::new(usize::MAX));
    let rule = Arc::clone(&left);
    let handler = Handler::start(move |_| {
        // What comes after the last is held until the run is dead.
        match rule.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) {
            Ok(1) if !answers => Say::Held(200),
            Ok(_) => Say::Status(200),
            Err(_) => Say::Held(200),
        }
    });
    let folder = TempDir::new().expect("a folder");
    let journal = folder.path().join("journal");
    let run = || handler.tool().args(flags).arg("--journal").arg(&journal).stdin(about(&objects));
    for kill in kills {
        let before = handler.state().calls.len();
        left.store(kill, Relaxed);
        let running = run().spawn();
        handler.wait_until(|state| state.calls.len() >= before + kill);
        running.signal("KILL");
        assert_eq!(running.wait().signal, Some(9), "{case}");
        let accepted = journaled(&journal, "result");
        let begun = journaled(&journal, "intent");
        assert!(handler.state().ids()[before..].iter().all(|id| begun.contains(id)), "{case}: no intent");
        assert!(accepted.is_subset(&begun), "{case}");
    }
    let (before, accepted) = (handler.state().calls.len(), journaled(&journal, "result"));
    left.store(usize::MAX, Relaxed);
    let last = run().run();
    last.assert_code(0);
    assert_eq!(normal(&last), normal(undisturbed.assert_code(0)), "{case}");

    let calls = handler.state().ids();
    let again: BTreeSet<_> = calls[before..].iter().cloned().collect();
    assert!(again.is_disjoint(&accepted), "{case}: sent again though the journal has it");
    for receipt in last.records() {
        let id = receipt["id"].as_str().unwrap_or_default();
        assert_eq!(receipt["replay"]["replayed"] == true, accepted.contains(id), "{case}: {receipt}");
        let sent = calls.iter().filter(|call| *call == id).count();
        assert!(sent == 1 || sent > 1 && receipt["replay"]["resent"] == true, "{case}: {sent} {receipt}");
    }
    // However often an event was sent, never after a later one of its object.
    let mut latest: BTreeMap<&str, usize> = BTreeMap::new();
    for number in calls.iter().filter_map(|id| id.strip_prefix("evt_")?.parse::<usize>().ok()) {
        let lane = if order == "global" { "" } else { objects[number] };
        let latest = latest.entry(lane).or_default();
        assert!(*latest <= number, "{case}: evt_{number} after evt_{latest}");
        *latest = number;
    }
}

#[test]
fn a_run_that_is_killed_anywhere_is_finished_by_the_next() {
    for seed in 0..12 {
        killed(seed);
    }
}

/// The tool with a disk that takes files of so many KiB.
fn on_a_small_disk(handler: &Handler, journal: &Path, kib: usize) -> Tool {
    let script = format!(
        "ulimit -f {kib}; trap '' XFSZ; exec stripe-replay --to \"$HANDLER\" --journal \"$JOURNAL\" $FLAGS"
    );
    Tool::bash(&script)
        .env("HANDLER", &handler.url)
        .env("JOURNAL", journal)
        .env("STRIPE_WEBHOOK_SECRET", SECRET)
        .env("FLAGS", "")
}

#[test]
fn a_full_disk_ends_the_run_and_nothing_that_was_done_is_lost() {
    for (kib, flags) in [(4, ""), (6, "--concurrency 3"), (9, "--order none"), (3, "--order global")] {
        let handler = Handler::accepting();
        let folder = TempDir::new().expect("a folder");
        let journal = folder.path().join("journal");
        let input = events(0..60);
        let output = on_a_small_disk(&handler, &journal, kib).env("FLAGS", flags).stdin(input.as_str()).run();
        assert!(output.assert_code(1).stderr.contains("cannot write the journal"), "{}", output.stderr);
        let (begun, accepted) = (journaled(&journal, "intent"), journaled(&journal, "result"));
        let calls: BTreeSet<String> = handler.state().ids().into_iter().collect();
        assert!(calls.is_subset(&begun) && calls.len() < 60, "{flags}: sent without an intent");
        // Each was answered with 2xx.
        assert_eq!(receipts(&output).into_iter().collect::<BTreeSet<_>>(), calls, "{flags}");
        assert!(accepted.is_subset(&calls));

        let sent = handler.state().calls.len();
        let again = handler.tool().arg("--journal").arg(&journal).stdin(input.as_str()).run();
        assert_eq!(receipts(again.assert_code(0)), ids(0..60));
        assert!(!again.stderr.contains("damaged"), "{}", again.stderr);
        let again: BTreeSet<String> = handler.state().ids()[sent..].iter().cloned().collect();
        assert!(again.is_disjoint(&accepted) && again.len() + accepted.len() == 60, "{flags}");
    }
}

#[test]
fn what_is_in_flight_when_the_disk_is_full_is_written_to_stderr_where_stdout_is_closed() {
    let handler = Handler::start(|_| Say::Held(200));
    let folder = TempDir::new().expect("a folder");
    let journal = folder.path().join("journal");
    // Four intents fit in, and their results do not.
    let mut running = on_a_small_disk(&handler, &journal, 1).stdin(events(0..4)).spawn();
    handler.wait_until(|state| state.calls.len() == 4);
    running.close_stdout();
    running.wait_stderr("calls in flight are being ended");
    handler.release();
    let output = running.wait();
    output.assert_code(1);
    for id in ids(0..4) {
        assert!(output.stderr.contains(&format!("{{\"id\":\"{id}\",")), "{id}: {}", output.stderr);
    }
    let accepted = journaled(&journal, "result");
    assert!(accepted.len() < 4, "the disk was not full: {accepted:?}");
}

#[test]
fn what_was_no_utf_8_comes_back_byte_for_byte() {
    let folder = TempDir::new().expect("a folder");
    let rejects = folder.path().join("rejects.jsonl");
    for flags in [&[][..], &["--from-json"]] {
        let mut latin = event(0, "in_0");
        latin["note"] = "caf?".into();
        let mut line = latin.to_string().into_bytes();
        let mark = line.iter().position(|&byte| byte == b'?').expect("the mark");
        line[mark] = 0xe9;
        let handler = Handler::accepting();
        let run = |input: Vec<u8>| {
            let _ = fs::remove_file(&rejects);
            let tool = handler.tool().args(flags).arg("--rejects").arg(&rejects);
            tool.stdin(input).run().assert_code(3);
            let letter = fs::read(&rejects).expect("rejects");
            let parsed: Value = serde_json::from_slice(&letter).expect("one letter");
            (letter, parsed["line_base64"].clone())
        };
        let (first, bytes) = run([line.clone(), b"\n".to_vec()].concat());
        assert!(bytes.is_string());
        let (second, again) = run(first);
        assert_eq!(again, bytes);
        let (_, third) = run(second);
        assert_eq!(third, bytes);
        assert!(handler.state().calls.is_empty());
        let decoded = Tool::bash(&format!("base64 -d <<<'{}'", bytes.as_str().unwrap_or_default())).run();
        assert_eq!(decoded.assert_code(0).stdout, line);
    }
}
