//! A folder of its own for each run, and only the folder of a run.

use std::fs;

use crate::stage::{ALL, Damaged, KEYS, Stage, command};

#[tokio::test]
async fn runs_that_start_in_the_same_second_keep_apart() {
    let (stage, damaged) = (Stage::new(), Damaged::new(&["aa", "bb"]).await);
    // One second for all of them.
    stage.fake("date", "echo 2026-11-20T100000Z");
    let start = |bucket, command: &str| damaged.of(stage.bash(command)).env("BUCKET", bucket).spawn();
    let script = command("rb-n-03-s3-restore.sh", "--yes --delete-newer");
    // The third asks, has no terminal to do so, and writes nothing.
    let asks = command("rb-n-03-s3-restore.sh", "").replace("exec", "exec setsid --wait");
    let runs = [start("aa", &script), start("bb", &script), start("aa", &asks)];
    let [first, second, third] = runs.map(testkit::tool::Running::wait);
    first.assert_code(0);
    second.assert_code(0);
    assert!(matches!(third.code, Some(0 | 2)), "{}", third.text());

    let folders = stage.evidence();
    let second = "2026-11-20T100000Z";
    assert_eq!(
        folders,
        [format!("rb-n-03-aa-{second}"), format!("rb-n-03-aa-{second}-2"), format!("rb-n-03-bb-{second}")]
    );
    for folder in folders {
        let bucket = if folder.contains("-aa-") { "aa" } else { "bb" };
        let plan = stage.records(&format!("evidence/{folder}/plan.jsonl"));
        assert!(folder.ends_with("-2") || folder.contains("-aa-") || plan.len() == KEYS + 1, "{folder}");
        assert!(plan.iter().all(|record| record["bucket"] == bucket), "{folder}: {plan:?}");
    }
    damaged.assert_restored("aa").await;
    damaged.assert_restored("bb").await;
}

#[test]
fn every_runbook_names_its_folder_after_what_it_is_for() {
    for runbook in ALL {
        let stage = Stage::new();
        stage.fake(runbook.first, "exit 1");
        let output = stage.bash(&command(runbook.script, "--yes")).run();
        output.assert_code(1);
        let folders = stage.evidence();
        assert!(folders.len() == 1 && folders[0].starts_with(runbook.target), "{folders:?}");
        assert!(stage.files(&format!("evidence/{}", folders[0])).contains_key("settings"));
        assert!(!output.text().contains("hush"), "{}", output.text());
    }
}

#[test]
fn a_folder_that_is_not_of_a_run_is_left_as_it_is() {
    for runbook in ALL {
        let stage = Stage::new();
        stage.fake(runbook.first, "exit 1");
        fs::create_dir(stage.path("incident")).expect("a folder");
        fs::write(stage.path("incident/plan.jsonl"), "precious").expect("a file");
        let before = stage.files("incident");
        let output = stage.run(runbook.script, "--yes").run();
        output.assert_code(2);
        assert!(output.stderr.contains("not the folder of a run"), "{}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert_eq!(stage.files("incident"), before, "{}", runbook.script);
    }
}

#[test]
fn a_run_that_was_killed_before_its_settings_were_whole_begins_again() {
    for runbook in ALL {
        let stage = Stage::new();
        stage.fake(runbook.first, "exit 1");
        fs::create_dir(stage.path("incident")).expect("a folder");
        for (name, text) in [("lock", ""), ("log", "it began\n"), ("settings.part", "CLUS")] {
            fs::write(stage.path("incident").join(name), text).expect("a file");
        }
        stage.run(runbook.script, "--yes").run().assert_code(1);
        let files = stage.files("incident");
        assert!(files.contains_key("settings") && !files.contains_key("settings.part"), "{files:?}");

        // Beside any other file without settings there was something that nobody knows.
        fs::remove_file(stage.path("incident/settings")).expect("it is there");
        fs::write(stage.path("incident/journal.jsonl"), "").expect("a file");
        let output = stage.run(runbook.script, "--yes").run();
        output.assert_code(2);
        assert!(output.text().contains("and no settings, so it cannot be resumed"), "{}", output.text());
    }
}

#[test]
fn what_comes_after_a_run_takes_no_settings_but_its_own() {
    for (script, settings) in [
        ("rb-n-02-aurora-pitr.sh", "TABLE=t\nRESTORED=r\n"),
        ("rb-n-05-dynamodb.sh", "CLUSTER=c\nRESTORED=r\n"),
        ("rb-n-02-aurora-pitr.sh", "CLUSTER=c\nRESTOR"),
        ("rb-n-05-dynamodb.sh", "TABLE=t\nRESTORED=r\nAT=x\n"),
        ("rb-n-05-dynamodb.sh", "PATH=/nowhere\n"),
    ] {
        for command in ["undo", "retire"] {
            let stage = Stage::new();
            fs::create_dir(stage.path("incident")).expect("a folder");
            fs::write(stage.path("incident/settings"), settings).expect("a file");
            let output = stage.run(script, &format!("{command} --yes")).run();
            output.assert_code(2);
            assert!(output.text().contains("incident/settings is not "), "{}", output.text());
        }
    }
}
