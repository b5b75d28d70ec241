//! What can go wrong at the server, and that nothing half is ever printed as whole.

use std::time::{Duration, Instant};

use testkit::cut::Cut;
use testkit::postgres::{self, Session};
use testkit::tool::Output;

use crate::{hashes, pair, rejected, run, tables, text, tool};

/// Waits for a condition that the other side brings about.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the tool's sessions in a database are running, with their process ids.
pub fn sessions(url: &str) -> Vec<(String, String)> {
    let sql = "select pid, query from pg_stat_activity
                where application_name = 'pg-validate-hash' and datname = current_database()";
    let rows = postgres::query(url, sql).into_iter();
    rows.map(|row| {
        let mut row = row.into_iter().map(Option::unwrap_or_default);
        (row.next().unwrap_or_default(), row.next().unwrap_or_default())
    })
    .collect()
}

/// Waits until a session reads from a table, and gives its process id.
pub fn until_reading(url: &str, table: &str) -> String {
    let mut found = None;
    until("a session reads the table", || {
        let reads = |query: &str| query.contains(&format!("from only {table}"));
        found = sessions(url).into_iter().find(|(_, query)| reads(query));
        found.is_some()
    });
    found.unwrap().0
}

/// Two tables, the first of which takes a while at this pace.
const SLOW: [&str; 3] = ["--all", "--rows-per-second", "5000"];

fn two_tables() -> String {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table a as select n, repeat('x', 1000) from generate_series(1, 20000) n; create table b as table a",
    );
    url
}

#[track_caller]
fn aborted(output: &Output, says: &str) {
    assert!(output.assert_code(1).stderr.contains(says), "{}", output.stderr);
    assert!(output.stdout.is_empty(), "{}", output.text());
}

#[test]
fn a_connection_that_is_cut_aborts_the_run() {
    let url = two_tables();
    let cut = Cut::start(&url);
    cut.after(3_000_000);
    let output = run(&cut.url(), &["a", "--concurrency", "1"]);
    aborted(&output, "a");
    assert!(output.stderr.contains("error:"), "{}", output.stderr);
    cut.heal();
    run(&cut.url(), &["a"]).assert_code(0);
}

#[test]
fn a_server_that_stops_or_vanishes_aborts_the_run() {
    for fault in [postgres::Server::stop, postgres::Server::kill] {
        let server = postgres::another();
        let url = server.database();
        postgres::execute(&url, "create table a as select n from generate_series(1, 50000) n");
        let running = tool(&url).args(SLOW).spawn();
        until_reading(&url, "public.a");
        fault(&server);
        let output = running.wait();
        assert!(output.assert_code(1).stdout.is_empty());
        server.start_again();
        run(&url, &["a"]).assert_code(0);
    }
}

#[test]
fn a_cancelled_query_rejects_its_table_alone() {
    let url = two_tables();
    let running = tool(&url).args(SLOW).args(["--concurrency", "1"]).spawn();
    let pid = until_reading(&url, "public.a");
    postgres::execute(&url, &format!("select pg_cancel_backend({pid})"));
    let output = running.wait();
    assert_eq!(tables(output.assert_code(3)).into_keys().collect::<Vec<_>>(), ["public.b"]);
    let reject = &output.rejects()[0];
    assert_eq!(
        (text(&reject["error"]["kind"]), &reject["error"]["retryable"]),
        ("cancelled".into(), &true.into())
    );
}

#[test]
fn a_snapshot_that_is_gone_aborts_the_run() {
    let url = two_tables();
    let running = tool(&url).args(SLOW).spawn();
    until_reading(&url, "public.a");
    let sql = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
                and application_name = 'pg-validate-hash' and query not like '%from only%' and state = 'idle in transaction'";
    postgres::execute(&url, sql);
    aborted(&running.wait(), "terminating connection");
}

#[test]
fn tables_that_are_emptied_or_dropped_meanwhile_are_rejected() {
    let url = two_tables();
    postgres::execute(&url, "create table c as table a; create table d as table a");
    let running = tool(&url).args(SLOW).args(["--concurrency", "1"]).spawn();
    until_reading(&url, "public.a");
    postgres::execute(&url, "truncate b; drop table c");
    let output = running.wait();
    assert_eq!(hashes(output.assert_code(3)).into_keys().collect::<Vec<_>>(), ["public.a", "public.d"]);
    let expected = [pair("public.b", "rewritten"), pair("public.c", "no-such-table")];
    assert_eq!(rejected(&output).into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn the_locks_of_a_table_are_let_go_with_it() {
    let url = two_tables();
    let running = tool(&url).args(SLOW).args(["--concurrency", "1"]).spawn();
    until_reading(&url, "public.b");
    // Would wait for the end of the run if the first table were still locked.
    postgres::execute(&url, "set lock_timeout = '2s'; drop table a");
    running.signal("KILL");
}

#[test]
fn a_locked_table_is_rejected_after_a_short_wait() {
    let url = two_tables();
    let session = Session::open(&url).unwrap();
    session.query("begin; lock table a in access exclusive mode").unwrap();
    let output = run(&url, &["--all"]);
    assert_eq!(hashes(output.assert_code(3)).into_keys().collect::<Vec<_>>(), ["public.b"]);
    assert_eq!(rejected(&output)["public.a"], "locked");
}

#[test]
fn what_a_role_may_not_see_is_never_passed_over() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create role reader_of_hashes login password 'x'; create table open (n int); create table closed (n int);
         create table hidden as select n from generate_series(1, 9) n; alter table hidden enable row level security;
         create policy few on hidden using (n < 5); grant select on open, hidden to reader_of_hashes",
    );
    let reader = url.replace("drkit:", "reader_of_hashes:").replace(postgres::PASSWORD, "x");
    let output = run(&reader, &["--all"]);
    assert_eq!(hashes(output.assert_code(3)).into_keys().collect::<Vec<_>>(), ["public.open"]);
    let expected = [pair("public.closed", "denied"), pair("public.hidden", "row-level-security")];
    assert_eq!(rejected(&output).into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(tables(&run(&url, &["hidden"]))["public.hidden"]["rows"], 9);
    assert_eq!(rejected(&run(&reader, &["--all", "--counts"])).len(), 2);
}

#[test]
fn a_condition_that_fails_rejects_the_table() {
    let url = two_tables();
    for (condition, says) in [
        ("nothing > 1", "does not exist"),
        ("1 / (n - 5) > 0", "division by zero"),
        ("n; drop table a", "syntax error"),
    ] {
        let output = run(&url, &["a", "--where", condition]);
        assert_eq!(rejected(output.assert_code(3))["public.a"], "refused");
        assert!(output.stderr.contains(says), "{}", output.stderr);
    }
    run(&url, &["a"]).assert_code(0);
}

#[test]
fn nothing_is_written_even_where_a_condition_would() {
    let url = two_tables();
    postgres::execute(
        &url,
        "create sequence s; create function f() returns bool language sql as 'delete from public.b returning true'",
    );
    let output = run(&url, &["a", "--where", "public.f()"]);
    assert!(output.assert_code(3).stderr.contains("read-only transaction"), "{}", output.stderr);
    assert_eq!(postgres::value(&url, "select count(*) from b"), "20000");
}
