//! RB-N-04, as an operator starts it: from a real PostgreSQL into a real Typesense. Each test has a server of its own,
//! since the aliases have fixed names.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod incident;

use std::fs;

use serde_json::json;
use testkit::cut::Cut;
use testkit::postgres;
use testkit::typesense::{self, KEY};

use crate::incident::{Incident, LANES, SCRIPT, schema, sum};

#[test]
fn reindex_fills_a_new_cluster_and_keeps_the_evidence() {
    let incident = Incident::new();
    let output = incident.run("--yes");
    output.assert_code(0);
    incident.assert_whole();
    let people = incident.target("people").expect("an alias");
    assert!(people.starts_with("people_20"), "{people}");
    assert_eq!(
        incident.typesense.request("GET", &format!("/collections/{people}/synonyms/coats"), "").0,
        200
    );

    // Hot slices came first, in the order of the file, and into the same collection.
    let hot = incident.records("people-hot.jsonl");
    let count = |slice: &str| {
        let sql = format!("select count(*) from search.people_hot('{slice}')");
        postgres::value(&incident.database, &sql).parse::<u64>().expect("a number")
    };
    assert_eq!(sum(&hot, "accepted"), count("london") + count("model"));
    assert_eq!(hot[0]["collection"], people.as_str());
    assert_eq!(sum(&incident.records("people.jsonl"), "accepted"), 120);
    let log = incident.text("log");
    let place = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text} in\n{log}"));
    assert!(place("people-hot: ts-import: read") < place("  people: "), "{log}");
    assert!(place("  work: ts-import: read") < place("4 counts:"), "{log}");
    let counts = incident.records("counts.jsonl");
    assert_eq!(counts[2], json!({"lane":"work","rows":40,"imported":40,"num_documents":40}));

    for entry in fs::read_dir(incident.evidence()).expect("the evidence") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("text");
        assert!(!text.contains(KEY) && !text.contains(postgres::PASSWORD), "{}", path.display());
    }

    // Taken up again with the same evidence, it does nothing twice: not even where it was killed at the very end.
    assert!(incident.run("--yes").assert_code(0).text().contains("all done before"));
    fs::remove_file(incident.evidence().join("finished.jsonl")).expect("it is there");
    let again = incident.run("--yes");
    again.assert_code(0);
    for lane in ["people-hot", "people", "studios", "work"] {
        assert!(again.text().contains(&format!("  {lane}: done before")), "{}", again.text());
    }
    assert_eq!(incident.collections(), 3);
    incident.assert_whole();

    // The way back is in the evidence.
    let undo = incident.tool("cat \"$EVIDENCE\"/swap-*.jsonl | ts-schema swap --undo").run();
    undo.assert_code(0);
    assert_eq!(LANES.map(|lane| incident.target(lane)), [None, None, None]);
}

#[test]
fn reindex_sees_a_source_that_fails_and_leaves_the_aliases() {
    let incident = Incident::of(typesense::another(), 300);
    incident.old();
    // A connection that is lost among the rows of people, when those of the others have come through.
    let cut = Cut::start(&incident.database);
    cut.after(22_000);
    let output = incident.script("--yes --serve-hot").env("DB_URL", cut.url()).run();
    output.assert_code(1);
    assert!(output.text().contains("people: pg-rows ended with exit code 1"), "{}", output.text());
    assert!(output.text().contains("people is an alias already"), "{}", output.text());
    incident.assert_old();
    assert!(!incident.evidence().join("people.jsonl").exists());
    assert!(incident.evidence().join("studios.jsonl").exists(), "one lane does not end the others");

    // A query that fails among its rows.
    let work_all = |at_200: &str| {
        let all = format!(
            "create or replace function search.work_all() returns table (
                id text, title text, person_id text, studio_id text, year int, keywords text[], details jsonb
            ) language sql stable begin atomic
                select w.id::text, w.title || case when w.id = 200 then {at_200} else '' end, w.person::text,
                    w.studio::text, w.year, w.keywords, w.details
                from search.work w order by w.id;
            end;"
        );
        postgres::execute(&incident.database, &all);
    };
    work_all("(1 / (w.id - 200))::text");
    let output = incident.run("--yes");
    output.assert_code(1);
    assert!(
        output.text().contains("work: pg-rows ended with exit code 1, ts-import with 1"),
        "{}",
        output.text()
    );
    for lane in ["people-hot", "studios"] {
        assert!(output.text().contains(&format!("  {lane}: done before")), "{}", output.text());
    }
    assert!(incident.evidence().join("people.jsonl").exists());
    incident.assert_old();
    let some = incident.records("work.jsonl.part");
    assert!((1..200).contains(&sum(&some, "accepted")), "{some:?}");

    // Rows that were imported change, and are imported once more over what there is.
    work_all("''");
    postgres::execute(&incident.database, "update search.work set title = 'Changed' where id = 1");
    let output = incident.run("--yes");
    let told = "are not those that the journal is about";
    assert!(output.assert_code(1).text().contains(told), "{}", output.text());
    incident.assert_old();
    fs::remove_file(incident.evidence().join("work.journal")).expect("a journal");
    incident.run("--yes").assert_code(0);
    incident.assert_whole();
    let swap = &incident.records("swap-work.jsonl")[0]["schema"];
    assert_eq!((&swap["action"], &swap["previous"]), (&json!("swapped"), &json!("work_old")));

    // Killed between a swap and its evidence, it still knows the way back.
    for name in ["finished.jsonl", "swap-work.jsonl"] {
        fs::remove_file(incident.evidence().join(name)).expect("it is there");
    }
    let output = incident.run("--yes");
    assert!(
        output.assert_code(0).text().contains("the way back: ts-schema swap work work_old"),
        "{}",
        output.text()
    );
    assert_eq!(incident.typesense.count("work_old"), 1);
}

#[test]
fn reindex_is_killed_and_taken_up_again() {
    let (incident, holder) = Incident::gated(typesense::another());
    // Ctrl-C among the hot slices, which wait at the gate too for a moment.
    let hot = postgres::value(&incident.database, "select pg_get_functiondef('search.people_hot'::regproc)");
    let waiting = hot.replace("WHERE ", "WHERE search.gate() = '' AND ");
    assert_ne!(hot, waiting);
    postgres::execute(&incident.database, &waiting);
    let output = incident.job(r#"test -e "$EVIDENCE/people-hot.jsonl.part""#, "kill -INT -- -$!");
    output.assert_code(130);
    for told in ["people-hot: pg-rows ended with exit code 130", "the import of the hot slices was stopped"] {
        assert!(output.text().contains(told), "{}", output.text());
    }
    postgres::execute(&incident.database, &hot);

    // Ctrl-C reaches all lanes: those that are done stay done.
    let in_the_middle =
        r#"(cd "$EVIDENCE" && test -e people.jsonl -a -e studios.jsonl -a -s work.jsonl.part)"#;
    let output = incident.job(in_the_middle, "kill -INT -- -$!");
    output.assert_code(130);
    assert!(output.text().contains("was stopped: run again"), "{}", output.text());
    let first = incident.records("work.jsonl.part");
    let left = "select count(*) from pg_stat_activity
        where datname = current_database() and query like '%work_all%' and pid <> pg_backend_pid()";
    assert_eq!(postgres::value(&incident.database, left), "0");
    let part = incident.evidence().join("work.jsonl.part");
    fs::remove_file(&part).expect("what the next run writes anew");
    incident.job(in_the_middle, "kill -KILL -- -$!").assert_code(137);
    assert!(!incident.evidence().join("work.jsonl").exists());
    assert_eq!(LANES.map(|lane| incident.target(lane)), [None, None, None]);

    // Ended by its process id alone, it takes no step after the one that it is at.
    fs::remove_file(&part).expect("what the next run writes anew");
    let running = incident.tool(&format!("exec bash '{SCRIPT}' --yes -- --batch-docs 20")).spawn();
    incident.wait_for_work();
    running.signal("TERM");
    drop(holder);
    let output = running.wait();
    assert!(output.signal == Some(15) && output.text().contains("the script was ended"), "{}", output.text());
    assert_eq!(LANES.map(|lane| incident.target(lane)), [None, None, None]);

    // What is not set is taken from the evidence.
    let rest = incident.script("--yes -- --batch-docs 20").env_remove("SCHEMA").env_remove("HOT");
    rest.run().assert_code(0);
    incident.assert_whole();
    // The batches of the first run were not sent again: their receipts are those of then.
    let receipts = incident.records("work.jsonl");
    let mut repeated = receipts[..first.len()].to_vec();
    for receipt in repeated.iter_mut().filter_map(serde_json::Value::as_object_mut) {
        assert_eq!(receipt.remove("replayed"), Some(json!(true)));
        receipt.remove("checked");
    }
    assert_eq!(repeated, first);
    assert_eq!(sum(&receipts, "accepted"), 300);
    assert_eq!(incident.collections(), 3);
}

#[test]
fn reindex_loses_nothing_with_a_node_that_is_killed_in_the_middle() {
    let (incident, holder) = Incident::gated(typesense::cluster());
    let cluster = &incident.typesense;
    let leader = cluster.leader();
    // The leader first, so that it is in use.
    let mut urls = cluster.urls().to_vec();
    urls.rotate_left(leader);
    let running = incident.script("--yes -- --batch-docs 20").env("TS_NODES", urls.join(",")).spawn();
    incident.wait_for_work();
    cluster.kill(leader);
    drop(holder);
    let output = running.wait();
    output.assert_code(0);
    let log = incident.text("log");
    assert!(log.contains("work: ts-import: ") && log.contains("trying again"), "{log}");
    cluster.start_again(leader);
    incident.assert_whole();
}

#[test]
fn reindex_serves_the_hot_slices_and_stops_at_what_is_refused() {
    let incident = Incident::new();
    let mut strict = schema();
    strict["collections"][1]["fields"][2]["optional"] = json!(false);
    incident.file("collections.json", strict.to_string());
    incident.file("hot.txt", "{\"city\":\"paris\"}\n{\"city\":\"東京\"}\n");
    postgres::execute(&incident.database, "update search.studios set capacity = null where id = 3");
    let run = |args: &str| incident.script(args).env("HOT_FIELD", "city").env("SUFFIX", "_v2").run();
    let output = run("--yes --serve-hot");
    output.assert_code(3);
    assert!(output.text().contains("bad-document"), "{}", output.text());
    assert_eq!(incident.records("studios-rejects.jsonl")[0]["record"]["id"], "3");
    assert_eq!(LANES.map(|lane| incident.target(lane)), [Some("people_v2".to_owned()), None, None]);

    // It is mended, and a row goes that was imported already: that is seen before the aliases are moved.
    postgres::execute(
        &incident.database,
        "update search.studios set capacity = 1 where capacity is null; delete from search.work where id = 7;",
    );
    let output = run("--yes");
    output.assert_code(3);
    assert!(
        output.text().contains("work: 39 rows in the database, 40 imported, 40 documents"),
        "{}",
        output.text()
    );
    assert_eq!(incident.target("studios"), None);
    run("--yes --accept-differences").assert_code(0);
    assert_eq!(LANES.map(|lane| incident.typesense.count(lane)), [120, 10, 40]);
}

#[test]
fn reindex_of_collections_without_aliases_says_so() {
    let incident = Incident::new();
    let run = |args: &str| incident.script(args).env("SUFFIX", "").env_remove("HOT").run();
    // An id comes twice: one of the two is missing, and no answer of --accept-differences hides that.
    postgres::execute(
        &incident.database,
        "create or replace function search.studios_all() returns table (
            id text, name text, city text, capacity int, day_rate numeric
        ) language sql stable begin atomic
            select s.id::text, s.name, s.city, s.capacity, s.day_rate from search.studios s, generate_series(1, 2);
        end;",
    );
    let output = run("--yes --accept-differences");
    assert!(output.assert_code(3).text().contains("documents are missing"), "{}", output.text());
    assert!(output.text().contains("there is no HOT"), "{}", output.text());

    postgres::execute(
        &incident.database,
        "create or replace function search.studios_all() returns table (
            id text, name text, city text, capacity int, day_rate numeric
        ) language sql stable begin atomic
            select s.id::text, s.name, s.city, s.capacity, s.day_rate from search.studios s;
        end;",
    );
    for file in ["studios.jsonl", "studios.journal"] {
        fs::remove_file(incident.evidence().join(file)).expect("it is there");
    }
    let output = run("--yes");
    assert!(output.assert_code(0).text().contains("studios is a collection"), "{}", output.text());
    incident.assert_whole();
    assert_eq!(incident.typesense.get("/aliases")["aliases"], json!([]));
}

#[test]
fn reindex_refuses_wrong_settings_and_asks() {
    let incident = Incident::new();
    assert!(incident.run("--help").assert_code(0).text().contains("Usage:"));
    assert!(incident.run("--nonsense").assert_code(2).stderr.contains("no such option"));
    let output = incident.script("--yes").env("SCHEMA", "").run();
    assert!(output.assert_code(2).stderr.contains("SCHEMA is not set"), "{}", output.stderr);
    let output = incident.script("--yes").env("HOT", "/nowhere").run();
    assert!(output.assert_code(2).stderr.contains("/nowhere cannot be read"), "{}", output.stderr);
    incident.script("--yes").env_remove("TS_NODES").run().assert_code(2);
    fs::remove_dir_all(incident.evidence()).expect("the evidence of that");
    let output = incident.script("--yes").env("PEOPLE", "persons").run();
    assert!(output.assert_code(2).text().contains("has no collection persons"), "{}", output.text());
    fs::remove_dir_all(incident.evidence()).expect("the evidence of that");

    // Apart from the terminal there is none to ask on.
    let output = incident.tool(&format!("exec setsid --wait bash '{SCRIPT}'")).run();
    assert!(output.assert_code(2).text().contains("say --yes"), "{}", output.text());
    assert_eq!(incident.collections(), 0);

    // A run that is taken up is of the same collections, schema and slices.
    let output = incident.script("--yes").env("SUFFIX", "_other").run();
    assert!(output.assert_code(2).text().contains("is of other collections"), "{}", output.text());
    incident.file("hot.txt", "berlin\n");
    let output = incident.run("--yes");
    assert!(output.assert_code(2).text().contains("is not what the run began with"), "{}", output.text());
    incident.file("hot.txt", "london\nmodel\n");

    let output = incident.run("--yes -- --nonsense");
    assert!(output.assert_code(2).text().contains("refused its options"), "{}", output.text());
    postgres::execute(&incident.database, "drop function search.work_all()");
    let output = incident.script("--yes").env("EVIDENCE", incident.folder.path().join("other")).run();
    assert!(output.assert_code(1).text().contains("pg-rows was aborted"), "{}", output.text());
    assert_eq!(incident.collections(), 3, "those of the run before, whose import was refused");
}
