//! `--journal`: an interrupted listing and the one that resumes it are together the whole, each record once.

use std::fs;
use std::thread::yield_now;

use proptest::prelude::*;
use testkit::fault::Fault;
use testkit::s3::Options;

use super::gate::{Files, Gate, sorted, whole};
use super::parallel::case;
use super::parallel_faults::{listing, thirty_pages};
use super::parallel_property::by_key;
use super::parallel_views::View;
use super::{clock, put, server_with, tool};

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
        let flags = view.flags(&case.at);
        let whole = tool(&server).args(case.place()).args(&flags).arg("--concurrency=1").run();
        whole.assert_code(0);
        let files = Files::new();
        let rules = [Fault::CutBody, Fault::ErrorInside200, Fault::ResetAfter].map(|fault| listing(fault).chance(0.05));
        let gate = Gate::with(&server, seed, rules);
        let place = || gate.tool().args(case.place()).args(&flags).args(ordered.then_some("--ordered"));
        for answered in kills {
            if let Some(output) = gate.kill(files.appending(place().args(case.workers())), answered) {
                output.assert_code(0);
                break;
            }
        }
        files.appending(place()).run().assert_code(0);
        let written = fs::read_to_string(files.written()).unwrap();
        prop_assert_eq!(by_key(&written)?, by_key(whole.text())?, "{:?}", view);
        if ordered {
            prop_assert_eq!(written, whole.text(), "{:?}", view);
        }
    }
}

#[test]
fn a_run_that_was_killed_while_it_wrote_is_resumed() {
    let server = thirty_pages();
    let whole = whole(&server, &["s3://photos"]);
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
fn an_interrupt_loses_nothing() {
    let server = thirty_pages();
    let whole = whole(&server, &["s3://photos"]);
    let mut written = false;
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        for answered in [1, 4, 9, 17] {
            let (files, gate) = (Files::new(), Gate::new(&server));
            let listing = || files.appending(gate.tool().arg("s3://photos"));
            let (mut running, _) = gate.run_until_held(listing(), answered);
            running.signal(name);
            running.wait_stderr("stopping");
            let interrupted = running.wait();
            assert_eq!(interrupted.signal, Some(number), "{}", interrupted.stderr);
            let [first, _] = files.content();
            assert!(first.is_empty() || first.ends_with(b"\n"), "{name} after {answered}");
            gate.open();
            let second = listing().run();
            second.assert_code(0);
            // What was interrupted had noted all that it wrote.
            assert!(!second.stderr.contains("cut "), "{}", second.stderr);
            assert!(files.content()[0].starts_with(&first), "{name} after {answered}");
            assert_eq!(files.sorted(), whole, "{name} after {answered}");
            written |= !first.is_empty();
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
        let (files, gate) = (Files::new(), Gate::new(&server));
        let all = || gate.tool().args(["s3://photos", "--concurrency", "1"]).args(view);
        let whole = sorted(all().run().text());
        let (running, _) = gate.run_until_held(files.appending(all()), 1);
        while files.noted() == 0 {
            yield_now();
        }
        running.signal("KILL");
        running.wait();
        gate.open();
        files.appending(all()).run().assert_code(0);
        assert_eq!(files.sorted(), whole, "{view:?}");
    }
}

#[test]
fn a_run_that_was_refused_is_resumed_by_one_with_other_workers() {
    let server = thirty_pages();
    let whole = whole(&server, &["s3://photos"]);
    for answered in [0, 1, 6, 18] {
        let (files, gate) = (Files::new(), Gate::new(&server));
        gate.interrupt(&files, &["s3://photos"], answered);
        files.appending(gate.tool().args(["s3://photos", "--concurrency", "3"])).run().assert_code(0);
        assert_eq!(files.sorted(), whole, "refused after {answered}");
    }
}
