//! What a hash depends on: every bit of every value, of every type.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::postgres::{self, Rows};

use crate::{against, rejected, run, tables, text};

/// Ordinary columns of tables with rows, by the table.
fn columns(url: &str) -> BTreeMap<String, Vec<String>> {
    let sql = "select format('%I.%I', n.nspname, c.relname), a.attname
                 from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
                where n.nspname in ('rehearsal', 'Odd Names') and c.relkind in ('r', 'p') and c.relpersistence = 'p'
                  and not c.relispartition and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
                order by 1, a.attnum";
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in postgres::query(url, sql) {
        let mut row = row.into_iter().flatten();
        let (table, column) = (row.next().unwrap(), row.next().unwrap());
        columns.entry(table).or_default().push(column);
    }
    columns
}

/// Gives one row of a table another value in one column; false where no value can be had or a constraint forbids it.
fn change(url: &str, table: &str, column: &str) -> bool {
    let column = format!("\"{}\"", column.replace('"', "\"\""));
    let other =
        format!("(select o.{column} from {table} o where o.{column} is distinct from t.{column} limit 1)");
    let by_text = other.replace(
        &format!("o.{column} is distinct from t.{column}"),
        &format!("o.{column}::text <> t.{column}::text"),
    );
    let values =
        [other, by_text, "null".into(), format!("t.{column} + 1000000"), format!("t.{column} || 'x'")];
    values.iter().any(|value| {
        let sql = format!(
            "set search_path = rehearsal, public;
             update {table} t set {column} = {value}
              where (t.tableoid, t.ctid) in (select u.tableoid, u.ctid from {table} u where u.{column} is not null limit 1)
                and ({value})::text is distinct from t.{column}::text returning 1"
        );
        postgres::attempt(url, &sql).is_ok_and(|rows: Rows| rows.len() == 1)
    })
}

#[test]
fn a_changed_value_of_any_type_is_found_and_named() {
    for server in postgres::servers() {
        let base = server.database();
        postgres::rehearse(&base);
        let columns = columns(&base);
        let most = columns.values().map(Vec::len).max().unwrap();
        let mut found = 0;
        for number in 0..most {
            let (address, name) = base.rsplit_once('/').unwrap();
            postgres::execute(server.url(), &format!("create database {name}_{number} template {name}"));
            let copy = format!("{address}/{name}_{number}");
            let mut changed = BTreeMap::new();
            for (table, columns) in &columns {
                if let Some(column) = columns.get(number)
                    && change(&copy, table, column)
                {
                    changed.insert(table.clone(), column.clone());
                }
            }
            let output = against(
                &base,
                &copy,
                &["--schema", "rehearsal", "--schema", "Odd Names", "--portable", "--diff"],
            );
            let differs: Vec<_> = rejected(&output).into_keys().collect();
            assert_eq!(differs, changed.keys().cloned().collect::<Vec<_>>(), "{}", output.stderr);
            for row in output.records().iter().filter(|record| record["change"] == "changed") {
                let table = text(&row["table"]);
                let named = row["columns"].as_array().unwrap();
                // A generated column follows the one that it is made of.
                assert!(named.contains(&Value::from(changed[&table].clone())), "{row} of {changed:?}");
            }
            found += changed.len();
        }
        // Most columns of most tables can be changed: what could not has no second value that its table takes.
        let all: usize = columns.values().map(Vec::len).sum();
        assert!(found * 10 > all * 9, "only {found} of {all} columns were tried");
    }
}

#[test]
fn types_without_a_binary_form_are_text_and_told() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (a aclitem, b int); insert into t values ('drkit=r/drkit', 1)");
    let before = tables(run(&url, &["t"]).assert_code(0))["public.t"].clone();
    assert_eq!(before["text_columns"], serde_json::json!(["a"]));
    postgres::execute(&url, "update t set a = 'drkit=w/drkit'");
    assert_ne!(tables(run(&url, &["t"]).assert_code(0))["public.t"]["hash"], before["hash"]);
}

#[test]
fn generated_columns_are_columns() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (a int, b int generated always as (a * 2) stored)");
    let output = run(&url, &["t"]);
    assert_eq!(tables(output.assert_code(0))["public.t"]["columns"], serde_json::json!(["a", "b"]));
}

#[test]
fn rows_and_columns_can_be_narrowed() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table t as select n, n % 10 as m from generate_series(1, 100) n;
                             create table u as select n, n % 10 as m from generate_series(1, 50) n;
                             create table w (m int)",
    );
    let narrowed = |args: &[&str]| tables(&run(&url, args));
    let half = narrowed(&["t", "u", "--where", "n <= 50 -- the older ones"]);
    assert_eq!(half["public.t"]["hash"], half["public.u"]["hash"]);
    assert_eq!(
        (&half["public.t"]["rows"], &half["public.t"]["where"]),
        (&50.into(), &"n <= 50 -- the older ones".into())
    );
    assert_ne!(narrowed(&["t"])["public.t"]["hash"], half["public.t"]["hash"]);
    let output = run(&url, &["t", "w", "--columns", "n"]);
    assert_eq!(tables(output.assert_code(3))["public.t"]["columns"], serde_json::json!(["n"]));
    assert_eq!(rejected(&output)["public.w"], "no-such-column");
}

#[test]
fn counts_hash_nothing() {
    let url = postgres::database();
    postgres::execute(&url, "create table t as select n from generate_series(1, 100) n");
    let records = run(&url, &["--all", "--counts"]).assert_code(0).records();
    assert_eq!(records, [serde_json::json!({"table": "public.t", "rows": 100})]);
}
