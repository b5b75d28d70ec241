//! What every tool promises: usage, streams, exit codes, signals.

use testkit::postgres;
use testkit::tool::Tool;

use crate::faults::{sessions, until, until_reading};
use crate::{run, tool};

#[test]
fn flags_that_make_no_sense_are_usage_errors() {
    for wrong in [
        &["--all", "t"][..],
        &["--diff", "t"],
        &["--all", "--max-diff", "5"],
        &["--all", "--baseline", "x", "--against-env", "X"],
        &["--all", "--counts", "--columns", "a"],
        &["--all", "--counts", "--rows-per-second", "5"],
        &["--all", "--concurrency", "0"],
        &["--all", "--rows-per-second", "0"],
        &["--all", "--max-duration", "often"],
        &["a[b"],
        &["--all", "--against-env", "UNSET"],
        &["--all", "--log-format", "xml"],
        &["--all", "-q", "-v"],
    ] {
        let output = run("postgres://nobody@127.0.0.1:1/x", wrong);
        assert_eq!(output.code, Some(2), "{wrong:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{wrong:?}");
    }
}

#[test]
fn help_and_what_is_generated_need_no_database() {
    let help = Tool::new("pg-validate-hash").arg("--help").run();
    assert!(help.assert_code(0).text().contains("Examples:"));
    let page = Tool::new("pg-validate-hash").args(["--generate", "man"]).run();
    assert!(page.assert_code(0).text().contains(".TH pg-validate-hash"));
}

#[test]
fn stdout_that_nobody_reads_is_no_error_and_a_full_disk_is_one() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int)");
    tool(&url).arg("--all").stdout_broken().run().assert_code(0);
    let output = tool(&url).arg("--all").stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}

#[test]
fn rejects_go_where_they_are_sent_and_can_be_too_many() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int)");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rejects");
    let output = tool(&url).args(["t", "x", "y"]).arg("--rejects").arg(&file).run();
    assert!(output.assert_code(3).rejects().is_empty());
    assert!(output.stderr.contains("read 3, done 1, rejected 2"), "{}", output.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    let output = run(&url, &["x", "y", "--max-rejects", "1"]);
    assert!(output.assert_code(1).stderr.contains("--max-rejects 1"), "{}", output.stderr);
}

#[test]
fn a_signal_ends_the_queries_and_prints_nothing_half() {
    let url = postgres::database();
    postgres::execute(&url, "create table t as select n from generate_series(1, 50000) n");
    for (signal, number) in [("INT", 2), ("TERM", 15)] {
        let running = tool(&url).args(["t", "--rows-per-second", "2000"]).spawn();
        until_reading(&url, "public.t");
        running.signal(signal);
        let output = running.wait();
        assert_eq!(output.signal, Some(number), "{}", output.stderr);
        assert!(output.stdout.is_empty());
        until("no session is left", || sessions(&url).is_empty());
    }
}

#[test]
fn a_count_that_takes_long_is_cancelled_on_the_server() {
    let url = postgres::database();
    postgres::execute(&url, "create table t as select n from generate_series(1, 10) n");
    let running = tool(&url).args(["t", "--counts", "--where", "pg_sleep(60) is not null"]).spawn();
    until_reading(&url, "public.t");
    running.signal("INT");
    running.wait();
    until("no session is left", || sessions(&url).is_empty());
}

#[test]
fn the_time_and_the_pace_are_limited() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table a (n int); create table t as select n from generate_series(1, 50000) n",
    );
    let output = run(&url, &["--all", "--rows-per-second", "5000", "--max-duration", "1s"]);
    assert!(output.assert_code(1).stderr.contains("--max-duration"), "{}", output.stderr);
    assert!(!output.text().contains("public.t"));
    let started = std::time::Instant::now();
    run(&url, &["t", "--where", "n <= 4000", "--rows-per-second", "2000"]).assert_code(0);
    // Two seconds, less the first step that need not wait.
    assert!(started.elapsed().as_millis() >= 1800);
}
