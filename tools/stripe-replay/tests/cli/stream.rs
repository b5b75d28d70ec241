//! Streams and signals: what ends a run, and what is told then.

use std::fs;
use std::time::Duration;

use crate::handler::{Handler, Say};
use crate::{event, events, ids, kinds, pairs, receipts};

/// The reject of this shows that what stands before it was read.
const LAST: &str = "{}\n";

#[test]
fn a_signal_lets_calls_in_flight_end() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let handler = Handler::start(|_| Say::Held(200));
        let mut running = handler.tool().args(["--concurrency", "3"]).stdin(events(0..9) + LAST).spawn();
        handler.wait_until(|state| state.calls.len() == 3);
        running.wait_stderr("bad-record");
        running.signal(name);
        running.wait_stderr("stopping");
        handler.release();
        let output = running.wait();
        assert_eq!((output.signal, receipts(&output)), (Some(number), ids(0..3)), "{}", output.stderr);
        assert_eq!(handler.state().calls.len(), 3);
        assert!(output.stderr.contains("read and not sent: 6"), "{}", output.stderr);
    }
}

#[test]
fn a_signal_waits_for_a_call_as_long_as_that_takes() {
    let handler = Handler::start(|_| Say::Slow(Duration::from_secs(3), 200));
    let running = handler.tool().stdin(events(0..1)).spawn();
    handler.wait_until(|state| state.calls.len() == 1);
    running.signal("TERM");
    let output = running.wait();
    assert_eq!((output.signal, receipts(&output)), (Some(15), ids([0])), "{}", output.stderr);
}

#[test]
fn a_signal_ends_the_waits_of_what_failed() {
    let handler = Handler::start(|_| Say::Words(503, &[("retry-after", "200")], String::new()));
    let running = handler.tool().args(["--concurrency", "2"]).stdin(events(0..1)).spawn();
    handler.wait_until(|state| state.log.contains(&"-evt_0".to_owned()));
    running.signal("TERM");
    let output = running.wait();
    assert_eq!(
        (output.signal, kinds(&output)),
        (Some(15), pairs(&[("handler-error", "evt_0")])),
        "{}",
        output.stderr
    );
}

#[test]
fn results_are_written_as_they_come() {
    let handler = Handler::accepting();
    let mut running = handler.tool().spawn();
    for n in 0..2 {
        running.write(events([n]));
        let line = running.line().expect("a receipt");
        assert!(line.contains(&format!("\"evt_{n}\"")), "{line}");
    }
    running.wait().assert_code(0);
}

#[test]
fn without_a_reader_what_is_in_flight_is_told_on_stderr() {
    let handler = Handler::start(|_| Say::Held(200));
    let mut running = handler.tool().args(["--concurrency", "1"]).stdin(events(0..5) + LAST).spawn();
    handler.wait_until(|state| state.calls.len() == 1);
    running.wait_stderr("bad-record");
    running.close_stdout();
    running.wait_stderr("calls in flight are being ended");
    handler.release();
    let output = running.wait();
    assert!(output.assert_code(1).stderr.contains("{\"id\":\"evt_0\","), "{}", output.stderr);
    assert!(output.stderr.contains("read and not sent: 4"), "{}", output.stderr);
    assert_eq!(handler.state().ids(), ids([0]));
}

#[test]
fn without_a_reader_nothing_is_started() {
    let handler = Handler::accepting();
    let mut running = handler.tool().stdout_broken().spawn();
    running.wait_stderr("stdout was closed");
    running.wait().assert_code(1);
    assert!(handler.state().calls.is_empty());
}

#[test]
fn a_full_disk_is_an_error() {
    let handler = Handler::accepting();
    let output = handler.tool().stdin(events(0..1)).stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    // One call after the other, which is slower than the input.
    let handler = Handler::start(|_| Say::Slow(Duration::from_millis(1), 200));
    let mut running = handler.tool().arg("-q").stdout_to("/dev/null").spawn();
    let mut large = event(0, "in_a");
    large["padding"] = "x".repeat(40_000).into();
    for n in 0..2000 {
        large["id"] = format!("evt_{n}").into();
        running.write(format!("{large}\n"));
    }
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).expect("a process");
    running.wait().assert_code(0);
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
    let peak: u64 = peak.expect("the peak of its memory, in KiB");
    assert!(peak < 64 << 10, "{peak} KiB for 80 MB of events");
}
