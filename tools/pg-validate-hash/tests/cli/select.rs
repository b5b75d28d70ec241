//! Which tables are hashed.

use testkit::postgres;

use crate::{hashes, pair, rejected, run, tool};

fn database() -> String {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table people (n int); create schema audit; create table audit.people (n int);
         create table \"Odd [Name].x\" (n int); create view v as select 1 as n; create unlogged table u (n int);
         create materialized view m as select 1 as n; create materialized view empty as select 1 as n with no data;
         create table p (n int) partition by range (n); create table p_1 partition of p for values from (0) to (9);
         create table parent (n int); create table child () inherits (parent); insert into p values (1)",
    );
    url
}

fn names(url: &str, args: &[&str]) -> Vec<String> {
    hashes(&run(url, args)).into_keys().collect()
}

#[test]
fn all_are_those_that_a_restore_brings_back() {
    let url = database();
    let all = [
        "audit.people",
        "public.\"Odd [Name].x\"",
        "public.child",
        "public.m",
        "public.p",
        "public.parent",
        "public.people",
    ];
    let output = run(&url, &["--all"]);
    assert_eq!(hashes(output.assert_code(0)).into_keys().collect::<Vec<_>>(), all);
    assert!(output.stderr.contains("public.u is unlogged"), "{}", output.stderr);
    assert!(output.stderr.contains("public.empty was never populated"), "{}", output.stderr);
    assert_eq!(names(&url, &["--schema", "aud*"]), all[..1]);
    assert_eq!(
        names(&url, &["--all", "--schema", "public", "--exclude", "p*", "--exclude", "public.child"]),
        [all[1], all[3]]
    );
}

#[test]
fn tables_are_named_by_arguments_or_by_records() {
    let url = database();
    let args = ["people", "public.p_?", "public.\"Odd [Name].x\"", "v", "nobody", "u", "p_1"];
    let names = ["audit.people", "public.\"Odd [Name].x\"", "public.p_1", "public.people", "public.u"];
    let output = run(&url, &args);
    assert_eq!(hashes(output.assert_code(3)).into_keys().collect::<Vec<_>>(), names);
    let expected = [pair("nobody", "no-such-table"), pair("public.p_?", "no-data"), pair("v", "no-data")];
    assert_eq!(rejected(&output).into_iter().collect::<Vec<_>>(), expected);

    let records: String =
        args.iter().map(|name| format!("{}\n", serde_json::json!({"table": name}))).collect();
    let output = tool(&url).stdin(records + "{\"name\":\"x\"}\nno record\n").run();
    assert_eq!(hashes(output.assert_code(3)).into_keys().collect::<Vec<_>>(), names);
    let kinds: Vec<_> = output.rejects().iter().map(|reject| crate::text(&reject["error"]["kind"])).collect();
    assert_eq!(kinds, ["bad-record", "bad-line", "no-data", "no-data", "no-such-table"]);
}

#[test]
fn rejects_are_the_input_of_the_next_run() {
    let url = database();
    let first = run(&url, &["later"]);
    let letters: String = first.assert_code(3).rejects().iter().map(|reject| format!("{reject}\n")).collect();
    postgres::execute(&url, "create table later (n int)");
    let second = tool(&url).stdin(letters).run();
    assert_eq!(hashes(second.assert_code(0)).into_keys().collect::<Vec<_>>(), ["public.later"]);
}
