//! `--journal`: the file behind stdout, when it is full, in use, or changed by somebody else.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::yield_now;

use testkit::fault::Fault;
use testkit::tool::Tool;

use super::gate::{Files, Gate, assert_refused, whole};
use super::parallel_faults::{listing, thirty_pages};
use super::tool;

#[test]
fn what_a_full_disk_did_not_take_is_not_counted() {
    let server = thirty_pages();
    let whole = whole(&server, &["s3://photos"]);
    let length: usize = whole.iter().map(|line| line.len() + 1).sum();
    for kibibytes in [11, 17, 23, 40] {
        assert!(kibibytes << 10 < length, "the limit is within the listing");
        let files = Files::new();
        // Where a file may grow no further, a write fails in its middle, as on a full disk.
        let script = format!(
            "trap '' XFSZ; ulimit -f {kibibytes}; exec s3-versions s3://photos --journal {} --concurrency 1 >> {}",
            files.journal(),
            files.written()
        );
        let output = Tool::bash(&script).endpoint(server.url()).run();
        output.assert_code(1);
        assert!(output.stderr.contains("cannot write to stdout"), "{}", output.stderr);
        let first = fs::read(files.written()).unwrap();
        assert_eq!(first.len(), kibibytes << 10);
        let counted: usize =
            output.stderr.rsplit_once("done ").unwrap().1.split(',').next().unwrap().parse().unwrap();
        let noted: usize = first.split_inclusive(|&byte| byte == b'\n').take(counted).map(<[u8]>::len).sum();
        let second = files.appending(tool(&server).arg("s3://photos")).run();
        second.assert_code(0);
        assert!(second.stderr.contains(&format!("cut {} bytes", first.len() - noted)), "{}", second.stderr);
        assert_eq!(files.sorted(), whole, "{kibibytes} KiB");
    }
}

#[test]
fn two_listings_do_not_write_to_one_file_at_once() {
    let server = thirty_pages();
    let (files, gate) = (Files::new(), Gate::new(&server));
    let (mut running, _) = gate.run_until_held(files.appending(gate.tool().arg("s3://photos")), 0);
    server.clear_requests();
    let other = format!("{}.other", files.journal());
    let second =
        || tool(&server).args(["s3://photos/data/0", "--journal", &other]).stdout_to(files.written());
    let output = second().run();
    assert_refused(&output, &["another listing", &files.written()]);
    assert_eq!((files.content()[0].len(), server.requests().len()), (0, 0));
    assert!(!running.has_ended());
    running.signal("KILL");
    running.wait();
    second().run().assert_code(0);
}

#[test]
fn a_shell_that_keeps_the_file_open_does_not_keep_it_locked() {
    let server = thirty_pages();
    let files = Files::new();
    let (journal, written) = (files.journal(), files.written());
    let script = format!(
        "exec 3>>{written}
        s3-versions s3://photos --journal {journal} >&3
        s3-versions s3://photos/data/0 --journal {journal}.2 >&3
        touch {written}.go
        cat >&3"
    );
    let mut shell = Tool::bash(&script).endpoint(server.url()).spawn();
    while !fs::exists(format!("{written}.go")).unwrap() && !shell.has_ended() {
        yield_now();
    }
    files.appending(tool(&server).arg("s3://photos")).run().assert_code(0);
    shell.close_stdin();
    shell.wait().assert_code(0);
}

#[test]
fn who_finds_strange_bytes_while_it_writes_ends_and_cuts_nothing() {
    let server = thirty_pages();
    let files = Files::new();
    let (seen, waits, goes_on) =
        (AtomicU64::new(0), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let held = {
        let (waits, goes_on) = (Arc::clone(&waits), Arc::clone(&goes_on));
        listing(Fault::Hang).matching(move |_| {
            if seen.fetch_add(1, Ordering::Relaxed) == 9 {
                waits.store(true, Ordering::Relaxed);
                while !goes_on.load(Ordering::Relaxed) {
                    yield_now();
                }
            }
            false
        })
    };
    let gate = Gate::with(&server, 1, [held]);
    let one = || gate.tool().args(["s3://photos", "--concurrency", "1"]);
    let running = files.appending(one()).spawn();
    while !waits.load(Ordering::Relaxed) || files.noted() < 9 {
        yield_now();
    }
    let strange = b"{\"of\":\"another\"}\n";
    OpenOptions::new().append(true).open(files.written()).unwrap().write_all(strange).unwrap();
    goes_on.store(true, Ordering::Relaxed);
    let output = running.wait();
    output.assert_code(1);
    assert!(output.stderr.contains("something else writes to it"), "{}", output.stderr);
    let [before, _] = files.content();
    assert!(before.ends_with(strange));
    assert_refused(&files.appending(one()).run(), &[&format!("{} are not this listing's", strange.len())]);
    assert_eq!(files.content()[0], before);
}

#[test]
fn a_file_that_is_written_from_its_beginning_goes_on_at_its_end() {
    let server = thirty_pages();
    let whole = whole(&server, &["s3://photos"]);
    let (files, gate) = (Files::new(), Gate::new(&server));
    let line = format!("s3-versions s3://photos --journal {}", files.journal());
    let into = |how: &str| Tool::bash(&format!("exec {line} {how} {}", files.written()));
    assert!(gate.kill(into(">"), 5).is_none());
    into("1<>").endpoint(gate.url()).run().assert_code(0);
    assert_eq!(files.sorted(), whole);
}

#[test]
fn a_listing_does_not_begin_in_the_middle_of_a_line() {
    let server = thirty_pages();
    let files = Files::new();
    fs::write(files.written(), "{\"of\":\"ano").unwrap();
    let output = files.appending(tool(&server).arg("s3://photos")).run();
    assert_refused(&output, &["middle of a line", &files.written()]);
    assert_eq!(fs::read(files.written()).unwrap(), b"{\"of\":\"ano");
}

#[test]
fn a_listing_that_had_written_nothing_begins_again_anywhere() {
    let server = thirty_pages();
    let (files, gate) = (Files::new(), Gate::new(&server));
    fs::write(files.written(), "{\"of\":\"another\"}\n").unwrap();
    gate.interrupt(&files, &["s3://photos"], 0);
    fs::remove_file(files.written()).unwrap();
    files.appending(gate.tool().arg("s3://photos")).run().assert_code(0);
    assert_eq!(files.sorted(), whole(&server, &["s3://photos"]));
    files.appending(gate.tool().arg("s3://photos")).run().assert_code(0);
}
