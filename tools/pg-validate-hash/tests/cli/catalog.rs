//! `--catalog`: what a copy must have besides rows.

use std::collections::BTreeMap;

use serde_json::Value;
use testkit::postgres;
use testkit::tool::Output;

use crate::{against, pair, rejected, run, text, tool};

fn objects(output: &Output) -> BTreeMap<String, Value> {
    let records = output.records().into_iter().filter(|record| record["catalog"].is_string());
    records
        .map(|record| (format!("{} {}", text(&record["catalog"]), text(&record["name"])), record))
        .collect()
}

const SCHEMA: &str = "create table t (id int generated always as identity primary key, v text default 'x');
                      create index by_v on t (v); alter table t add constraint short check (length(v) < 9) not valid;
                      create sequence s; create sequence unused; select setval('s', 9223372036854775807)";

#[test]
fn each_object_is_a_record() {
    for server in postgres::servers() {
        let url = server.database();
        postgres::execute(&url, SCHEMA);
        let output = run(&url, &["--all", "--catalog"]);
        let objects = objects(output.assert_code(0));
        assert_eq!(objects["constraint public.t.short"]["validated"], false);
        assert_eq!(objects["index public.by_v"]["valid"], true);
        assert_eq!(objects["sequence public.s"]["last_value"], 9_223_372_036_854_775_807_i64);
        assert_eq!(objects["sequence public.unused"]["last_value"], Value::Null);
        assert_eq!(objects["table public.t"]["columns"][1]["default"], "'x'::text");
        assert!(objects["extension plpgsql"]["version"].is_string());
        assert!(output.text().lines().all(|line| !line.contains("\" : ")), "{}", output.text());
    }
}

#[test]
fn objects_are_compared() {
    let (one, two) = (postgres::database(), postgres::database());
    for url in [&one, &two] {
        postgres::execute(url, SCHEMA);
    }
    against(&one, &two, &["--all", "--catalog"]).assert_code(0);
    let baseline = run(&two, &["--all", "--catalog"]);
    postgres::execute(
        &one,
        "drop index by_v; create sequence mine; alter table t validate constraint short;
                             select setval('s', 5)",
    );
    let expected = [
        pair("public.by_v", "missing"),
        pair("public.mine", "only-here"),
        pair("public.s", "differs"),
        pair("public.t.short", "differs"),
    ];
    let output = against(&one, &two, &["--all", "--catalog"]);
    assert_eq!(rejected(output.assert_code(3)).into_iter().collect::<Vec<_>>(), expected);
    assert_eq!(objects(&output)["sequence public.unused"]["match"], true);
    for earlier in [baseline.stdout.clone(), against(&two, &two, &["--all", "--catalog"]).stdout] {
        let output = tool(&one).args(["--all", "--catalog", "--baseline", "-"]).stdin(earlier).run();
        assert_eq!(rejected(output.assert_code(3)).into_iter().collect::<Vec<_>>(), expected);
    }
}
