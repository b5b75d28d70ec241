//! What a hash does not depend on.

use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testkit::postgres::{self, Session};

use crate::{against, hashes, run};

/// Settings that change how values are written or found, each with values that a server takes.
const SETTINGS: [(&str, &[&str]); 21] = [
    ("array_nulls", &["on", "off"]),
    ("bytea_output", &["hex", "escape"]),
    ("client_encoding", &["LATIN1", "UTF8"]),
    ("datestyle", &["German", "SQL, DMY", "ISO, MDY"]),
    ("default_transaction_isolation", &["serializable", "read committed"]),
    ("enable_indexonlyscan", &["on", "off"]),
    ("enable_seqscan", &["on", "off"]),
    ("enable_tidscan", &["on", "off"]),
    ("extra_float_digits", &["-15", "0", "3"]),
    ("idle_in_transaction_session_timeout", &["50ms"]),
    ("intervalstyle", &["postgres_verbose", "sql_standard"]),
    ("jit_above_cost", &["0"]),
    ("max_parallel_workers_per_gather", &["0", "4"]),
    ("min_parallel_table_scan_size", &["0"]),
    ("quote_all_identifiers", &["on", "off"]),
    ("row_security", &["on", "off"]),
    ("search_path", &["rehearsal", "public, rehearsal", "\"\""]),
    ("standard_conforming_strings", &["off", "on"]),
    ("statement_timeout", &["500ms", "0"]),
    ("synchronize_seqscans", &["on", "off"]),
    ("timezone", &["Asia/Kathmandu", "America/St_Johns"]),
];

fn choice() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let one = prop::sample::select(SETTINGS.to_vec())
        .prop_flat_map(|(name, values)| (Just(name), prop::sample::select(values.to_vec())));
    prop::collection::vec(one, 1..8)
}

#[test]
fn no_setting_of_a_database_makes_equal_data_differ() {
    for server in postgres::servers() {
        let base = server.database();
        postgres::rehearse(&base);
        let expected = hashes(run(&base, &["--all"]).assert_code(0));
        assert!(expected.len() > 30, "{expected:?}");
        let name = base.rsplit_once('/').unwrap().1.to_owned();
        let mut runner = TestRunner::new(Config { cases: 12, ..Config::default() });
        let result = runner.run(&(choice(), 1usize..4), |(settings, connections)| {
            postgres::execute(server.url(), &format!("alter database {name} reset all"));
            for (setting, value) in settings {
                let value = if value.contains(',') || value.starts_with('"') {
                    value.to_owned()
                } else {
                    format!("'{value}'")
                };
                // What a version does not take is no case.
                let set = postgres::attempt(
                    server.url(),
                    &format!("alter database {name} set {setting} = {value}"),
                );
                prop_assume!(set.is_ok());
            }
            let output = run(&base, &["--all", "--concurrency", &connections.to_string()]);
            prop_assert_eq!(output.code, Some(0), "{}", output.stderr);
            prop_assert_eq!(hashes(&output), expected.clone());
            Ok(())
        });
        result.unwrap();
    }
}

#[test]
fn neither_order_nor_layout_nor_the_split_of_the_work_shows() {
    let (one, two) = (postgres::database(), postgres::database());
    let rows = "select n, md5(n::text) as t, n / 7.0 as d from generate_series(1, 30000) n";
    postgres::execute(&one, &format!("create table t (n int, t text, d numeric); insert into t {rows}"));
    postgres::execute(
        &two,
        &format!(
            "create table t (gone text, d numeric, t text) partition by hash (t);
             create table t_0 partition of t for values with (modulus 3, remainder 0);
             create table t_1 (t text, n int, d numeric, other int);
             alter table t add n int; alter table t drop gone; alter table t_1 drop other;
             alter table t attach partition t_1 for values with (modulus 3, remainder 1);
             create table t_2 partition of t for values with (modulus 3, remainder 2) with (fillfactor = 20);
             insert into t (n, t, d) {rows} order by t; delete from t where n % 2 = 0;
             insert into t (n, t, d) select * from ({rows}) r where n % 2 = 0; create index on t (n)"
        ),
    );
    let expected = hashes(run(&one, &["t", "--concurrency", "1"]).assert_code(0));
    for connections in ["1", "2", "5"] {
        assert_eq!(hashes(run(&two, &["t", "--concurrency", connections]).assert_code(0)), expected);
    }
    against(&one, &two, &["--all"]).assert_code(0);
}

#[test]
fn a_table_of_many_pieces_has_the_hash_of_the_whole() {
    let url = postgres::database();
    // Some 80 MiB, so that it is cut into pieces; a page holds one row.
    postgres::execute(
        &url,
        "create table t (n int, filler text) with (fillfactor = 10); alter table t alter filler set storage plain;
         insert into t select n, repeat('x', 1000) from generate_series(1, 10000) n; delete from t where n % 3 = 0",
    );
    let expected = hashes(run(&url, &["t", "--concurrency", "1"]).assert_code(0));
    for connections in ["2", "3"] {
        let output = run(&url, &["t", "--concurrency", connections]);
        assert_eq!(hashes(output.assert_code(0)), expected);
        assert_eq!(output.records()[0]["rows"], 6667);
    }
}

#[test]
fn what_happens_after_the_snapshot_is_not_seen() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table a as select n from generate_series(1, 20000) n; create table b as table a",
    );
    let expected = hashes(run(&url, &["--all"]).assert_code(0));
    let running =
        crate::tool(&url).args(["--all", "--concurrency", "2", "--rows-per-second", "20000"]).spawn();
    crate::faults::until_reading(&url, "public.a");
    postgres::execute(&url, "insert into a values (0); update b set n = n + 1; delete from a where n > 10");
    let mut running = running;
    running.close_stdin();
    assert_eq!(hashes(running.wait().assert_code(0)), expected);
}

#[test]
fn all_connections_see_the_same_instant() {
    let url = postgres::database();
    postgres::execute(
        &url,
        "create table a as select n from generate_series(1, 5000) n; create table b as table a",
    );
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Rows go from one table to the other, and never are in both or in none.
        scope.spawn(|| {
            let session = Session::open(&url).unwrap();
            // Not for ever, where the test fails before it says that it is over.
            for _ in (0..200_000).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                let moved = "with moved as (delete from a where ctid = (select min(ctid) from a) returning n)
                             insert into b select n from moved";
                session.query(moved).unwrap();
            }
        });
        let totals: Vec<u64> = (0..8)
            .map(|_| {
                let tables = crate::tables(&run(&url, &["--all", "--concurrency", "2"]));
                tables.values().filter_map(|table| table["rows"].as_u64()).sum()
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(totals, [10_000; 8]);
    });
}

#[test]
fn a_logical_copy_with_other_object_ids_is_equal_where_asked_for() {
    let (one, two) = (postgres::database(), postgres::database());
    let made = "create type mood as enum ('ok', 'bad'); create type pair as (m mood, ms mood[]);
                create type moods as range (subtype = mood);
                create table t (a mood[], b pair, c pair[], d moods, e regclass);
                insert into t values ('{ok,bad}', '(ok,{bad})', array['(bad,\"{ok,bad}\")'::pair], '[ok,bad]', 't'); insert into t default values";
    postgres::execute(&one, made);
    postgres::execute(&two, &format!("create type other as enum ('x'); {made}"));
    against(&one, &two, &["t"]).assert_code(3);
    against(&one, &two, &["t", "--portable"]).assert_code(0);
    postgres::execute(&two, "update t set c = array['(bad,\"{bad,bad}\")'::pair] where c is not null");
    against(&one, &two, &["t", "--portable"]).assert_code(3);
}
