//! `--journal`: whose it is, and that a complete listing says so.

use std::fs;

use testkit::s3::Server;
use testkit::tool::Tool;

use super::gate::{Files, Gate, assert_refused, sorted, whole};
use super::parallel_faults::thirty_pages;
use super::{clock, tool};

/// Refused with a message that has each of these, before anything was written.
fn refused(tool: Tool, server: &Server, files: &Files, words: &[&str]) {
    let before = files.content();
    server.clear_requests();
    let output = files.appending(tool).run();
    assert_refused(&output, words);
    assert_eq!(server.count("ListObjectVersions"), 0, "{}", output.stderr);
    assert_eq!(files.content(), before, "{}", output.stderr);
}

#[test]
fn a_pipe_is_refused_before_any_request() {
    let server = thirty_pages();
    let files = Files::new();
    let journal = files.journal();
    let plain = || tool(&server).args(["s3://photos", "--journal", &journal]);
    for listing in
        [plain(), plain().stdout_to("/dev/null"), plain().stdout_to("/dev/full"), plain().stdout_broken()]
    {
        let output = listing.run();
        assert_refused(&output, &["pipe", ">> FILE", "next stage"]);
        assert_eq!(output.stdout.len(), 0);
    }
    assert_eq!(server.requests().len(), 0);
    assert!(!fs::exists(&journal).unwrap());
}

#[test]
fn a_time_that_moves_is_refused_with_the_instant_to_give() {
    let server = thirty_pages();
    for flag in ["--since", "--until"] {
        let files = Files::new();
        let output = files.appending(tool(&server).args(["s3://photos", flag, "2h"])).run();
        assert_refused(&output, &[&format!("{flag} 2h"), "--journal"]);
        assert_eq!(server.requests().len(), 0);
        let (_, instant) = output.stderr.trim_end().rsplit_once(&format!("{flag} ")).unwrap();
        let ago =
            jiff::Timestamp::now().as_second() - instant.parse::<jiff::Timestamp>().unwrap().as_second();
        assert!((7200..7260).contains(&ago), "{instant}");
        files.appending(tool(&server).args(["s3://photos", flag, instant])).run().assert_code(0);
        server.clear_requests();
    }
    tool(&server).args(["s3://photos", "--since", "2h"]).run().assert_code(0);
}

#[test]
fn the_journal_of_another_listing_is_refused() {
    let server = thirty_pages();
    server.create_bucket("other");
    let (files, gate) = (Files::new(), Gate::new(&server));
    let (at, later) = (clock("10:00:00"), clock("10:00:01"));
    let begun = ["s3://photos/data/", "--at", &at, "--all", "--match", "*0"];
    gate.interrupt(&files, &begun, 8);
    for (args, word) in [
        (
            &["s3://other/data/", "--at", &at, "--all", "--match", "*0"][..],
            "its bucket is photos, here other",
        ),
        (&["s3://photos/dat", "--at", &at, "--all", "--match", "*0"], "its prefix is data/, here dat"),
        (&["s3://photos/data/", "--at", &later, "--all", "--match", "*0"], "its --at is"),
        (&["s3://photos/data/", "--at", &at, "--match", "*0"], "it has --all true"),
        (&["s3://photos/data/", "--at", &at, "--all", "--match", "*1"], "its --match is *0, here *1"),
        (&["s3://photos/data/", "--at", &at, "--all"], "it has --match *0"),
        (&["s3://photos/data/", "--deleted", "--match", "*0"], "here it is true"),
        (
            &["s3://photos/data/", "--at", &at, "--all", "--match", "*0", "--shard", "0/2"],
            "it has no --shard",
        ),
        (&["s3://photos/data/", "--at", &at, "--all", "--match", "*0", "--ordered"], "it has no --ordered"),
        (
            &["s3://photos/data/", "--at", &at, "--all", "--match", "*0", "--min-size", "1"],
            "it has no --min-size",
        ),
        (&["s3://photos/data/", "--at", &at, "--all", "--match", "*0", "--regex", "0"], "it has no --regex"),
    ] {
        refused(gate.tool().args(args), &server, &files, &["journal", word]);
    }
    // The same bucket and prefix in other words, and what changes nothing that is written.
    let again = ["--bucket", "photos", "--prefix", "data/", "--at", &at, "--all", "--match", "*0"];
    let how = ["--concurrency", "3", "--tmpdir", "/tmp", "-v"];
    files.appending(gate.tool().args(again).args(how)).run().assert_code(0);
    let whole = whole(&server, &begun);
    assert!(!whole.is_empty());
    assert_eq!(files.sorted(), whole);
}

#[test]
fn a_bucket_of_the_same_name_elsewhere_is_another() {
    let (server, other) = (thirty_pages(), thirty_pages());
    let files = Files::new();
    files.appending(tool(&server).arg("s3://photos")).run().assert_code(0);
    refused(tool(&other).arg("s3://photos"), &other, &files, &["endpoint", server.url(), other.url()]);
    let elsewhere = tool(&server).args(["s3://photos", "--region", "eu-west-1"]);
    refused(elsewhere, &server, &files, &["its region is us-east-1, here eu-west-1"]);
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let server = thirty_pages();
    let files = Files::new();
    fs::write(files.journal(), "{\"key\":\"a\"}\n").unwrap();
    refused(tool(&server).arg("s3://photos"), &server, &files, &["is no journal"]);
}

#[test]
fn a_complete_listing_says_so_and_is_not_written_again() {
    let server = thirty_pages();
    for before in ["", "{\"of\":\"another\"}\n"] {
        let files = Files::new();
        fs::write(files.written(), before).unwrap();
        let again = || files.appending(tool(&server).arg("s3://photos")).run();
        let first = again();
        first.assert_code(0);
        let complete = files.content();
        let length = complete[0].len() - before.len();
        let words = ["complete", "300 records", &format!("{length} bytes"), &files.written()];
        for word in words {
            assert!(first.stderr.contains(word), "{word}: {}", first.stderr);
        }
        server.clear_requests();
        let second = again();
        second.assert_code(0);
        for word in words {
            assert!(second.stderr.contains(word), "{word}: {}", second.stderr);
        }
        assert_eq!(server.count("ListObjectVersions"), 0);
        assert_eq!(files.content(), complete);
        // What others have appended since is not looked at.
        fs::write(files.written(), [&complete[0][..], b"more\n"].concat()).unwrap();
        again().assert_code(0);
    }
}

#[test]
fn a_complete_listing_whose_file_is_gone_or_shorter_does_not_say_so() {
    let server = thirty_pages();
    let files = Files::new();
    files.appending(tool(&server).arg("s3://photos")).run().assert_code(0);
    let whole = fs::read(files.written()).unwrap();
    fs::write(files.written(), &whole[..whole.len() - 1]).unwrap();
    refused(tool(&server).arg("s3://photos"), &server, &files, &["complete", &files.written(), "begin anew"]);
    fs::write(files.written(), &whole).unwrap();
    let kept = format!("{}.kept", files.written());
    fs::rename(files.written(), kept).unwrap();
    refused(tool(&server).arg("s3://photos"), &server, &files, &["complete", &files.written(), "gone"]);
}

#[test]
fn another_file_does_not_continue_the_first() {
    let server = thirty_pages();
    let (files, gate) = (Files::new(), Gate::new(&server));
    gate.interrupt(&files, &["s3://photos"], 8);
    let other = format!("{}.other", files.written());
    let before = files.content();
    let into =
        |path: &str| gate.tool().args(["s3://photos", "--journal", &files.journal()]).stdout_to(path).run();
    let elsewhere = into(&other);
    assert_refused(&elsewhere, &[&files.written(), &other, ">>"]);
    assert_eq!(fs::read(&other).unwrap(), b"");
    assert_eq!(files.content(), before);
    // The place may have another name.
    let moved = format!("{}.moved", files.written());
    fs::rename(files.written(), &moved).unwrap();
    into(&moved).assert_code(0);
    assert_eq!(sorted(&fs::read_to_string(&moved).unwrap()), whole(&server, &["s3://photos"]));
}

#[test]
fn a_file_that_lost_records_is_not_continued() {
    let server = thirty_pages();
    let (files, gate) = (Files::new(), Gate::new(&server));
    gate.interrupt(&files, &["s3://photos", "--concurrency", "1"], 8);
    let whole = fs::read(files.written()).unwrap();
    for length in [0, whole.len() - 1] {
        fs::write(files.written(), &whole[..length]).unwrap();
        let words = [&format!("first {} bytes", whole.len()), &files.written(), "not >", "begin anew"];
        refused(gate.tool().arg("s3://photos"), &server, &files, &words);
    }
}
