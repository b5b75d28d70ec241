//! `--journal`: a run that was killed goes on where it was.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::tool::{Output, Tool};
use testkit::typesense;

use crate::{FIELDS, assert_holds, documents, kinds, people, sum};

fn with(tool: Tool, journal: &Path, people: &str) -> Tool {
    tool.args(["--batch-docs", "10"]).arg("--journal").arg(journal).arg(people)
}

fn folder() -> std::io::Result<(TempDir, PathBuf)> {
    let folder = TempDir::new()?;
    let journal = folder.path().join("journal");
    Ok((folder, journal))
}

fn imports(proxy: &Proxy) -> u64 {
    proxy.met().iter().filter(|met| met.request.target.contains("/documents/import")).count() as u64
}

/// Receipts without what differs from run to run.
fn receipts(output: &Output) -> Vec<(u64, u64, u64)> {
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or(u64::MAX);
    let of = |receipt: serde_json::Value| {
        (number(&receipt["after"]), number(&receipt["documents"]), number(&receipt["accepted"]))
    };
    output.records().into_iter().map(of).collect()
}

#[test]
fn a_run_that_was_killed_goes_on_after_the_last_batch_that_was_answered() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    // Every import takes its time, so that there is one in flight when the tool is killed.
    let slow = |pause| Rule::new(Fault::SlowBody(Duration::from_millis(pause))).target("/documents/import");
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(slow(5)));
    let mut input = documents(0..100);
    input.insert_str(0, "{\"id\":\"bad\"}\n");
    let tool = with(typesense::tool("ts-import", proxy.url()), &journal, &people);
    let mut running = tool.stdin(input.as_str()).spawn();
    let first: Vec<_> = (0..3).filter_map(|_| running.line()).collect();
    running.signal("KILL");
    assert_eq!((running.wait().signal, first.len()), (Some(9), 3));

    // What the killed run has sent may still be on its way through its own proxy.
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(slow(5)));
    let again =
        with(typesense::tool("ts-import", proxy.url()), &journal, &people).stdin(input.as_str()).run();
    assert_eq!(kinds(again.assert_code(3)), ["bad-document"]);
    assert_eq!(again.text().lines().take(3).collect::<Vec<_>>(), first);
    assert_eq!((sum(&again, "documents"), sum(&again, "accepted")), (101, 100));
    assert!(imports(&proxy) <= 8, "{} imports", imports(&proxy));
    assert!(again.stderr.contains("read 101, done 100, rejected 1"), "{}", again.stderr);
    assert_holds(server, &people, 0..100);

    let before = imports(&proxy);
    let third =
        with(typesense::tool("ts-import", proxy.url()), &journal, &people).stdin(input.as_str()).run();
    assert_eq!((receipts(third.assert_code(3)), kinds(&third).len()), (receipts(&again), 1));
    assert_eq!(imports(&proxy), before);
}

#[test]
fn a_batch_that_was_not_answered_is_sent_again() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let hang = Rule::new(Fault::Hang).target("/documents/import").nth(2);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(hang));
    let mut running =
        with(typesense::tool("ts-import", proxy.url()), &journal, &people).stdin(documents(0..30)).spawn();
    assert!(running.line().is_some());
    while proxy.count("Hang") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal("KILL");
    running.wait();
    assert_holds(server, &people, 0..10);
    let again = with(server.tool("ts-import"), &journal, &people).stdin(documents(0..30)).run();
    assert_eq!(receipts(again.assert_code(0)), [(0, 10, 10), (10, 10, 10), (20, 10, 10)]);
    assert_holds(server, &people, 0..30);
}

#[test]
fn a_run_that_was_stopped_by_a_fault_goes_on_too() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let body = "{\"message\": \"Rejecting write: running out of resource type: OUT_OF_DISK\"}".to_owned();
    let full = Rule::new(Fault::Answer { status: 422, body }).target("/documents/import").nth(2);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(full));
    let run =
        || with(typesense::tool("ts-import", proxy.url()), &journal, &people).stdin(documents(0..30)).run();
    assert_eq!(receipts(run().assert_code(1)), [(0, 10, 10)]);
    assert_eq!(receipts(run().assert_code(0)), [(0, 10, 10), (10, 10, 10), (20, 10, 10)]);
    assert_holds(server, &people, 0..30);
}

#[test]
fn another_input_is_noticed_before_anything_is_sent() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let run = |input: String| with(server.tool("ts-import"), &journal, &people).stdin(input).run();
    run(documents(0..20)).assert_code(0);
    for (input, words) in [
        (documents(5..40), "the first 10 documents are not those that the journal is about"),
        (documents(0..15), "fewer than the 20 that the journal is about"),
        (documents(0..15) + &documents(16..40), "the first 20 documents are not those"),
    ] {
        let output = run(input);
        assert!(output.assert_code(1).stderr.contains(words), "{words}: {}", output.stderr);
        assert_holds(server, &people, 0..20);
    }
    let longer = run(documents(0..30));
    assert_eq!(receipts(longer.assert_code(0)), [(0, 10, 10), (10, 10, 10), (20, 10, 10)]);
    assert_holds(server, &people, 0..30);
}

#[test]
fn into_a_collection_that_was_made_anew_everything_is_imported_anew() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let run = || with(server.tool("ts-import"), &journal, &people).stdin(documents(0..20)).run();
    run().assert_code(0);
    let made = server.get(&format!("/collections/{people}"))["created_at"].as_i64().unwrap_or(0);
    // Made in the same second, it would be the same collection for Typesense too.
    while server.get("/debug")["state"] == 1 && unix_time() <= made {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.request("DELETE", &format!("/collections/{people}"), "").0, 200);
    let schema = format!("{{\"name\":\"{people}\",\"fields\":{FIELDS}}}");
    assert_eq!(server.request("POST", "/collections", schema).0, 201);
    run().assert_code(0);
    assert_holds(server, &people, 0..20);
}

fn unix_time() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}

#[test]
fn a_journal_is_used_by_one_run_at_a_time_and_by_no_rehearsal() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let mut running = with(server.tool("ts-import"), &journal, &people).spawn();
    running.write(documents(0..1));
    assert!(running.line().is_some());
    let second = with(server.tool("ts-import"), &journal, &people).stdin(documents(0..1)).run();
    assert!(second.assert_code(1).stderr.contains("in use by another run"), "{}", second.stderr);
    with(server.tool("ts-import"), &journal, &people).arg("-n").stdin(documents(0..1)).run().assert_code(0);
    running.wait().assert_code(0);
}
