//! `--journal` where nobody is killed: what is repeated, what is refused, what a full disk costs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::moto;
use testkit::tool::Tool;

use crate::bench::{
    content, label, overwrite, parameter, put, rejected, secret, stages, swap, tool, value, versions,
};

const DB: &str = r#"{"host":"old","port":5432}"#;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let journal = folder.path().join("journal");
    (folder, journal)
}

fn journaled(journal: &Path, args: &[&str]) -> Tool {
    tool(args).arg("--journal").arg(journal)
}

#[tokio::test]
async fn a_result_that_holds_is_repeated_and_marked() {
    let (_folder, journal) = place();
    let name = secret(DB).await;
    let run = || journaled(&journal, &["--secret", &name, "--pointer", "/host", "--value", "new"]).run();
    let first = swap(&run());
    let again = run();
    let mut expected = first.clone();
    expected["replayed"] = json!(true);
    assert_eq!((swap(&again), versions(&name).await), (expected, 2));
    assert_eq!(swap(&tool(&["--undo"]).stdin(again.stdout).run())["action"], "undone");

    let (_folder, journal) = place();
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    let run = || journaled(&journal, &["--ssm", &name, "--label", "live", "--value", "new"]).run();
    let mut expected = swap(&run());
    // Nobody reads that by the label.
    put(&name, "not yet released").await;
    expected["replayed"] = json!(true);
    assert_eq!((swap(&run()), value(&name).await.0), (expected, 3));

    let (_folder, journal) = place();
    let run = || journaled(&journal, &["--ssm", &name, "--value", "not yet released"]).run();
    let actions = [swap(&run()), swap(&run())];
    assert_eq!(actions.each_ref().map(|swap| &swap["action"]), ["already", "already"]);
    assert_eq!(actions.each_ref().map(|swap| &swap["replayed"]), [&Value::Null, &json!(true)]);
}

#[tokio::test]
async fn a_result_that_does_not_hold_any_more_is_a_reject() {
    let (_folder, journal) = place();
    let name = secret(DB).await;
    let run = || journaled(&journal, &["--secret", &name, "--pointer", "/host", "--value", "new"]).run();
    let first = run();
    let made = swap(&first)["version_id"].as_str().unwrap().to_owned();
    tool(&["--undo"]).stdin(first.stdout).run().assert_code(0);
    let (kind, message) = rejected(&run());
    assert_eq!(kind, "superseded");
    for part in [made, stages(&name).await["AWSCURRENT"].clone(), "another --journal".into()] {
        assert!(message.contains(&part), "{part}: {message}");
    }
    assert_eq!(content(&name, "AWSCURRENT").await, DB);
    overwrite(&name, "theirs").await;
    assert_eq!(rejected(&run()).0, "superseded");

    let (_folder, journal) = place();
    let name = parameter("old").await;
    let run = || journaled(&journal, &["--ssm", &name, "--value", "new"]).run();
    swap(&run());
    put(&name, "theirs").await;
    let (kind, message) = rejected(&run());
    assert_eq!(kind, "superseded");
    assert!(message.contains("version 3") && message.contains("not 2"), "{message}");
    assert_eq!(value(&name).await, (3, "theirs".into()));
}

#[tokio::test]
async fn one_journal_is_of_one_value() {
    let (_folder, journal) = place();
    let name = secret(DB).await;
    let run =
        |value: &str| journaled(&journal, &["--secret", &name, "--pointer", "/host", "--value", value]).run();
    swap(&run("new"));
    assert_eq!(rejected(&run("newer")).0, "second-value");
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "new"));
    let (_folder, journal) = place();
    let name = parameter("old").await;
    let run = |value: &str| journaled(&journal, &["--ssm", &name, "--value", value]).run();
    swap(&run("new"));
    assert_eq!(rejected(&run("newer")).0, "second-value");
    assert_eq!(value(&name).await.0, 2);
}

#[tokio::test]
async fn each_record_has_a_result_of_its_own() {
    let (_folder, journal) = place();
    let name = parameter("old").await;
    let input = "{\"table\":\"a\",\"n\":1.10}\nno record\n{\"table\":\"b\"}\n{\"table\":\"a\",\"n\":2}\n";
    let run = || journaled(&journal, &["--ssm", &name, "--value-from", "table"]).stdin(input).run();
    let shown = |records: &[Value]| -> Vec<_> {
        records.iter().map(|record| (record["n"].clone(), record["swap"]["action"].clone())).collect()
    };
    let (first, again) = (run(), run());
    assert_eq!(
        shown(&first.assert_code(3).records()),
        [(json!(1.10), json!("swapped")), (json!(2), json!("already"))]
    );
    assert_eq!(shown(&again.assert_code(3).records()), shown(&first.records()));
    assert!(again.records().iter().all(|record| record["swap"]["replayed"] == true), "{}", again.text());
    assert!(again.text().starts_with("{\"table\":\"a\",\"n\":1.10,\"swap\":"), "{}", again.text());
}

#[tokio::test]
async fn an_undo_is_repeated_from_its_own_journal() {
    let (folder, journal) = place();
    let undoing = folder.path().join("undo");
    let name = secret(DB).await;
    let log = journaled(&journal, &["--secret", &name, "--value", "new"]).run().stdout;
    let output = journaled(&journal, &["--undo"]).stdin(log.clone()).run();
    assert!(output.assert_code(2).stderr.contains("--undo"), "{}", output.stderr);
    let run = || journaled(&undoing, &["--undo"]).stdin(log.clone()).run();
    let mut expected = swap(&run());
    assert_eq!(expected["action"], "undone");
    expected["replayed"] = json!(true);
    assert_eq!(swap(&run()), expected);
    tool(&["--secret", &name, "--value", "newer"]).run().assert_code(0);
    assert_eq!(rejected(&run()).0, "superseded");
    assert_eq!(content(&name, "AWSCURRENT").await, "newer");
}

#[tokio::test]
async fn a_rehearsal_makes_no_file() {
    let (_folder, journal) = place();
    let name = secret(DB).await;
    let done = swap(&journaled(&journal, &["-n", "--secret", &name, "--value", "new"]).run());
    assert_eq!((done["action"].as_str(), journal.exists()), (Some("swapped"), false));
    let record = "{\"endpoint\":\"new\",\"dry_run\":true}";
    let run = || journaled(&journal, &["--secret", &name, "--value-from", "endpoint"]);
    assert_eq!(swap(&run().stdin(record).run())["dry_run"], true);
    // What a stage before rehearsed is not taken for done by the real run.
    assert_eq!(swap(&run().stdin("{\"endpoint\":\"new\"}").run())["action"], "swapped");
    assert_eq!(content(&name, "AWSCURRENT").await, "new");
}

#[tokio::test]
async fn only_the_journal_of_this_run_is_used() {
    let (folder, journal) = place();
    let name = parameter("old").await;
    let refused = |path: &Path, args: &[&str], part: &str| {
        // A device would be read for ever.
        let content = || path.is_file().then(|| fs::read(path).unwrap());
        let before = content();
        for more in [&[][..], &["-n"]] {
            let output = journaled(path, args).args(more).run();
            assert_eq!((output.code, output.stdout.len()), (Some(2), 0), "{part}: {}", output.stderr);
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
        assert_eq!(content(), before, "{part}");
    };
    let args = ["--ssm", &name, "--value", "old"];
    let precious = folder.path().join("precious.json");
    fs::write(&precious, "{\"customers\":[1]}").unwrap();
    refused(&precious, &args, "is no journal");
    refused(Path::new("/dev/full"), &args, "no regular file");
    let file = precious.to_str().unwrap();
    refused(&precious, &["--ssm", &name, "--value-file", file], "is no journal");

    swap(&journaled(&journal, &args).run());
    for (args, part) in [
        (&["--ssm", "/other", "--value", "old"][..], "--ssm"),
        (&["--secret", &name, "--value", "old"], "--secret"),
        (&["--ssm", &name, "--value", "old", "--pointer", "/a"], "--pointer"),
        (&["--ssm", &name, "--value", "old", "--label", "live"], "--label"),
        (&["--ssm", &name, "--value-from", "table"], "--value-from"),
        (&["--ssm", &name, "--value", "old", "--region", "eu-west-1"], "region"),
        (&["--ssm", &name, "--value", "old", "--endpoint-url", "http://127.0.0.1:1"], "endpoint"),
    ] {
        refused(&journal, args, part);
    }
    // How a value is given, checked and expected is not part of what a journal is about.
    let args =
        ["--ssm", &name, "--value-env", "NEW", "--expect", "old", "--check", "true", "--timeout", "9s"];
    assert_eq!(swap(&journaled(&journal, &args).env("NEW", "old").run())["replayed"], true);
}

#[tokio::test]
async fn a_full_disk_after_the_swap_costs_no_way_back() {
    const ROOM: usize = 4096;
    let (folder, journal) = place();
    let name = secret(DB).await;
    let old = stages(&name).await["AWSCURRENT"].clone();
    let run = |journal: &Path, value: &str| {
        journaled(journal, &["--secret", &name, "--pointer", "/host", "--value", value]).run()
    };
    swap(&run(&journal, "first"));
    let lines = fs::read_to_string(&journal).unwrap();
    let lengths: Vec<_> = lines.split_inclusive('\n').map(str::len).collect();
    let [header, intent, _result] = lengths[..] else { panic!("{lines}") };
    overwrite(&name, DB).await;
    let before = stages(&name).await["AWSCURRENT"].clone();
    assert_ne!(before, old);

    // As much room as the intent needs, and a few bytes: behind a line that is nobody's.
    let full = folder.path().join("full");
    let filler = "x".repeat(ROOM - header - intent - 50);
    fs::write(&full, format!("{}{filler}\n", &lines[..header])).unwrap();
    let script = format!(
        "trap '' XFSZ; ulimit -f {}; exec conf-swap --secret {name} --pointer /host --value new --journal {}",
        ROOM / 1024,
        full.display()
    );
    let output = Tool::bash(&script).endpoint(moto::endpoint()).run();
    output.assert_code(1);
    assert!(output.stderr.contains("cannot write the journal"), "{}", output.stderr);
    let done = &output.records()[0]["swap"];
    assert_eq!((&done["action"], &done["previous_version_id"]), (&json!("swapped"), &json!(before)));
    assert_eq!(done["version_id"], stages(&name).await["AWSCURRENT"].as_str());

    let mut again = swap(&run(&full, "new"));
    again["time"] = done["time"].clone();
    assert_eq!(again, *done);

    // Without room for the intent nothing is begun.
    let (now, filler) = (stages(&name).await, "x".repeat(ROOM - header - 10));
    fs::write(&full, format!("{}{filler}\n", &lines[..header])).unwrap();
    let output = Tool::bash(&script.replace("--value new", "--value newer")).endpoint(moto::endpoint()).run();
    output.assert_code(1);
    assert!(
        output.stdout.is_empty() && output.stderr.contains("cannot write the journal"),
        "{}",
        output.stderr
    );
    assert_eq!((stages(&name).await, versions(&name).await), (now, 4));
}
