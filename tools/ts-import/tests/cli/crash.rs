//! Runs that are killed at seeded points, or whose disk is full: what the next run says is true.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::tool::{Output, Tool};
use testkit::typesense::{self, Server};

use crate::{assert_holds, documents, kinds, people, sum};

/// The flags of most runs here.
const CREATE: [&str; 4] = ["--batch-docs", "10", "--action", "create"];

/// A proxy that holds one request until its client is dead.
struct Holding {
    proxy: Proxy,
    /// Requests until that which is not carried out, and until that which is.
    before: Arc<AtomicU64>,
    after: Arc<AtomicU64>,
}

impl Holding {
    /// It counts the requests with this in their path.
    fn start(server: &Server, part: &'static str) -> Self {
        let (before, after) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let rule = |fault, left: &Arc<AtomicU64>| {
            let left = Arc::clone(left);
            let counted =
                move |_: &_| left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)) == Ok(1);
            Rule::new(fault).target(part).matching(counted)
        };
        let plan = Plan::new(1)
            .rule(rule(Fault::Hang, &before))
            .rule(rule(Fault::SlowBody(Duration::from_secs(100)), &after));
        Self { proxy: Proxy::start(server.url(), plan), before, after }
    }

    fn held(&self) -> usize {
        self.proxy.count("Hang") + self.proxy.count("SlowBody")
    }
}

fn numbers(value: &Value, fields: &[&str]) -> Vec<u64> {
    fields.iter().map(|field| value[*field].as_u64().unwrap_or(u64::MAX)).collect()
}

/// Receipts in sum, which must follow one another; rejects by kind and document.
fn normal(output: &Output) -> (Vec<u64>, BTreeSet<String>) {
    let mut sums = vec![0; 4];
    for receipt in output.records() {
        assert_eq!(receipt["after"], sums[0], "{}", output.text());
        let of = numbers(&receipt, &["documents", "accepted", "rejected", "bytes"]);
        sums = sums.iter().zip(of).map(|(sum, one)| sum + one).collect();
    }
    let rejects = output.rejects().into_iter();
    let rejects = rejects.map(|reject| format!("{} {}", reject["error"]["kind"], reject["record"]));
    (sums, rejects.collect())
}

/// One run after the other is killed at one of its requests; the last is not.
fn killed(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let action = random.choice(["upsert", "create", "emplace", "update"]).expect("one");
    let most = random.choice(["7", "10", "40"]).expect("one");
    let kills: Vec<(u64, bool)> =
        (0..random.usize(1..4)).map(|_| (random.u64(1..14), random.bool())).collect();
    let case = format!("seed {seed}: {action}, batches of {most}, killed at {kills:?}");
    let mut input = documents(0..100);
    // Some are refused, and one comes twice.
    input.insert_str(0, "{\"id\":\"bad\",\"age\":\"old\"}\n");
    input.push_str("{\"id\":\"00050\",\"name\":\"second\"}\n{\"id\":7}\n");
    // Some are there before, others than what comes.
    let there: String = (0..100)
        .filter(|_| random.u8(0..4) == 0 || action == "update")
        .map(|n| json!({"id": format!("{n:05}"), "name": "before", "age": 1}).to_string() + "\n")
        .collect();
    let prepared = || {
        let (server, people) = people();
        server.tool("ts-import").arg(&people).stdin(there.as_str()).run().assert_code(0);
        people
    };
    let server = typesense::server();
    let flags = ["--action", action, "--batch-docs", most];

    let expected = prepared();
    let undisturbed = server.tool("ts-import").args(flags).arg(&expected).stdin(input.as_str()).run();
    let (people, holding) = (prepared(), Holding::start(server, "/"));
    let folder = TempDir::new().expect("a folder");
    let run = || {
        let tool = typesense::tool("ts-import", holding.proxy.url()).args(flags).arg("--journal");
        tool.arg(folder.path().join("journal")).arg(&people).stdin(input.as_str())
    };
    for (kill, is_carried_out) in kills {
        let held = holding.held();
        let left = if is_carried_out { &holding.after } else { &holding.before };
        left.store(kill, Relaxed);
        let mut running = run().spawn();
        while holding.held() == held && !running.has_ended() {
            std::thread::sleep(Duration::from_millis(2));
        }
        left.store(0, Relaxed);
        if !running.has_ended() {
            running.signal("KILL");
        }
        running.wait();
    }
    let last = run().run();
    assert_eq!(last.code, undisturbed.code, "{case}: {}", last.stderr);
    assert_eq!(normal(&last), normal(&undisturbed), "{case}: {}", last.stderr);
    assert!(server.documents(&people) == server.documents(&expected), "{case}: other documents");
}

#[test]
fn a_run_that_is_killed_anywhere_is_finished_by_the_next() {
    for seed in 0..16 {
        killed(seed);
    }
}

fn journal() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let journal = folder.path().join("journal");
    (folder, journal)
}

/// A run of batches of ten that is killed when its second was imported, which makes so many documents there, and its
/// answer is not there yet.
fn killed_in_the_second_batch(
    action: &str,
    input: &str,
    there: u64,
    journal: &Path,
) -> (&'static Server, String, Holding) {
    let (server, people) = people();
    let holding = Holding::start(server, "/documents/import");
    holding.after.store(2, Relaxed);
    let running =
        tool(&holding, &["--batch-docs", "10", "--action", action], &people, journal).stdin(input).spawn();
    while server.count(&people) < there {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.signal("KILL");
    running.wait();
    (server, people, holding)
}

fn tool(holding: &Holding, flags: &[&str], people: &str, journal: &Path) -> Tool {
    let tool = typesense::tool("ts-import", holding.proxy.url()).args(flags);
    tool.arg("--journal").arg(journal).arg(people)
}

#[test]
fn what_a_killed_run_has_made_is_no_conflict_and_what_others_have_made_is() {
    let (_folder, path) = journal();
    let (server, people, holding) = killed_in_the_second_batch("create", &documents(0..30), 20, &path);
    // Somebody changes one of those that were made, and makes one that was not.
    for (id, name) in [("00012", "another"), ("00025", "another")] {
        let document = json!({"id": id, "name": name}).to_string();
        let path = format!("/collections/{people}/documents?action=upsert");
        assert_eq!(server.request("POST", &path, document).0, 201);
    }
    let output = tool(&holding, &CREATE, &people, &path).stdin(documents(0..30)).run();
    let rejects = output.assert_code(3).rejects();
    let ids: Vec<_> = rejects.iter().map(|reject| reject["record"]["id"].clone()).collect();
    assert_eq!(
        (kinds(&output), ids),
        (vec!["already-exists".to_owned(); 2], vec!["00012".into(), "00025".into()])
    );
    assert!(output.stderr.contains("what is there is not this document as it was sent"), "{}", output.stderr);
    let of = |receipt: &Value| {
        (
            numbers(receipt, &["after", "accepted", "rejected"]),
            receipt["resent"] == true,
            receipt["replayed"] == true,
        )
    };
    let expected =
        [(vec![0, 10, 0], false, true), (vec![10, 9, 1], true, false), (vec![20, 9, 1], false, false)];
    assert_eq!(output.records().iter().map(of).collect::<Vec<_>>(), expected);
    assert!(output.stderr.contains("read 30, done 28, rejected 2"), "{}", output.stderr);
}

#[test]
fn other_batches_than_those_of_the_killed_run_make_no_difference() {
    for (docs, resent) in [("3", 4), ("25", 1)] {
        let (_folder, path) = journal();
        let (server, people, holding) = killed_in_the_second_batch("create", &documents(0..30), 20, &path);
        let run = || {
            let flags = ["--batch-docs", docs, "--action", "create"];
            tool(&holding, &flags, &people, &path).stdin(documents(0..30)).run()
        };
        let output = run();
        assert_eq!(sum(output.assert_code(0), "accepted"), 30);
        let of_resent = output.records().iter().filter(|receipt| receipt["resent"] == true).count();
        assert_eq!(of_resent, resent, "{}", output.text());
        assert_holds(server, &people, 0..30);
        assert!(run().assert_code(0).records().iter().all(|receipt| receipt["replayed"] == true));
    }
}

#[test]
fn what_is_in_doubt_stays_so_through_a_second_kill() {
    // With the intent of the batch that was killed last, or killed just before that was written.
    for has_intent in [true, false] {
        let (_folder, path) = journal();
        let (server, people, holding) = killed_in_the_second_batch("create", &documents(0..30), 20, &path);
        let smaller = ["--batch-docs", "3", "--action", "create"];
        // Of 10 to 13 the journal has the result, of 13 to 16 not.
        holding.before.store(2, Relaxed);
        let running = tool(&holding, &smaller, &people, &path).stdin(documents(0..30)).spawn();
        while holding.held() < 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        running.signal("KILL");
        running.wait();
        if !has_intent {
            let text = fs::read_to_string(&path).expect("a journal");
            let (before, last) = text.trim_end().rsplit_once('\n').expect("lines");
            assert!(last.contains("\"intent\""), "{last}");
            fs::write(&path, format!("{before}\n")).expect("a file");
        }
        let output = tool(&holding, &smaller, &people, &path).stdin(documents(0..30)).run();
        assert_eq!(sum(output.assert_code(0), "accepted"), 30, "{}", output.stderr);
        let records = output.records();
        let resent = records.iter().filter(|receipt| receipt["resent"] == true);
        assert_eq!(resent.map(|receipt| &receipt["after"]).collect::<Vec<_>>(), [10, 13, 16, 19]);
        assert_holds(server, &people, 0..30);
    }
}

#[test]
fn of_two_equal_documents_only_the_first_was_made() {
    let (_folder, path) = journal();
    let input = documents(0..15) + &documents(14..15) + &documents(15..29);
    let (server, people, holding) = killed_in_the_second_batch("create", &input, 19, &path);
    let output = tool(&holding, &CREATE, &people, &path).stdin(input.as_str()).run();
    assert_eq!(kinds(output.assert_code(3)), ["already-exists"]);
    assert_eq!(sum(&output, "accepted"), 29);
    assert_holds(server, &people, 0..29);
}

#[test]
fn another_input_is_noticed_where_the_killed_run_was_before_anything_is_sent() {
    let (_folder, path) = journal();
    let (server, people, holding) = killed_in_the_second_batch("upsert", &documents(0..30), 20, &path);
    let output = tool(&holding, &["--batch-docs", "10"], &people, &path)
        .stdin(documents(0..15) + &documents(16..40))
        .run();
    let words = "the first 20 documents are not those that the journal is about";
    assert!(output.assert_code(1).stderr.contains(words), "{}", output.stderr);
    assert_holds(server, &people, 0..20);
    let output = tool(&holding, &["--batch-docs", "10"], &people, &path).stdin(documents(0..15)).run();
    assert!(output.assert_code(1).stderr.contains("fewer than the 20 that the journal"), "{}", output.stderr);
}

#[test]
fn a_damaged_line_makes_no_conflicts() {
    let (_folder, path) = journal();
    let (server, people) = people();
    let holding = Holding::start(server, "/");
    let run = || tool(&holding, &CREATE, &people, &path).stdin(documents(0..50)).run();
    run().assert_code(0);
    let text = fs::read_to_string(&path).expect("a journal");
    let second = text.lines().filter(|line| line.contains("\"result\"")).nth(1).expect("five results");
    fs::write(&path, text.replace(second, &second.replace("accepted", "damaged!"))).expect("a file");
    let output = run();
    assert!(output.assert_code(0).stderr.contains("is damaged"), "{}", output.stderr);
    assert_eq!(sum(&output, "accepted"), 50);
    assert_holds(server, &people, 0..50);
}

#[test]
fn a_full_disk_ends_the_run_and_nothing_that_was_done_is_lost() {
    let script = "ulimit -f \"$KIB\"; trap '' XFSZ; \
                  exec ts-import --batch-docs 3 --journal \"$JOURNAL\" \"$PEOPLE\"";
    let server = typesense::server();
    let mut unjournaled = 0;
    // Which line the disk has no room for is a matter of how long they are.
    for kib in ["1", "2", "3", "4", "5"] {
        let (_, people) = people();
        let (_folder, path) = journal();
        let small = || {
            let bash = Tool::bash(script).env("TS_NODES", server.url()).env("TS_KEY", typesense::KEY);
            let bash = bash.env("JOURNAL", &path).env("PEOPLE", &people).env("KIB", kib);
            bash.stdin(documents(0..50)).run()
        };
        let output = small();
        assert!(output.assert_code(1).stderr.contains("cannot write the journal"), "{}", output.stderr);
        let accepted = sum(&output, "accepted");
        assert!(accepted < 50 && accepted == server.count(&people), "{accepted}: {}", output.text());
        let text = fs::read_to_string(&path).expect("a journal");
        let results = text.lines().filter(|line| line.contains("\"result\"")).count();
        unjournaled += output.records().len() - results;
        let full = small();
        assert!(!full.assert_code(1).stderr.contains("damaged"), "{}", full.stderr);
        let flags = ["--batch-docs", "3", "--journal"];
        let again =
            server.tool("ts-import").args(flags).arg(&path).arg(&people).stdin(documents(0..50)).run();
        assert_eq!(sum(again.assert_code(0), "accepted"), 50);
        assert_eq!(again.records().iter().filter(|one| one["replayed"] == true).count(), results);
        assert_holds(server, &people, 0..50);
    }
    assert!(unjournaled > 0, "no disk was full when a receipt was to be written");
}

#[test]
fn a_line_that_is_no_utf_8_comes_back_byte_for_byte() {
    let (server, people) = people();
    let (folder, _) = journal();
    let rejects = folder.path().join("rejects");
    let run = |input: &[u8]| {
        let _ = fs::remove_file(&rejects);
        let output = server.tool("ts-import").arg("--rejects").arg(&rejects).arg(&people).stdin(input).run();
        assert_eq!(sum(output.assert_code(3), "accepted"), 0);
        let letter = fs::read(&rejects).expect("rejects");
        let bytes = serde_json::from_slice::<Value>(&letter).expect("one letter")["line_base64"].clone();
        (letter, bytes)
    };
    let line = b"{\"id\":\"1\",\"name\":\"caf\xe9\"}";
    let (first, bytes) = run(line);
    let (second, again) = run(&first);
    let (_, third) = run(&second);
    assert!(bytes == again && bytes == third && server.count(&people) == 0);
    let decoded = Tool::bash(&format!("base64 -d <<<'{}'", bytes.as_str().unwrap_or_default())).run();
    assert_eq!(decoded.assert_code(0).stdout, line);
}
