//! How a run ends before its time, and what is left on the server: nothing.

use std::net::TcpListener;

use testkit::postgres;

use crate::{checked, endless, run, running, tool, wait_until};

/// How many connections the tool has: before there is none, the end of stdin could end it instead of the signal.
fn sessions(url: &str) -> String {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'pg-rows'";
    postgres::value(url, sql)
}

#[test]
fn a_signal_cancels_the_query_on_the_server() {
    for server in postgres::servers() {
        let url = server.database();
        for (name, number) in [("INT", 2), ("TERM", 15)] {
            let tool =
                tool(&url).args(["select pg_sleep(3600)::text as cancelled_query", "--trailer"]).spawn();
            wait_until("running", || running(&url, "cancelled_query") == 1);
            tool.signal(name);
            let output = checked(tool.wait());
            assert_eq!(output.signal, Some(number));
            assert!(output.stdout.is_empty(), "{output:?}");
            // Not a moment later: the tool waits for the end of the query before its own.
            assert_eq!(running(&url, "cancelled_query"), 0);
        }
    }
}

#[test]
fn a_closed_stdout_cancels_the_query_and_is_no_error() {
    let url = postgres::database();
    let mut tool = tool(&url).arg(endless("closed")).spawn();
    tool.line().unwrap();
    tool.close_stdout();
    let output = tool.wait();
    output.assert_code(0);
    assert_eq!(running(&url, "closed"), 0);
    let broken = crate::tool(&url).arg("select generate_series(1, 100000) as n").stdout_broken().run();
    broken.assert_code(0);
}

#[test]
fn a_full_disk_is_an_error() {
    let output = tool(&postgres::database()).arg("select 1 as n").stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("stdout"), "{}", output.stderr);
}

#[test]
fn a_signal_ends_a_wait_for_records_and_for_a_server() {
    let url = postgres::database();
    let flags = ["select $1 as waits_for_records", "--params-from", "-", "--plain"];
    let mut waiting = tool(&url).args(flags).spawn();
    waiting.write("a\n");
    waiting.line().unwrap();
    waiting.signal("INT");
    wait_until("stopped", || sessions(&url) == "0");
    assert_eq!(waiting.wait().signal, Some(2));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://drkit@{}/d", silent.local_addr().unwrap());
    let waiting = tool(&url).arg("select 1 as n").spawn();
    let connection = silent.accept().unwrap();
    waiting.signal("INT");
    assert_eq!(waiting.wait().signal, Some(2));
    drop(connection);
}

#[test]
fn a_signal_ends_this_run_of_the_query_and_those_after_it() {
    let url = postgres::database();
    let flags = ["select pg_sleep($1)::text as one_of_many", "--params-from", "-", "--plain"];
    let tool = tool(&url).args(flags).stdin("3600\n".repeat(20)).spawn();
    wait_until("running", || running(&url, "one_of_many") == 1);
    tool.signal("INT");
    let output = tool.wait();
    assert_eq!(output.signal, Some(2));
    assert!(output.stdout.is_empty() && output.rejects().is_empty(), "{output:?}");
    assert!(!output.stderr.contains("could not be cancelled"), "{}", output.stderr);
    assert_eq!(running(&url, "one_of_many"), 0);
}

#[test]
fn a_tool_that_is_killed_leaves_no_query_behind() {
    for server in postgres::servers() {
        let url = server.database();
        let tool = tool(&url).arg("select pg_sleep(3600)::text as orphaned_query").spawn();
        wait_until("running", || running(&url, "orphaned_query") == 1);
        tool.signal("KILL");
        assert_eq!(tool.wait().signal, Some(9));
        wait_until("ended", || running(&url, "orphaned_query") == 0);
    }
}

#[test]
fn changes_are_kept_when_all_was_written_and_only_then() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table t (n int); create function change(n int) returns int language plpgsql as
            $$ begin insert into t values (n); return n; end $$",
    );
    let kept = || postgres::value(&url, "select count(*) from t");
    let read_write = |query: &str| tool(&url).args([query, "--read-write"]);

    let mut closed = read_write(&endless("undone").replace("'undone'", "change(n)")).spawn();
    closed.line().unwrap();
    closed.close_stdout();
    let output = closed.wait();
    assert!(output.assert_code(1).stderr.contains("rolled back"), "{}", output.stderr);
    assert_eq!(kept(), "0");

    let flags = ["--params-from", "-", "--plain"];
    let mut stopped = read_write("select change($1) as n").args(flags).spawn();
    stopped.write("1\n");
    stopped.line().unwrap();
    stopped.signal("INT");
    wait_until("stopped", || sessions(&url) == "0");
    assert_eq!(stopped.wait().signal, Some(2));
    assert_eq!(kept(), "0");

    let failed = "select 1 / (change(n) - 2) as n from (select generate_series(1, 3) as n) numbers";
    run(&url, failed, &["--read-write"]).assert_code(1);
    assert_eq!(kept(), "0");

    read_write("select change(7) as n").run().assert_code(0);
    assert_eq!(kept(), "1");

    let output = read_write("select 1 / (change($1) - 2) as n").args(flags).stdin("1\n2\n3\n").run();
    output.assert_code(3);
    assert_eq!(postgres::value(&url, "select string_agg(n::text, ' ' order by n) from t"), "1 3 7");
}
