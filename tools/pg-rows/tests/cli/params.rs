//! Parameters: of the command line, of records, of plain lines.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use testkit::postgres::{self, Session};
use testkit::tool::Output;

use crate::{checked, lines, run, tool};

fn each(url: &str, query: &str, input: &str, flags: &[&str]) -> Output {
    checked(tool(url).args([query, "--params-from", "-"]).args(flags).stdin(input).run())
}

fn errors(output: &Output) -> Vec<(String, bool)> {
    let error = |reject: &Value| {
        (
            reject["error"]["kind"].as_str().unwrap_or_default().to_owned(),
            reject["error"]["retryable"] == true,
        )
    };
    output.rejects().iter().map(error).collect()
}

#[test]
fn the_server_reads_them_as_the_types_it_needs() {
    let url = postgres::database();
    let query = "select $1::int + 1 as i, $2 as t, $3::date as d, $4::text[] as a, nullif($5, '') as n, $6::bool as b";
    let flags = ["--param=-5", "--param", "o'k \\ $1", "--param", "2026-11-20", "--param", "{a,\"b c\"}"];
    let output = run(&url, query, &[&flags[..], &["--param", "", "--param", "-1"]].concat());
    assert!(output.assert_code(1).stderr.contains("22P02"), "{}", output.stderr);
    let output = run(&url, query, &[&flags[..], &["--param", "", "--param", "yes"]].concat());
    let expected = r#"{"i":-4,"t":"o'k \\ $1","d":"2026-11-20","a":["a","b c"],"n":null,"b":true}"#;
    assert_eq!(lines(&output), [expected]);
}

#[test]
fn as_many_as_the_query_has_are_given() {
    let url = postgres::database();
    for (query, flags) in [
        ("select 1 as n", vec!["--param", "1"]),
        ("select $1::int as n", vec![]),
        ("select $1::int + $2::int as n", vec!["--param", "1"]),
    ] {
        let output = run(&url, query, &flags);
        assert!(output.assert_code(2).stderr.contains("parameter"), "{}", output.stderr);
    }
    let output = each(&url, "select $1::int + $2::int as n", "{}\n", &["--param-field", "a"]);
    assert!(output.assert_code(2).stderr.contains("the query has 2 parameters, and 1 are given"));
}

#[test]
fn each_record_is_a_run_in_its_order() {
    let url = postgres::database();
    postgres::rehearse_with(&url, 100, 1, 1);
    let input = "{\"role\":\"model\",\"city\":\"paris\"}\n\n{\"city\":\"lagos\",\"more\":1.10}\n{\"city\":\"nowhere\"}\n";
    let output = each(&url, "select city from search.people_hot($1)", input, &["--param-field", "city"]);
    let cities = postgres::query(
        &url,
        "select city from search.people where city in ('paris', 'lagos') order by city <> 'paris'",
    );
    let expected: Vec<_> =
        cities.into_iter().flatten().flatten().map(|city| format!("{{\"city\":\"{city}\"}}")).collect();
    assert_eq!(lines(&output), expected);
    assert!(
        output.stderr.contains(&format!("read 3, done {}, rejected 0", expected.len())),
        "{}",
        output.stderr
    );
}

#[test]
fn a_field_is_text_null_or_json() {
    let url = postgres::database();
    let input = r#"{"n":12345678901234567890123,"t":"\u00e9\n","j":{"a": 1.10},"z":null,"b":false}"#;
    let query = "select $1::numeric as n, $2 as t, $3::json as j, $4::int as z, $5::bool as b";
    let fields = ["n", "t", "j", "z", "b"].map(|field| ["--param-field", field]).concat();
    let expected = r#"{"n":12345678901234567890123,"t":"é\n","j":{"a": 1.10},"z":null,"b":false}"#;
    assert_eq!(lines(&each(&url, query, input, &fields)), [expected]);
}

#[test]
fn what_fails_is_rejected_and_the_next_is_run() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create function conflict(n int) returns int language plpgsql as
            $$ begin raise exception 'try again' using errcode = '40001'; end $$;
        create function own_words(n int) returns int language plpgsql as
            $$ begin raise exception 'not %', n using hint = 'another'; end $$",
    );
    let query =
        "select case $1::int when 4 then conflict(4) when 5 then own_words(5) else 10 / $1::int end as n";
    let input = "{\"n\":1}\n{\"n\":0}\n{\"n\":\"x\"}\n{\"m\":1}\n{\"n\":\n{\"n\":4}\n{\"n\":5}\n{\"n\":\"\\u0000\"}\n{\"n\":2}\n";
    let output = each(&url, query, input, &["--param-field", "n"]);
    output.assert_code(3);
    assert_eq!(output.text(), "{\"n\":10}\n{\"n\":5}\n");
    let kinds = [
        ("query-failed", false),
        ("query-failed", false),
        ("bad-record", false),
        ("bad-line", false),
        ("conflict", true),
        ("query-failed", false),
        ("query-failed", false),
    ];
    assert_eq!(errors(&output), kinds.map(|(kind, retryable)| (kind.to_owned(), retryable)));
    let rejects = output.rejects();
    assert_eq!(rejects[0]["error"]["message"], "ERROR 22012: division by zero");
    assert_eq!(rejects[0]["record"]["n"], 0);
    assert_eq!(rejects[5]["error"]["message"], "ERROR P0001: not 5; another");
    assert!(output.stderr.contains("read 9, done 2, rejected 7"), "{}", output.stderr);
}

#[test]
fn a_run_that_fails_late_tells_how_much_of_it_was_written() {
    let url = postgres::database();
    let query = "select 1 / (n - $1::int) as n from (select generate_series(1, 3) as n) numbers";
    let output = each(&url, query, "{\"n\":3}\n{\"n\":9}\n", &["--param-field", "n"]);
    output.assert_code(3);
    assert_eq!(output.text().lines().count(), 5);
    let message = output.rejects()[0]["error"]["message"].clone();
    assert_eq!(message, "ERROR 22012: division by zero; 2 of its rows were written before");
}

#[test]
fn a_run_that_takes_too_long_is_rejected() {
    let url = postgres::database();
    // Long enough for the second run on a machine that has much to do.
    let flags = ["--param-field", "s", "--timeout", "3s"];
    let output = each(&url, "select pg_sleep($1)::text as s", "{\"s\":3600}\n{\"s\":0}\n", &flags);
    assert_eq!(errors(output.assert_code(3)), [("cancelled".to_owned(), true)]);
    assert_eq!(output.text(), "{\"s\":\"\"}\n");
    assert!(output.stderr.contains("--timeout"), "{}", output.stderr);
}

#[test]
fn a_run_that_meets_a_lock_is_rejected() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table locked (); create table free ();
        create function rows_of(name text) returns bigint language plpgsql as
            $$ declare n bigint; begin execute format('select count(*) from %I', name) into n; return n; end $$",
    );
    let session = Session::open(&url).unwrap();
    session.query("begin; lock table locked").unwrap();
    let output = each(&url, "select rows_of($1) as n", "locked\nfree\n", &["--plain"]);
    assert_eq!(errors(output.assert_code(3)), [("locked".to_owned(), true)]);
    assert_eq!(output.text(), "{\"n\":0}\n");
}

#[test]
fn rejects_go_to_a_file_that_is_input_again() {
    let (url, folder) = (postgres::database(), TempDir::new().unwrap());
    let rejects = folder.path().join("rejects.jsonl");
    postgres::execute(&url, "create table divisors (n int); insert into divisors values (0)");
    let query = "select $1::int / n as n from divisors";
    let flags = ["--plain", "--rejects", rejects.to_str().unwrap()];
    assert!(each(&url, query, "6\n8\n", &flags).assert_code(3).rejects().is_empty());
    postgres::execute(&url, "update divisors set n = 2");
    let again = ["--params-from", rejects.to_str().unwrap(), "--param-field", "line"];
    assert_eq!(lines(&run(&url, query, &again)), [r#"{"n":3}"#, r#"{"n":4}"#]);
}

#[test]
fn too_many_rejects_end_the_run() {
    let url = postgres::database();
    let flags = ["--plain", "--max-rejects", "1"];
    let output = each(&url, "select 1 / $1::int as n", "1\n0\n0\n1\n", &flags);
    assert!(output.assert_code(1).stderr.contains("--max-rejects 1"), "{}", output.stderr);
    assert_eq!(output.text(), "{\"n\":1}\n");
    each(&url, "select 1 / $1::int as n", "1\n0\n1\n", &flags).assert_code(3);
}

#[test]
fn what_no_record_can_escape_ends_the_run() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int)");
    postgres::execute(
        &url,
        "create function change(n int) returns int language sql as 'insert into t values (n) returning n'",
    );
    let output = each(&url, "select change($1) as n", "1\n2\n", &["--plain"]);
    assert!(output.assert_code(1).stderr.contains("--read-write"), "{}", output.stderr);
    assert!(output.rejects().is_empty());
}

#[test]
fn all_runs_see_one_snapshot() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int)");
    let query = "select count(*) + $1::int as n from t";
    let mut running = tool(&url).args([query, "--params-from", "-", "--plain"]).spawn();
    running.write("0\n");
    assert_eq!(running.line().as_deref(), Some(r#"{"n":0}"#));
    postgres::execute(&url, "insert into t values (1), (2)");
    running.write("10\n");
    assert_eq!(running.line().as_deref(), Some(r#"{"n":10}"#));
    running.wait().assert_code(0);
}

#[test]
fn a_plain_line_is_a_parameter_as_it_stands() {
    let url = postgres::database();
    let output = each(&url, "select $1 as t", " {\"a\":1} \r\n\n\u{e9} b\n", &["--plain"]);
    assert_eq!(lines(&output), [r#"{"t":" {\"a\":1} "}"#, r#"{"t":"é b"}"#]);
    let output = checked(
        tool(&url)
            .args(["select $1 as t", "--params-from", "-", "--plain"])
            .stdin(b"a\n\xff\nb\n".as_slice())
            .run(),
    );
    assert_eq!(errors(output.assert_code(3)), [("bad-line".to_owned(), false)]);
    assert_eq!(output.text().lines().count(), 2);
}

#[test]
fn flags_that_do_not_go_together_are_usage() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("q.sql");
    fs::write(&file, " ;\n").unwrap();
    let file = file.to_str().unwrap();
    for flags in [
        vec![],
        vec!["select 1", "--query-file", file],
        vec!["--query-file", file],
        vec!["--query-file", "/nowhere/q.sql"],
        vec!["select 1", "--params-from", file],
        vec!["select 1", "--params-from", "/nowhere/p", "--plain"],
        vec!["select 1", "--params-from", file, "--plain", "--param-field", "a"],
        vec!["select 1", "--params-from", file, "--plain", "--param", "a"],
        vec!["select 1", "--param-field", "a"],
        vec!["select 1", "--plain"],
        vec!["select 1", "--timeout", "soon"],
    ] {
        tool("postgres://drkit@127.0.0.1:1/d").args(&flags).run().assert_code(2);
    }
}
