//! The binary against real servers: rows, parameters, refusals, and how a run ends.

mod ends;
mod examples;
mod login;
mod memory;
mod params;
mod refused;
mod rows;
mod whole;

use std::thread;
use std::time::{Duration, Instant};

use testkit::postgres::{self, PASSWORD};
use testkit::tool::{Output, Tool};

/// The tool, connected to the database of a URL.
fn tool(url: &str) -> Tool {
    Tool::new("pg-rows").env("DB_URL", url)
}

/// A run of a query with these flags. Nothing that it says has the password.
fn run(url: &str, query: &str, flags: &[&str]) -> Output {
    checked(tool(url).arg(query).args(flags).run())
}

fn checked(output: Output) -> Output {
    let all = format!("{}{}", String::from_utf8_lossy(&output.stdout), output.stderr);
    assert!(!all.contains(PASSWORD), "{all}");
    output
}

/// The lines of stdout of a run that did all.
fn lines(output: &Output) -> Vec<&str> {
    output.assert_code(0).text().lines().collect()
}

/// Rows that fill the server's buffer (8 KiB) and not the tool's (64 KiB), then one that is never sent.
fn endless(marker: &str) -> String {
    format!(
        "select n, '{marker}' as marker, repeat('x', 100) as filling, case when n = 300 then pg_sleep(3600) end as wait
        from (select generate_series(1, 300) as n) numbers"
    )
}

/// How many sessions run a query with this text in it.
fn running(url: &str, marker: &str) -> usize {
    let sql = format!(
        "select pid from pg_stat_activity where state = 'active' and query like '%{marker}%' and pid <> pg_backend_pid()"
    );
    postgres::query(url, &sql).len()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < limit, "not {what} after a minute");
        thread::sleep(Duration::from_millis(20));
    }
}
