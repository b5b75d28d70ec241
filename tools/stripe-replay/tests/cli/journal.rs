//! `--journal`: runs that are resumed, and files that are no journal of theirs.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use testkit::tool::Tool;

use crate::handler::{Handler, Say};
use crate::{SECRET, about, events, ids, receipts};

fn with(handler: &Handler, folder: &TempDir) -> Tool {
    handler.tool().arg("--journal").arg(path(folder))
}

fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("replay.jsonl")
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

#[test]
fn what_was_accepted_is_repeated_and_not_sent_again() {
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
        let replay = &receipt["replay"];
        assert_eq!(replay["status"], 200, "{receipt}");
        let (replayed, checked) = (&replay["replayed"], &replay["checked"]);
        match receipt["id"] == "evt_4" {
            true => assert!(replayed.is_null() && checked.is_null(), "{receipt}"),
            false => assert!(replayed == true && checked == false, "{receipt}"),
        }
        assert!(replay["dry_run"].is_null() && replay["resent"].is_null(), "{receipt}");
    }
    let dry_run = with(&handler, &folder).arg("-n").stdin(events(0..3)).run();
    let replay = |n: usize| dry_run.assert_code(0).records()[n]["replay"].clone();
    assert!(replay(0)["replayed"] == true && replay(0)["dry_run"] == true, "{}", dry_run.text());
    // Of what was refused before, it is known that it was sent.
    assert_eq!(replay(2), serde_json::json!({"resent": true, "dry_run": true}));
}

#[test]
fn an_event_that_was_being_sent_says_so_when_it_is_sent_again() {
    let (handler, folder) =
        (Handler::start(|call| if call.id == "evt_1" { Say::Held(200) } else { Say::Status(200) }), folder());
    let mut running = with(&handler, &folder).stdin(events(0..2)).spawn();
    assert!(running.line().is_some_and(|line| line.contains("evt_0")));
    handler.wait_until(|state| state.log.contains(&"+evt_1".to_owned()));
    running.signal("KILL");
    running.wait();
    handler.release();
    for _ in 0..2 {
        let again = with(&handler, &folder).stdin(events(0..3)).run();
        assert_eq!(receipts(again.assert_code(0)), ids(0..3));
        let resent = |receipt: &&serde_json::Value| receipt["replay"]["resent"] == true;
        let records = again.records();
        let resent: Vec<_> = records.iter().filter(resent).map(|receipt| &receipt["id"]).collect();
        assert_eq!(resent, ["evt_1"], "{}", again.text());
    }
    assert_eq!(handler.state().ids().iter().filter(|id| *id == "evt_1").count(), 2);
}

#[test]
fn the_journal_of_another_handler_is_refused() {
    let (one, other, folder) = (Handler::accepting(), Handler::accepting(), folder());
    with(&one, &folder).stdin(events(0..2)).run().assert_code(0);
    let before = fs::read(path(&folder)).expect("a journal");
    let output = with(&other, &folder).stdin(events(0..2)).run();
    let words = format!("its handler is {}, here {}", one.url, other.url);
    assert!(output.assert_code(2).stderr.contains(&words), "{}", output.stderr);
    assert_eq!(fs::read(path(&folder)).expect("a journal"), before);
    assert!(other.state().calls.is_empty());
}

#[test]
fn a_token_in_the_url_is_not_in_the_journal_and_another_one_is_noticed() {
    let (handler, folder) = (Handler::accepting(), folder());
    let run = |query: &str| {
        let tool = Tool::new("stripe-replay").env("STRIPE_WEBHOOK_SECRET", SECRET).arg("--to");
        tool.arg(format!("{}{query}", handler.url))
            .arg("--journal")
            .arg(path(&folder))
            .stdin(events(0..1))
            .run()
    };
    run("?token=hush").assert_code(0);
    run("?token=hush").assert_code(0);
    assert!(!fs::read_to_string(path(&folder)).expect("a journal").contains("hush"));
    let other = run("?token=hush2");
    assert!(other.assert_code(2).stderr.contains("its handler is"), "{}", other.stderr);
    assert!(!other.stderr.contains("hush"), "{}", other.stderr);
    assert_eq!(handler.state().calls.len(), 1);
}

#[test]
fn flags_that_only_say_how_events_are_sent_do_not_matter() {
    let (handler, folder) = (Handler::accepting(), folder());
    with(&handler, &folder).stdin(events(0..2)).run().assert_code(0);
    let secret = folder.path().join("whsec");
    fs::write(&secret, SECRET).expect("a file");
    let other =
        with(&handler, &folder).args(["--order", "none", "--rate", "50", "--attempts", "2", "--live"]);
    let other =
        other.args(["--timeout", "9s", "--concurrency", "3", "--from-json", "--secret-file"]).arg(&secret);
    assert_eq!(receipts(other.stdin(events(0..2)).run().assert_code(0)), ids(0..2));
    assert_eq!(handler.state().calls.len(), 2);
}

#[test]
fn no_other_file_is_taken_for_a_journal_and_none_is_changed() {
    let (handler, folder) = (Handler::accepting(), folder());
    let file = path(&folder);
    for content in [
        "{\"customers\":[1]}",
        "{\"customers\":[1]}\n",
        "{\"key\":\"a\"}\n",
        "no line end",
        SECRET,
        "\n",
        &events(0..3),
        "{\"id\":\"0123456789abcdef0123456789abcdef\",\"result\":{\"id\":\"evt_0\"}}\n",
    ] {
        for flags in [&[][..], &["--dry-run"]] {
            fs::write(&file, content).expect("a file");
            let output = with(&handler, &folder).args(flags).stdin(events(0..1)).run();
            assert!(output.assert_code(2).stderr.contains("give another file"), "{}", output.stderr);
            assert_eq!(fs::read_to_string(&file).expect("the file"), content, "{flags:?}");
        }
    }
    // The secret is read first, and is no journal then.
    let output = with(&handler, &folder).arg("--secret-file").arg(&file).stdin(events(0..1)).run();
    output.assert_code(2);
    fs::write(&file, SECRET).expect("a file");
    let output = with(&handler, &folder).arg("--secret-file").arg(&file).stdin(events(0..1)).run();
    assert!(output.assert_code(2).stderr.contains("is no journal"), "{}", output.stderr);
    assert_eq!(fs::read_to_string(&file).expect("the secret"), SECRET);
    for path in ["/dev/full", "/dev/null", "/dev/zero", "/proc/self/fd/0"] {
        let output = handler.tool().args(["--journal", path]).stdin(events(0..1)).run();
        assert!(output.assert_code(2).stderr.contains("no regular file"), "{path}: {}", output.stderr);
    }
    assert!(handler.state().calls.is_empty());
}

#[test]
fn where_the_journal_is_refused_and_in_a_dry_run_no_file_is_made() {
    let (handler, folder) = (Handler::accepting(), folder());
    let rejects = folder.path().join("rejects");
    let tool = || with(&handler, &folder).arg("--rejects").arg(&rejects).stdin(events(0..1));
    fs::write(path(&folder), "precious").expect("a file");
    tool().run().assert_code(2);
    assert!(!rejects.exists());
    fs::remove_file(path(&folder)).expect("the file");
    with(&handler, &folder).arg("-n").stdin(events(0..1)).run().assert_code(0);
    assert!(!path(&folder).exists());
}

#[test]
fn an_event_that_comes_twice_is_sent_once() {
    let (handler, folder) = (Handler::accepting(), folder());
    for _ in 0..2 {
        let output = with(&handler, &folder).stdin(events([0, 1, 0, 1, 2])).run();
        assert_eq!(receipts(output.assert_code(0)), ids(0..3));
        assert!(output.stderr.contains("taken once: 2"), "{}", output.stderr);
        assert!(output.stderr.contains("read 5, done 5, rejected 0"), "{}", output.stderr);
    }
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
fn a_damaged_line_costs_its_own_event_alone() {
    let (handler, folder) = (Handler::accepting(), folder());
    with(&handler, &folder).stdin(about(&["a"; 3])).run().assert_code(0);
    let journal = fs::read_to_string(path(&folder)).expect("a journal");
    // The results, in the order of their object.
    let second = journal.lines().filter(|line| line.contains("\"result\"")).nth(1).expect("three results");
    fs::write(path(&folder), journal.replace(second, &second[..second.len() / 2])).expect("a file");
    let output = with(&handler, &folder).stdin(about(&["a"; 3])).run();
    assert_eq!(receipts(output.assert_code(0)), ids(0..3));
    assert!(output.stderr.contains("is damaged"), "{}", output.stderr);
    assert_eq!(handler.state().ids(), ids([0, 1, 2, 1]));
}
