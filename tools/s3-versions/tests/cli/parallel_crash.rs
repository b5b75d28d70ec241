//! `--journal`: an interrupted listing and the one that takes it up are together the whole, each record once.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::yield_now;

use proptest::prelude::*;
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy};
use testkit::s3::{Options, Server};
use testkit::tool::Tool;

use super::parallel::case;
use super::parallel_faults::{denied, listing, thirty_pages};
use super::parallel_property::by_key;
use super::parallel_views::View;
use super::{clock, put, server_with, tool};

/// A journal and a file that all runs append to.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn journal(&self) -> String {
        self.folder.path().join("journal").to_str().unwrap().to_owned()
    }

    fn written(&self) -> String {
        self.folder.path().join("versions.jsonl").to_str().unwrap().to_owned()
    }

    fn sorted(&self) -> Vec<String> {
        sorted(&fs::read_to_string(self.written()).unwrap())
    }

    /// The tool with the journal, appending to the file.
    fn appending(&self, tool: Tool) -> Tool {
        tool.args(["--journal", &self.journal()]).stdout_to(self.written())
    }
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// Answers so many listings and holds those that come later.
fn holding(server: &Server, answered: u64) -> Proxy {
    let seen = AtomicU64::new(0);
    let held = listing(Fault::Hang).matching(move |_| seen.fetch_add(1, Ordering::Relaxed) >= answered);
    Proxy::start(server.url(), Plan::new(1).rule(held))
}

/// Kills the tool as soon as the proxy holds a request; false when the tool came to its end before.
fn killed(tool: Tool, proxy: &Proxy) -> bool {
    let mut running = tool.endpoint(proxy.url()).spawn();
    while proxy.count("Hang") == 0 && !running.has_ended() {
        yield_now();
    }
    if proxy.count("Hang") == 0 {
        running.wait().assert_code(0);
        return false;
    }
    running.signal("KILL");
    assert_eq!(running.wait().signal, Some(9));
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn however_often_it_is_killed_each_record_is_written_once(
        case in case(),
        view in prop::sample::select(&View::ALL[..]),
        kills in prop::collection::vec(1u64..8, 1..5),
        ordered: bool,
        seed: u64,
    ) {
        let case = case.with_pages_from(3);
        let server = case.server();
        let all = || tool(&server).args(case.place()).args(view.flags(&case.at));
        let whole = all().arg("--concurrency=1").run();
        whole.assert_code(0);
        let files = Files::new();
        let place = || all().args(ordered.then_some("--ordered"));
        for answered in kills {
            if !killed(files.appending(place().args(case.workers())), &holding(&server, answered)) {
                break;
            }
        }
        let rules = [Fault::CutBody, Fault::ErrorInside200, Fault::ResetAfter].map(|fault| listing(fault).chance(0.05));
        let proxy = Proxy::start(server.url(), rules.into_iter().fold(Plan::new(seed), Plan::rule));
        files.appending(place().endpoint(proxy.url())).run().assert_code(0);
        let written = fs::read_to_string(files.written()).unwrap();
        prop_assert_eq!(by_key(&written)?, by_key(whole.text())?, "{:?}", view);
        if ordered {
            prop_assert_eq!(written, whole.text(), "{:?}", view);
        }
    }
}

#[test]
fn a_run_that_was_killed_while_it_wrote_is_taken_up() {
    let server = thirty_pages();
    let whole = sorted(tool(&server).arg("s3://photos").run().text());
    let length: usize = whole.iter().map(|line| line.len() + 1).sum();
    for part in 1..8 {
        let files = Files::new();
        let running = files.appending(tool(&server).arg("s3://photos")).spawn();
        while fs::metadata(files.written()).unwrap().len() < (length * part / 8) as u64 {
            yield_now();
        }
        running.signal("KILL");
        running.wait();
        files.appending(tool(&server).arg("s3://photos")).run().assert_code(0);
        assert_eq!(files.sorted(), whole, "after {part} of 8");
    }
}

#[test]
fn an_interrupt_loses_nothing_even_into_a_pipe() {
    let server = thirty_pages();
    let whole = sorted(tool(&server).arg("s3://photos").run().text());
    let mut written = false;
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        for answered in [1, 4, 9, 17] {
            let files = Files::new();
            let proxy = holding(&server, answered);
            let first =
                || tool(&server).endpoint(proxy.url()).args(["s3://photos", "--journal", &files.journal()]);
            let mut running = first().spawn();
            while proxy.count("Hang") == 0 {
                yield_now();
            }
            running.signal(name);
            running.wait_stderr("stopping");
            let interrupted = running.wait();
            assert_eq!(interrupted.signal, Some(number), "{}", interrupted.stderr);
            let second = tool(&server).args(["s3://photos", "--journal", &files.journal()]).run();
            second.assert_code(0);
            let both = [interrupted.text(), second.text()].concat();
            assert_eq!(sorted(&both), whole, "{name} after {answered}");
            written |= !interrupted.stdout.is_empty();
        }
    }
    assert!(written, "no run was interrupted after its first records");
}

#[test]
fn a_key_whose_other_versions_are_skipped_is_written_before_it_is_noted() {
    // The first page ends in a key whose answer is known.
    let server = server_with(Options { max_page: 5, ..Options::default() });
    for (key, versions) in [("a", 2), ("k", 10), ("z", 1)] {
        (0..versions).for_each(|_| drop(put(&server, key, "x", "10:00:00")));
    }
    for view in [&["--latest"][..], &["--at", &clock("11:00:00"), "--all"]] {
        let all = || tool(&server).args(["s3://photos", "--concurrency", "1"]).args(view);
        let whole = sorted(all().run().text());
        let (files, proxy) = (Files::new(), holding(&server, 1));
        let running = files.appending(all().endpoint(proxy.url())).spawn();
        let noted = || fs::read_to_string(files.journal()).is_ok_and(|journal| journal.lines().count() == 2);
        while proxy.count("Hang") == 0 || !noted() {
            yield_now();
        }
        running.signal("KILL");
        running.wait();
        files.appending(all()).run().assert_code(0);
        assert_eq!(files.sorted(), whole, "{view:?}");
    }
}

#[test]
fn a_run_that_was_refused_is_taken_up_by_one_with_other_workers() {
    let server = thirty_pages();
    let whole = sorted(tool(&server).arg("s3://photos").run().text());
    for nth in [1, 2, 7, 19] {
        let files = Files::new();
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(listing(denied()).nth(nth)));
        files.appending(tool(&server).endpoint(proxy.url()).arg("s3://photos")).run().assert_code(1);
        let fewer = tool(&server).args(["s3://photos", "--concurrency", "3"]);
        files.appending(fewer).run().assert_code(0);
        assert_eq!(files.sorted(), whole, "refused at {nth}");
    }
}

#[test]
fn nothing_is_missing_where_another_file_goes_on() {
    let server = thirty_pages();
    let whole = sorted(tool(&server).arg("s3://photos").run().text());
    for answered in [2, 7, 19] {
        let files = Files::new();
        assert!(killed(files.appending(tool(&server).arg("s3://photos")), &holding(&server, answered)));
        let second = tool(&server).args(["s3://photos", "--journal", &files.journal()]).run();
        second.assert_code(0);
        let first = fs::read_to_string(files.written()).unwrap();
        // What a kill cut short is no line; what it left without a note comes again.
        let kept = first.rfind('\n').map_or("", |end| &first[..=end]);
        let mut both = sorted(&[kept, second.text()].concat());
        both.dedup();
        assert_eq!(both, whole, "killed after {answered}");
    }
}

#[test]
fn a_listing_that_was_finished_is_not_written_again() {
    let server = thirty_pages();
    let files = Files::new();
    let args = ["s3://photos", "--journal", &files.journal()];
    assert_eq!(tool(&server).args(args).run().records().len(), 300);
    server.clear_requests();
    let again = tool(&server).args(args).run();
    again.assert_code(0);
    assert_eq!((again.records().len(), server.count("ListObjectVersions")), (0, 0));
}

#[test]
fn the_journal_of_another_listing_is_refused() {
    let server = thirty_pages();
    server.create_bucket("other");
    let files = Files::new();
    let at = clock("10:00:00");
    let interrupted = ["s3://photos/data/", "--at", &at, "--match", "*0", "--journal", &files.journal()];
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(listing(denied()).nth(3)));
    tool(&server).endpoint(proxy.url()).args(interrupted).run().assert_code(1);
    let before = fs::read(files.journal()).unwrap();
    let later = clock("10:00:01");
    for args in [
        &["s3://other/data/", "--at", &at, "--match", "*0"][..],
        &["s3://photos/dat", "--at", &at, "--match", "*0"],
        &["s3://photos/data/", "--at", &later, "--match", "*0"],
        &["s3://photos/data/", "--at", &at, "--all", "--match", "*0"],
        &["s3://photos/data/", "--at", &at, "--match", "*1"],
        &["s3://photos/data/", "--at", &at],
        &["s3://photos/data/", "--deleted", "--match", "*0"],
        &["s3://photos/data/", "--at", &at, "--match", "*0", "--shard", "0/2"],
    ] {
        server.clear_requests();
        let output = tool(&server).args(args).args(["--journal", &files.journal()]).run();
        assert!(matches!(output.code, Some(1 | 2)), "{args:?}: {:?}", output.code);
        assert_eq!(output.stderr.matches("error:").count(), 1, "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains("journal"), "{args:?}: {}", output.stderr);
        assert_eq!((output.stdout.len(), server.count("ListObjectVersions")), (0, 0), "{args:?}");
    }
    assert_eq!(fs::read(files.journal()).unwrap(), before, "a refusal leaves the journal alone");
    tool(&server).args(interrupted).run().assert_code(0);
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let server = thirty_pages();
    let files = Files::new();
    fs::write(files.journal(), "{\"key\":\"a\"}\n").unwrap();
    let output = tool(&server).args(["s3://photos", "--journal", &files.journal()]).run();
    assert!(matches!(output.code, Some(1 | 2)), "{:?}", output.code);
    assert_eq!(output.stdout.len(), 0);
    assert_eq!(fs::read(files.journal()).unwrap(), b"{\"key\":\"a\"}\n");
}
