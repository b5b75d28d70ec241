//! What a listing need not ask for: the other versions of a key whose answer is known, and more than a service allows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use testkit::fault::{Fault, Plan, Proxy, Rule, Seen};
use testkit::s3::{Options, Server};
use testkit::tool::Output;

use super::{clock, delete, list, put, server_with, tool};

pub fn pages_of(max_page: usize) -> Options {
    Options { max_page, latency: Duration::from_millis(2), ..Options::default() }
}

pub fn filled(options: Options, keys: impl Iterator<Item = String>) -> Server {
    let server = server_with(options);
    for key in keys {
        put(&server, &key, "x", "10:00:00");
    }
    server
}

/// How many pages were asked for, and how many records that gave.
pub fn cost(server: &Server, args: &[&str]) -> (usize, usize) {
    server.clear_requests();
    let records = list(server, args).len();
    (server.count("ListObjectVersions"), records)
}

/// 20 keys, of which one has 5,000 versions: one from 10:00:00, the others newer and older.
fn with_a_fat_key(place: usize) -> Server {
    let server = server_with(pages_of(100));
    for n in 0..20 {
        let key = format!("k{n:02}");
        if n == place {
            for _ in 0..4_950 {
                put(&server, &key, "x", "09:00:00");
            }
            put(&server, &key, "good", "10:00:00");
            for _ in 0..48 {
                put(&server, &key, "bad", "10:00:01");
            }
            delete(&server, &key, "10:00:02");
        } else {
            put(&server, &key, "good", "10:00:00");
            put(&server, &key, "bad", "10:00:01");
        }
    }
    server
}

#[test]
fn the_versions_of_a_key_whose_answer_is_known_are_not_paged_through() {
    let at = clock("10:00:00");
    for place in [0, 10, 19] {
        let server = with_a_fat_key(place);
        for (view, answers) in [
            (&["--at", &at][..], 20),
            (&["--at", &at, "--all"], 20),
            (&["--latest"], 20),
            (&["--deleted"], 1),
        ] {
            let view = [&["s3://photos"], view].concat();
            let (plain, records) = cost(&server, &[&view[..], &["--concurrency", "1"]].concat());
            assert_eq!(records, answers, "{view:?}");
            // The other keys fill no page of their own.
            assert!(plain <= 3, "{view:?}: {plain} requests");
            let (many, records) = cost(&server, &view);
            assert_eq!(records, answers, "{view:?}");
            assert!(many <= 8, "{view:?}: {many} requests");
        }
    }
}

#[test]
fn a_key_is_paged_through_until_its_answer_is_known() {
    let server = with_a_fat_key(10);
    // Nothing was there then: only the last version tells.
    let (requests, records) =
        cost(&server, &["s3://photos", "--at", &clock("08:00:00"), "--concurrency", "1"]);
    assert_eq!((requests, records), (51, 19));
    let (requests, records) = cost(&server, &["s3://photos", "--concurrency", "1"]);
    assert_eq!((requests, records), (51, 5_038));
}

#[test]
fn a_single_key_is_paged_through_no_further_than_its_answer() {
    let server = with_a_fat_key(10);
    let asked = |view: &[&str]| -> (usize, Output) {
        server.clear_requests();
        let output =
            tool(&server).args(["--bucket", "photos", "--keys-from", "-"]).args(view).stdin("k10\n").run();
        output.assert_code(0);
        (server.count("ListObjectVersions"), output)
    };
    let at = clock("10:00:00");
    for view in [&["--at", &at][..], &["--latest"], &["--deleted"]] {
        let (requests, output) = asked(view);
        assert_eq!((requests, output.records().len()), (1, 1), "{view:?}");
    }
    let (requests, output) = asked(&[]);
    assert_eq!((requests, output.records().len()), (50, 5_000));
}

#[test]
fn a_store_that_repeats_its_marker_is_got_beyond() {
    let server = server_with(Options { max_page: 10, inclusive_markers: true, ..Options::default() });
    for (key, versions) in [("a", 3), ("k", 50), ("z", 3)] {
        for _ in 0..versions {
            put(&server, key, "x", "10:00:00");
            delete(&server, key, "10:00:00");
        }
    }
    let at = clock("11:00:00");
    for (view, answers) in
        [(&[][..], 112), (&["--latest"], 3), (&["--deleted"], 3), (&["--at", &at, "--all"], 3)]
    {
        for workers in ["1", "4"] {
            let output = tool(&server)
                .args(["s3://photos", "--concurrency", workers])
                .args(view)
                .limit(Duration::from_secs(20))
                .run();
            output.assert_code(0);
            assert_eq!(output.records().len(), answers, "{view:?}, {workers} workers");
        }
    }
}

#[test]
fn a_storm_of_refusals_is_sat_out() {
    let listing = || Rule::new(Fault::SlowDown).operation("ListObjectVersions");
    let seen = AtomicUsize::new(0);
    let later = move |_: &Seen| (8..13).contains(&seen.fetch_add(1, Ordering::Relaxed));
    let storms = [listing().first(3), listing().every(4), listing().matching(later)];
    let server = filled(pages_of(5), (0..100).map(|n: u32| format!("{n:06}")));
    for (n, storm) in storms.into_iter().enumerate() {
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(storm));
        let output = tool(&server).endpoint(proxy.url()).arg("s3://photos").run();
        output.assert_code(0);
        assert_eq!(output.records().len(), 100, "storm {n}");
        assert!(proxy.count("SlowDown") >= 3, "storm {n}");
    }
}

#[test]
fn a_limit_of_requests_a_second_is_kept_to() {
    let server = filled(
        Options { requests_per_second: Some(40), ..pages_of(5) },
        (0..300).map(|n: u32| format!("{n:06}")),
    );
    for more in [&[][..], &["--concurrency", "16"]] {
        let (_, records) = cost(&server, &[&["s3://photos"], more].concat());
        assert_eq!(records, 300, "{more:?}");
        assert!(server.requests().iter().any(|request| request.status == 503), "{more:?}");
    }
}
