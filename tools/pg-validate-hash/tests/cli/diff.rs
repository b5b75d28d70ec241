//! `--diff`: the rows that differ, by their keys.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testkit::postgres;

use crate::{against, rejected, text};

/// The rows that a run named, each as `change key columns count`.
fn named(output: &testkit::tool::Output) -> BTreeSet<String> {
    let rows = output.records().into_iter().filter(|record| record["change"].is_string());
    rows.map(|row| {
        let of = if row["key"].is_object() { &row["key"] } else { &row["row"] };
        let mut line = format!("{} {} {of}", text(&row["table"]), text(&row["change"]));
        for more in ["columns", "count"] {
            if !row[more].is_null() {
                line += &format!(" {}", row[more]);
            }
        }
        line
    })
    .collect()
}

#[test]
fn rows_are_named_by_their_keys() {
    let (one, two) = (postgres::database(), postgres::database());
    let made = "create table t (a int, b text, c text, d json, primary key (b, a));
                insert into t select n, 'k' || n % 3, 'v' || n, json_build_object('n', n) from generate_series(1, 5000) n;
                create table p (id bigint primary key, v int) partition by range (id);
                create table p_1 partition of p for values from (0) to (100);
                create table p_2 partition of p for values from (100) to (1000);
                insert into p select n, n from generate_series(1, 500) n";
    for url in [&one, &two] {
        postgres::execute(url, made);
    }
    postgres::execute(
        &one,
        "delete from t where a = 17; update t set c = null, d = '{ }' where a = 20; update p set v = 0 where id = 99",
    );
    postgres::execute(
        &two,
        "delete from t where a in (18, 19); update t set c = 'other' where a = 4000; delete from p where id = 300",
    );
    for connections in ["1", "3"] {
        let output = against(&one, &two, &["--all", "--diff", "--concurrency", connections]);
        assert_eq!(rejected(output.assert_code(3)).len(), 2, "{}", output.stderr);
        let expected = [
            r#"public.p changed {"id":99} ["v"]"#,
            r#"public.p extra {"id":300}"#,
            r#"public.t changed {"a":20,"b":"k2"} ["c","d"]"#,
            r#"public.t changed {"a":4000,"b":"k1"} ["c"]"#,
            r#"public.t extra {"a":18,"b":"k0"}"#,
            r#"public.t extra {"a":19,"b":"k1"}"#,
            r#"public.t missing {"a":17,"b":"k2"}"#,
        ];
        assert_eq!(named(&output).iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn rows_without_a_key_are_named_whole_and_counted() {
    let (one, two) = (postgres::database(), postgres::database());
    postgres::execute(
        &one,
        "create table t (a int, b text); insert into t values (1, 'x'), (1, 'x'), (1, 'x'), (2, null), (3, '')",
    );
    postgres::execute(
        &two,
        "create table t (a int, b text); insert into t values (1, 'x'), (2, null), (2, null), (3, null)",
    );
    let output = against(&one, &two, &["t", "--diff"]);
    let expected = [
        r#"public.t extra {"a":1,"b":"x"} 2"#,
        r#"public.t extra {"a":3,"b":""} 1"#,
        r#"public.t missing {"a":2,"b":null} 1"#,
        r#"public.t missing {"a":3,"b":null} 1"#,
    ];
    assert_eq!(named(output.assert_code(3)).iter().collect::<Vec<_>>(), expected);
}

#[test]
fn more_than_can_be_named_is_said() {
    let (one, two) = (postgres::database(), postgres::database());
    postgres::execute(&one, "create table t as select n from generate_series(1, 2000) n");
    postgres::execute(&two, "create table t as select -n as n from generate_series(1, 2000) n");
    let output = against(&one, &two, &["t", "--diff", "--max-diff", "50"]);
    let reject = &output.assert_code(3).rejects()[0];
    assert!(text(&reject["error"]["message"]).contains("more rows differ than --max-diff 50"), "{reject}");
    assert!(named(&output).is_empty());
    assert_eq!(named(&against(&one, &two, &["t", "--diff", "--max-diff", "2000"])).len(), 4000);
}

#[test]
fn equal_tables_have_nothing_to_name() {
    let url = postgres::database();
    postgres::rehearse(&url);
    let output = against(&url, &url, &["--all", "--diff"]);
    assert!(named(output.assert_code(0)).is_empty());
}

#[test]
fn any_differences_are_found() {
    let (one, two) = (postgres::database(), postgres::database());
    for url in [&one, &two] {
        postgres::execute(url, "create table t (id int primary key, v int)");
    }
    let rows = || prop::collection::btree_map(0i32..40, 0i32..3, 0..40);
    let mut runner = TestRunner::new(Config { cases: 16, ..Config::default() });
    let result = runner.run(&(rows(), rows()), |(ours, theirs)| {
        let mut expected = BTreeSet::new();
        for (url, rows) in [(&one, &ours), (&two, &theirs)] {
            let values: Vec<_> = rows.iter().map(|(id, v)| format!("({id}, {v})")).collect();
            let insert = if values.is_empty() {
                String::new()
            } else {
                format!("insert into t values {}", values.join(", "))
            };
            postgres::execute(url, &format!("truncate t; {insert}"));
        }
        for (id, v) in &ours {
            match theirs.get(id) {
                None => expected.insert(format!("public.t extra {{\"id\":{id}}}")),
                Some(other) if other != v => {
                    expected.insert(format!("public.t changed {{\"id\":{id}}} [\"v\"]"))
                }
                Some(_) => false,
            };
        }
        let missing = theirs.keys().filter(|id| !ours.contains_key(*id));
        expected.extend(missing.map(|id| format!("public.t missing {{\"id\":{id}}}")));
        prop_assert_eq!(named(&against(&one, &two, &["t", "--diff"])), expected);
        Ok(())
    });
    result.unwrap();
}
