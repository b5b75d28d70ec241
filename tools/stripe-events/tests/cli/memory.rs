//! Memory does not grow with the number of events.

use std::fs;
use std::thread;
use std::time::Duration;

use testkit::stripe::{Options, Stripe, ago, event};

use crate::tool;

/// The largest resident set so far, in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn many_events_take_no_more_than_two_pages() {
    let stripe = Stripe::start();
    stripe.set(Options { pretty: false, ..Options::default() });
    let filling = format!("\"filling\":\"{}\",\"type\"", "x".repeat(5000));
    let count = 8000;
    for n in 0..=count {
        stripe.add(event(&format!("evt_{n}"), ago(1000), "invoice.paid").replace("\"type\"", &filling));
    }
    let mut tool = tool(&stripe, &["--since", "evt_0", "--follow"]).spawn();
    // A reader that is slow to begin: whatever keeps nothing back has the time to read far ahead.
    thread::sleep(Duration::from_secs(1));
    for n in 1..=count {
        assert!(tool.line().is_some_and(|line| line.contains(&format!("\"evt_{n}\""))), "{n}");
    }
    let peak = peak(tool.pid());
    tool.signal("TERM");
    tool.wait();
    // 45 MB of events.
    assert!(peak.is_some_and(|peak| peak < 30 << 10), "{peak:?} KiB");
}
