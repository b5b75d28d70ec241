//! What a row looks like.

use common::Record;
use testkit::postgres;

use crate::{lines, run, tool};

/// Every table, view and filled materialized view that the rehearsal has.
const RELATIONS: &str = "select format('%I.%I', nspname, relname)
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname in ('rehearsal', 'Odd Names', 'search') and relkind in ('r', 'p', 'v', 'm') and relispopulated";

#[test]
fn every_value_is_what_the_server_itself_makes_of_it() {
    for server in postgres::servers() {
        let url = server.database();
        postgres::rehearse(&url);
        let relations = postgres::query(&url, RELATIONS);
        assert!(relations.len() > 40, "{}", relations.len());
        for relation in relations.iter().flatten().flatten() {
            let expected = postgres::query(&url, &format!("select row_to_json(t.*) from {relation} t"));
            let mut expected: Vec<_> =
                expected.into_iter().flatten().flatten().map(|row| row.replace('\n', " ")).collect();
            let output = run(&url, &format!("table {relation}"), &[]);
            let mut found = lines(&output);
            for row in &found {
                Record::parse((*row).to_owned()).unwrap_or_else(|why| panic!("{relation}: {why}: {row}"));
            }
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "{relation}");
        }
    }
}

#[test]
fn numbers_keep_every_digit() {
    let url = postgres::database();
    let query = "select 1.10 as a, 123456789012345678901234567890.0 as b, 9223372036854775807 as c, 1e-20::numeric as d,
        0.1::float8 + 0.2 as e, 'NaN'::numeric as f, '[1.10,2]'::json as g";
    let expected = r#"{"a":1.10,"b":123456789012345678901234567890.0,"c":9223372036854775807,"d":0.00000000000000000001,"e":0.30000000000000004,"f":"NaN","g":[1.10,2]}"#;
    assert_eq!(lines(&run(&url, query, &[])), [expected]);
    let name = url.rsplit('/').next().unwrap_or_default();
    postgres::execute(&url, &format!("alter database {name} set extra_float_digits = 0"));
    assert_eq!(postgres::value(&url, "select 0.1::float8 + 0.2"), "0.3");
    assert_eq!(lines(&run(&url, query, &[])), [expected]);
}

#[test]
fn a_row_is_one_line_whatever_is_in_it() {
    let url = postgres::database();
    let query = r#"select E'{"a":\n\n 1}'::json as j, E'a\nb\r\\n' as t, null as n"#;
    assert_eq!(lines(&run(&url, query, &[])), [r#"{"j":{"a":   1},"t":"a\nb\r\\n","n":null}"#]);
}

#[test]
fn whatever_stands_in_parentheses_is_a_query() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int); insert into t values (2), (1)");
    for (query, expected) in [
        ("table t order by n", vec![r#"{"n":1}"#, r#"{"n":2}"#]),
        (
            "values (1, 'a'), (2, 'b')",
            vec![r#"{"column1":1,"column2":"a"}"#, r#"{"column1":2,"column2":"b"}"#],
        ),
        (
            "with w as (select n from t) select n * 2 as n from w order by 1 desc",
            vec![r#"{"n":4}"#, r#"{"n":2}"#],
        ),
        ("select 7 as pg_rows, row(1, 2) as r", vec![r#"{"pg_rows":7,"r":{"f1":1,"f2":2}}"#]),
        (" select 1 as n ; \n;\n", vec![r#"{"n":1}"#]),
        ("select 1 as n -- the end", vec![r#"{"n":1}"#]),
        ("select n from t where n > 5", vec![]),
        ("select from t limit 1", vec!["{}"]),
    ] {
        assert_eq!(lines(&run(&url, query, &[])), expected, "{query}");
    }
}

#[test]
fn a_query_comes_from_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("query.sql");
    std::fs::write(&file, "-- all of them\nselect $1::int as n;\n").unwrap();
    let url = postgres::database();
    let output = tool(&url).arg("--query-file").arg(&file).args(["--param", "3"]).run();
    assert_eq!(lines(&output), [r#"{"n":3}"#]);
}

#[test]
fn text_in_no_encoding_is_told_and_not_written() {
    let url = postgres::database();
    let ascii = "create database ascii encoding 'SQL_ASCII' locale 'C' template template0";
    postgres::execute(&url, ascii);
    let (server, _) = url.rsplit_once('/').unwrap();
    let query = "select n, case n when 2 then convert_from('\\xff', 'SQL_ASCII') end as t from generate_series(1, 3) n";
    let output = run(&format!("{server}/ascii"), query, &[]);
    assert!(output.assert_code(1).stderr.contains("after 1 rows: ERROR 22021"), "{}", output.stderr);
    assert_eq!(output.text(), "{\"n\":1,\"t\":null}\n");
}
