//! Comparison of whole tables: with a baseline, or with another database.

use testkit::postgres;

use crate::{against, pair, rejected, run, tables, text, tool};

const SCHEMA: &str =
    "create table same as select n from generate_series(1, 100) n; create table other as table same;
                      create table less as table same; create table columns (a int, b int)";

fn databases() -> (String, String) {
    let (one, two) = (postgres::database(), postgres::database());
    postgres::execute(
        &one,
        &format!("{SCHEMA}; create table mine (n int); update other set n = 0 where n = 7"),
    );
    let changes = "create table yours (n int); delete from less where n = 7; alter table columns drop b";
    postgres::execute(&two, &format!("{SCHEMA}; {changes}"));
    (one, two)
}

#[test]
fn two_databases_are_compared_at_once() {
    let (one, two) = databases();
    for connections in ["1", "3"] {
        let output = against(&one, &two, &["--all", "--concurrency", connections]);
        let tables = tables(output.assert_code(3));
        assert_eq!(tables.keys().collect::<Vec<_>>(), ["public.same"]);
        assert_eq!(tables["public.same"]["match"], true);
        let expected = [
            pair("public.columns", "columns-differ"),
            pair("public.less", "differs"),
            pair("public.mine", "only-here"),
            pair("public.other", "differs"),
            pair("public.yours", "missing"),
        ];
        assert_eq!(rejected(&output).into_iter().collect::<Vec<_>>(), expected);
    }
    let output = against(&one, &two, &["less"]);
    let reject = &output.assert_code(3).rejects()[0];
    assert_eq!(text(&reject["error"]["message"]), "public.less differs: 100 rows, and 99 in the other copy");
    assert_eq!(
        (&reject["record"]["match"], &reject["record"]["against"]["rows"]),
        (&false.into(), &99.into())
    );
}

#[test]
fn a_baseline_is_compared_later() {
    let (one, two) = databases();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("baseline.jsonl");
    let made = run(&two, &["--all"]);
    std::fs::write(&file, &made.assert_code(0).stdout).unwrap();
    let file = file.to_str().unwrap();

    let mut expected = vec![
        pair("public.columns", "columns-differ"),
        pair("public.less", "differs"),
        pair("public.mine", "only-here"),
        pair("public.other", "differs"),
        pair("public.yours", "missing"),
    ];
    let output = run(&one, &["--all", "--baseline", file]);
    assert_eq!(tables(output.assert_code(3))["public.same"]["match"], true);
    assert_eq!(rejected(&output).into_iter().collect::<Vec<_>>(), expected);

    // Without --all, the baseline says which tables are meant.
    expected.remove(2);
    let output = tool(&one).args(["--baseline", "-"]).stdin(made.stdout.clone()).run();
    assert_eq!(rejected(output.assert_code(3)).into_iter().collect::<Vec<_>>(), expected);

    run(&two, &["--baseline", file]).assert_code(0);
    run(&one, &["same", "--baseline", file]).assert_code(0);
    run(
        &one,
        &[
            "--all",
            "--exclude",
            "public.?????*",
            "--exclude",
            "less",
            "--exclude",
            "mine",
            "--baseline",
            file,
        ],
    )
    .assert_code(0);
    run(&one, &["same", "--counts", "--baseline", file]).assert_code(0);
    run(&one, &["less", "--counts", "--baseline", file]).assert_code(3);
}

#[test]
fn what_was_hashed_otherwise_is_not_compared() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int, m int)");
    for (earlier, kind) in [
        (&["--where", "n > 1"][..], "not-comparable"),
        (&["--portable"], "not-comparable"),
        (&["--counts"], "not-comparable"),
        (&["--columns", "n"], "columns-differ"),
    ] {
        let baseline = tool(&url).arg("t").args(earlier).run();
        let output = tool(&url).args(["--baseline", "-"]).stdin(baseline.stdout).run();
        assert_eq!(rejected(output.assert_code(3))["public.t"], kind, "{earlier:?}");
    }
    let other = r#"{"table":"public.t","rows":0,"hash":"0","algorithm":"md5","columns":["m","n"]}"#;
    let output = tool(&url).args(["--baseline", "-"]).stdin(other).run();
    assert_eq!(rejected(output.assert_code(3))["public.t"], "not-comparable");
}

#[test]
fn a_baseline_is_whole_or_none() {
    let url = postgres::database();
    postgres::execute(&url, "create table t (n int)");
    let record = run(&url, &["t"]).text().to_owned();
    for (wrong, says) in [
        (record.clone() + "{\"table\":\"pub", "not valid JSON"),
        (record.clone() + "{\"rows\":1}", "missing field"),
        (record.repeat(2), "twice"),
    ] {
        let output = tool(&url).args(["--baseline", "-"]).stdin(wrong).run();
        assert!(output.assert_code(1).stderr.contains(says), "{}", output.stderr);
        assert!(output.stdout.is_empty());
    }
    run(&url, &["--baseline", "/no/such/file"]).assert_code(2);
}
