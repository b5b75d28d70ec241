//! What the server does not do, in one line with what the user can do.

use testkit::postgres::{self, Session};
use testkit::tool::Output;

use crate::run;

/// The only message of a run that was aborted, besides its summary.
fn message(output: &Output) -> &str {
    let messages: Vec<_> = output.assert_code(1).stderr.lines().collect();
    let [message, summary] = messages[..] else { panic!("{messages:?}") };
    assert!(summary.contains("rejected 0"), "{summary}");
    message
}

#[test]
fn a_query_that_is_wrong_is_told_with_the_place() {
    let url = postgres::database();
    for (query, words) in [
        ("selct 1", "at line 1, column 1: ERROR 42601: syntax error at or near \"selct\""),
        ("select 1,\n  é", "at line 2, column 3: ERROR 42703: column \"é\" does not exist"),
        ("select * from nowhere", "at line 1, column 15: ERROR 42P01: relation \"nowhere\" does not exist"),
        ("select abs('a', 1)", "No function matches the given name and argument types"),
        ("select 1; select 2", "ERROR 42601: cannot insert multiple commands"),
        ("select 1) x, (select 2", "ERROR 42601"),
        ("create table t ()", "the query cannot stand in parentheses"),
        ("delete from pg_class returning 1", "the query cannot stand in parentheses"),
    ] {
        let output = run(&url, query, &[]);
        assert!(message(&output).contains(words), "{query}: {}", output.stderr);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn two_columns_of_one_name_are_refused() {
    let output = run(&postgres::database(), "select 1 as a, 2 as b, 3 as a", &[]);
    assert!(output.assert_code(2).stderr.contains("two columns are named \"a\""), "{}", output.stderr);
}

#[test]
fn a_value_that_is_wrong_is_told_with_detail() {
    let url = postgres::database();
    let output = run(&url, "select $1::json as j", &["--param", "{a"]);
    assert!(
        message(&output).contains("ERROR 22P02: invalid input syntax for type json; Token \"a\" is invalid.")
    );
}

#[test]
fn nothing_is_changed_without_leave() {
    let url = postgres::database();
    postgres::execute(&url, "create sequence s");
    let query = "select nextval('s') as n";
    let output = run(&url, query, &[]);
    assert!(message(&output).contains("25006"), "{}", output.stderr);
    assert!(message(&output).contains("(give --read-write)"), "{}", output.stderr);
    assert_eq!(run(&url, query, &["--read-write"]).assert_code(0).text(), "{\"n\":1}\n");
}

#[test]
fn a_query_that_takes_too_long_is_ended() {
    let url = postgres::database();
    let output = run(&url, "select pg_sleep(3600)", &["--timeout", "300ms"]);
    assert!(message(&output).contains("57014"), "{}", output.stderr);
    assert!(message(&output).contains("(give a longer --timeout)"), "{}", output.stderr);
}

#[test]
fn a_table_that_is_locked_is_not_waited_for() {
    let url = postgres::database();
    postgres::execute(&url, "create table t ()");
    let session = Session::open(&url).unwrap();
    session.query("begin; lock table t").unwrap();
    let output = run(&url, "table t", &[]);
    assert!(message(&output).contains("55P03"), "{}", output.stderr);
    assert!(message(&output).contains("(another session held a lock for 10s)"), "{}", output.stderr);
}
