//! Memory does not grow with the result.

use std::fs;

use testkit::postgres;

use crate::{tool, wait_until};

/// The largest resident set so far, in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_big_result_and_a_slow_reader_take_no_more() {
    let url = postgres::database();
    let rows = 200_000;
    // 100 MB, and a last row that lets the tool be looked at.
    let query = format!(
        "select n, repeat('x', 500) as filling, case when n > {rows} then pg_sleep(3600) end as big_result
        from (select generate_series(1, {rows} + 1) as n) numbers"
    );
    let mut tool = tool(&url).arg(query).spawn();
    let waits = "select count(*) from pg_stat_activity where query like '%as big_result%' and wait_event = 'ClientWrite'";
    wait_until("held back by the reader", || postgres::value(&url, waits) == "1");
    let full = peak(tool.pid()).unwrap();
    for n in 1..=rows {
        assert!(tool.line().unwrap().starts_with(&format!("{{\"n\":{n},")));
        if n == rows - 100 {
            break;
        }
    }
    let end = peak(tool.pid()).unwrap();
    tool.signal("TERM");
    tool.wait();
    assert!(full < 32 << 10 && end < 32 << 10, "{full} KiB with a full queue, {end} KiB at the end");
}
