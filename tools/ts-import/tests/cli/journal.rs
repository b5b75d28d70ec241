//! `--journal`: a run that was killed is resumed, and files that are no journal of it are refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule, nowhere};
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

    let before = imports(&proxy);
    let again =
        with(typesense::tool("ts-import", proxy.url()), &journal, &people).stdin(input.as_str()).run();
    assert_eq!(kinds(again.assert_code(3)), ["bad-document"]);
    for (again, first) in again.text().lines().zip(&first) {
        let replayed = first.replace('}', ",\"replayed\":true,\"checked\":false}");
        assert_eq!(again, replayed);
    }
    assert_eq!((sum(&again, "documents"), sum(&again, "accepted")), (101, 100));
    // What the killed run has sent may still be on its way.
    assert!(imports(&proxy) - before <= 9, "{} imports", imports(&proxy) - before);
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
    let tool = with(typesense::tool("ts-import", proxy.url()), &journal, &people);
    let again = tool.stdin(documents(0..30)).run();
    assert_eq!(receipts(again.assert_code(0)), [(0, 10, 10), (10, 10, 10), (20, 10, 10)]);
    let resent: Vec<_> = again.records().iter().map(|receipt| receipt["resent"] == true).collect();
    assert_eq!(resent, [false, true, false]);
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
fn a_journal_is_used_by_one_run_at_a_time_a_dry_run_included() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let mut running = with(server.tool("ts-import"), &journal, &people).spawn();
    running.write(documents(0..1));
    assert!(running.line().is_some());
    for flags in [&[][..], &["-n"]] {
        let tool = with(server.tool("ts-import"), &journal, &people).args(flags);
        let second = tool.stdin(documents(0..1)).run();
        assert!(second.assert_code(1).stderr.contains("in use by another run"), "{}", second.stderr);
    }
    running.wait().assert_code(0);
    with(server.tool("ts-import"), &journal, &people).arg("-n").stdin(documents(0..1)).run().assert_code(0);
}

#[test]
fn a_journal_is_of_one_cluster_one_collection_and_the_same_documents() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let other = server.collection("people", FIELDS);
    let nodes = |urls: &[&str]| typesense::tool("ts-import", &urls.join(","));
    let (url, away) = (server.url(), nowhere());
    let run = |tool: Tool, people: &str, flags: &[&str]| {
        tool.args(flags).arg("--journal").arg(&journal).arg(people).stdin(documents(0..30)).run()
    };
    run(nodes(&[url, &away]), &people, &["--batch-docs", "10"]).assert_code(0);
    // How they are sent, and which node is asked first.
    let how = [
        "--batch-docs",
        "7",
        "--batch-bytes",
        "999",
        "--max-queued-writes",
        "9",
        "--timeout",
        "9m",
        "--expect-count",
        "30",
    ];
    let again = run(nodes(&[&away, url, url]), &people, &how);
    assert!(
        again.assert_code(0).records().iter().all(|receipt| receipt["replayed"] == true),
        "{}",
        again.text()
    );
    let before = fs::read(&journal).expect("a journal");
    for (tool, people, flags, words) in [
        (nodes(&[url]), &people, &[][..], "its nodes is "),
        (nodes(&[url, &away]), &other, &[], "its collection is "),
        (nodes(&[url, &away]), &people, &["--action", "create"], "it has no --action, here it is create"),
        (nodes(&[url, &away]), &people, &["--dirty-values", "drop"], "it has no --dirty-values"),
        (nodes(&[url, &away]), &people, &["--drop", "age"], "it has no --drop, here it is age"),
        (nodes(&[url, &away]), &people, &["--to-new", "--alias", "x"], "it has no --to-new"),
    ] {
        let output = run(tool, people, flags);
        assert!(output.assert_code(2).stderr.contains(words), "{words}: {}", output.stderr);
    }
    assert_eq!(fs::read(&journal).expect("a journal"), before);
    assert_eq!(server.count(&other), 0);
}

#[test]
fn no_other_file_is_taken_for_a_journal_and_none_is_changed() {
    let (server, people) = people();
    let (folder, journal) = folder().expect("a folder");
    let rejects = folder.path().join("rejects");
    for content in ["{\"customers\":[1]}", "{\"key\":\"a\"}\n", "no line end", "\n", &documents(0..3)] {
        for flags in [&[][..], &["--dry-run"]] {
            fs::write(&journal, content).expect("a file");
            let tool =
                with(server.tool("ts-import"), &journal, &people).args(flags).arg("--rejects").arg(&rejects);
            let output = tool.stdin(documents(0..3)).run();
            assert!(output.assert_code(2).stderr.contains("give another file"), "{}", output.stderr);
            assert_eq!(fs::read_to_string(&journal).expect("the file"), content, "{flags:?}");
            assert!(!rejects.exists());
        }
    }
    for path in ["/dev/full", "/dev/zero", "/proc/self/fd/0"] {
        // Before anything else is asked for: no node is there.
        let tool = typesense::tool("ts-import", &nowhere()).args(["--journal", path, &people]);
        let output = tool.stdin(documents(0..3)).run();
        assert!(output.assert_code(2).stderr.contains("no regular file"), "{path}: {}", output.stderr);
    }
    assert_eq!(server.count(&people), 0);
}

#[test]
fn a_dry_run_says_what_an_earlier_run_did_and_writes_nothing() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let run = |flags: &[&str], input| {
        with(server.tool("ts-import"), &journal, &people).args(flags).stdin(input).run()
    };
    run(&["-n"], documents(0..10)).assert_code(0);
    assert!(!journal.exists());
    run(&[], documents(0..10)).assert_code(0);
    let before = fs::read(&journal).expect("a journal");
    let output = run(&["-n"], documents(0..20));
    let receipts = output.assert_code(0).records();
    let of = |receipt: &serde_json::Value| (receipt["dry_run"].clone(), receipt["replayed"].clone());
    assert_eq!(
        receipts.iter().map(of).collect::<Vec<_>>(),
        [(true.into(), true.into()), (true.into(), ().into())]
    );
    assert_eq!(fs::read(&journal).expect("a journal"), before);
    assert_eq!(server.count(&people), 10);
}

#[test]
fn what_is_gone_since_is_rejected_when_it_is_looked_for() {
    let (server, people) = people();
    let (_folder, journal) = folder().expect("a folder");
    let odd = ["a`b", " c", "d,e]f", "\u{e9} \\"];
    let mut input = documents(0..600) + "{\"id\":\"bad\"}\n";
    for id in odd {
        input.push_str(&serde_json::json!({"id": id, "name": "odd"}).to_string());
        input.push('\n');
    }
    let through = Proxy::start(
        server.url(),
        Plan::new(1).rule(Rule::new(Fault::SlowBody(Duration::ZERO)).target("/multi_search")),
    );
    let run = |flags: &[&str]| {
        let tool = typesense::tool("ts-import", &format!("{},{}", through.url(), server.url())).args(flags);
        tool.arg("--journal").arg(&journal).arg(&people).stdin(input.as_str()).run()
    };
    assert_eq!(sum(run(&[]).assert_code(3), "accepted"), 604);
    let whole = run(&["--check-replayed"]);
    assert_eq!(
        (sum(whole.assert_code(3), "accepted"), kinds(&whole)),
        (604, vec!["bad-document".to_owned()])
    );
    let receipts = whole.records();
    assert!(
        receipts.iter().all(|one| one["replayed"] == true && one["checked"].is_null()),
        "{}",
        whole.text()
    );
    assert_eq!(through.count("SlowBody"), receipts.len(), "one request for each batch");

    for id in ["00003", "00599", "a%60b"] {
        assert_eq!(server.request("DELETE", &format!("/collections/{people}/documents/{id}"), "").0, 200);
    }
    let blind = run(&[]);
    assert_eq!((sum(blind.assert_code(3), "accepted"), kinds(&blind).len()), (604, 1));
    assert!(blind.records().iter().all(|receipt| receipt["checked"] == false), "{}", blind.text());
    let seeing = run(&["--check-replayed"]);
    assert_eq!((sum(seeing.assert_code(3), "accepted"), sum(&seeing, "rejected")), (601, 4));
    let gone: Vec<_> =
        seeing.rejects().into_iter().filter(|reject| reject["error"]["kind"] == "superseded").collect();
    let ids: Vec<_> = gone.iter().map(|reject| reject["record"]["id"].clone()).collect();
    assert_eq!(ids, ["00003", "00599", "a`b"]);
    assert!(gone.iter().all(|reject| reject["error"]["retryable"] == false));
    let rejects: String = gone.iter().map(|reject| format!("{reject}\n")).collect();
    assert_eq!(sum(server.tool("ts-import").arg(&people).stdin(rejects).run().assert_code(0), "accepted"), 3);
    assert_eq!(sum(run(&["--check-replayed"]).assert_code(3), "accepted"), 604);

    let actions = serde_json::json!({"description": "blind", "actions": ["documents:import", "collections:get"],
        "collections": [people], "value": "blindKey"});
    assert_eq!(server.request("POST", "/keys", actions.to_string()).0, 201);
    let tool = typesense::tool("ts-import", &format!("{},{}", through.url(), server.url()))
        .env("TS_KEY", "blindKey");
    let tool = tool.arg("--check-replayed").arg("--journal").arg(&journal).arg(&people);
    let output = tool.stdin(input.as_str()).run();
    assert!(output.assert_code(1).stderr.contains("the key needs documents:search"), "{}", output.stderr);
}
