//! Whether the output is whole, and how a reader knows.

use testkit::cut::Cut;
use testkit::postgres;

use crate::{checked, endless, lines, run, running, tool, wait_until};

#[test]
fn the_trailer_counts_what_was_written() {
    let url = postgres::database();
    let series = "select generate_series(1, $1::int) as n";
    let output = run(&url, series, &["--param", "3", "--trailer"]);
    assert_eq!(lines(&output)[2..], [r#"{"n":3}"#, r#"{"pg_rows":{"rows":3,"complete":true}}"#]);
    let output = run(&url, series, &["--param", "0", "--trailer"]);
    assert_eq!(lines(&output), [r#"{"pg_rows":{"rows":0,"complete":true}}"#]);
    let each = |input: &str| {
        let flags = [series, "--params-from", "-", "--plain", "--trailer"];
        checked(tool(&url).args(flags).stdin(input).run())
    };
    let output = each("2\n3\n");
    assert_eq!(lines(&output)[5..], [r#"{"pg_rows":{"rows":5,"complete":true}}"#]);
    let output = each("2\nx\n");
    assert_eq!(
        output.assert_code(3).text().lines().last(),
        Some(r#"{"pg_rows":{"rows":2,"complete":false}}"#)
    );
    assert!(!run(&url, series, &["--param", "1"]).text().contains("pg_rows"));
}

#[test]
fn a_connection_that_breaks_off_is_told_with_what_was_written() {
    let cut = Cut::start(&postgres::database());
    cut.after(500_000);
    let query = "select n, repeat('x', 1000) as filling from generate_series(1, 5000) n";
    let output = run(&cut.url(), query, &["--trailer"]);
    let rows = output.assert_code(1).text().lines().count();
    assert!(rows > 300 && rows < 500, "{rows}");
    // Each of them whole, and no trailer.
    assert!(output.records().iter().enumerate().all(|(place, row)| row["n"] == place + 1));
    let told =
        format!("the output is incomplete, it ends after {rows} rows: the connection to drkit@127.0.0.1");
    assert!(output.stderr.contains(&told), "{}", output.stderr);
}

#[test]
fn a_server_that_goes_is_told() {
    for kill in [true, false] {
        let server = postgres::another();
        let url = server.database();
        let mut running_tool = tool(&url).args([&endless("goes"), "--trailer"]).spawn();
        running_tool.line().unwrap();
        if kill {
            server.kill();
        } else {
            server.stop();
        }
        let output = checked(running_tool.wait());
        output.assert_code(1);
        assert!(output.stderr.contains("the output is incomplete, it ends after"), "{}", output.stderr);
        assert!(kill || output.stderr.contains("57P01"), "{}", output.stderr);
        assert!(!output.text().contains("pg_rows"));
    }
}

#[test]
fn an_error_after_rows_leaves_no_trailer() {
    let url = postgres::database();
    let query = "select 1 / (n - 3) as n from (select generate_series(1, 5) as n) numbers";
    let output = run(&url, query, &["--trailer"]);
    assert_eq!(output.assert_code(1).text(), "{\"n\":0}\n{\"n\":-1}\n");
    let told = "the output is incomplete, it ends after 2 rows: ERROR 22012: division by zero";
    assert!(output.stderr.contains(told), "{}", output.stderr);
}

#[test]
fn rows_leave_while_the_query_still_runs() {
    let url = postgres::database();
    let mut tool = tool(&url).arg(endless("leave")).spawn();
    for n in 1..=100 {
        assert!(tool.line().unwrap().starts_with(&format!("{{\"n\":{n},")));
    }
    assert_eq!(running(&url, "leave"), 1);
    tool.signal("TERM");
    assert_eq!(tool.wait().signal, Some(15));
    wait_until("ended", || running(&url, "leave") == 0);
}
