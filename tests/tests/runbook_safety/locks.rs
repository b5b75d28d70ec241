//! A run has its folder for itself.

use crate::stage::{ALL, Damaged, KEYS, Stage};

#[test]
fn a_second_run_in_the_same_folder_is_refused_and_touches_nothing() {
    for runbook in ALL {
        let stage = Stage::new();
        stage.gated(runbook.first, "exit 1");
        let first = stage.run(runbook.script, "--yes").spawn();
        let gate = stage.waiting();
        // The log is written by another process, which may not have come to the last line yet.
        let files = || {
            let mut files = stage.files("incident");
            let log = files.remove("log").unwrap_or_default();
            assert!(!String::from_utf8_lossy(&log).contains("in use"), "{}", stage.text("incident/log"));
            files
        };
        let before = files();
        assert!(before.contains_key("settings"), "{before:?}");
        let second = stage.run(runbook.script, "--yes").run();
        second.assert_code(2);
        let folder = format!("{} is in use by process ", stage.path("incident").display());
        assert!(second.stderr.contains(&folder), "{}", second.stderr);
        assert_eq!((second.stderr.lines().count(), second.text()), (1, ""), "{}", second.stderr);
        assert_eq!(files(), before, "{}", runbook.script);
        if ["rb-n-02-aurora-pitr.sh", "rb-n-05-dynamodb.sh"].contains(&runbook.script) {
            for command in ["undo --yes", "retire --yes"] {
                stage.run(runbook.script, command).run().assert_code(2);
            }
            assert_eq!(files(), before, "{}", runbook.script);
        }
        drop(gate);
        first.wait().assert_code(1);
        // The next one has it.
        stage.fake(runbook.first, "exit 1");
        stage.run(runbook.script, "--yes").run().assert_code(1);
    }
}

#[tokio::test]
async fn a_tool_that_outlives_its_script_keeps_the_folder_until_it_has_ended() {
    let (stage, damaged) = (Stage::new(), Damaged::new(&["photos"]).await);
    stage.gated("s3-restore", "");
    let gate = stage.path("gate");
    let script = format!(
        "case $* in *--dry-run*) ;; *) read -r _ <'{}' ;; esac
        PATH=${{PATH#*:}} exec s3-restore \"$@\"",
        gate.display()
    );
    stage.fake("s3-restore", &script);
    let run = || damaged.of(stage.run("rb-n-03-s3-restore.sh", "--yes --delete-newer"));
    let first = run().spawn();
    let gate = stage.waiting();
    let records = stage.records("incident/dry-run.jsonl").len();
    first.signal("KILL");
    let second = run().run();
    second.assert_code(2);
    assert!(second.stderr.contains("is in use by process "), "{}", second.stderr);
    drop(gate);
    let first = first.wait();
    assert_eq!((first.signal, records), (Some(9), KEYS + 1), "{}", first.text());
    assert!(first.text().contains("the script was ended: run again with EVIDENCE="), "{}", first.text());
    assert_eq!(stage.records("incident/restore.jsonl.part").len(), KEYS + 1, "what it did is written");

    stage.real("s3-restore");
    run().run().assert_code(0);
    assert_eq!(stage.records("incident/restore.jsonl").len(), KEYS + 1);
    damaged.assert_restored("photos").await;
}

#[test]
fn what_a_command_of_the_operator_leaves_running_does_not_keep_the_folder() {
    let stage = Stage::new();
    stage.fake("stripe-events", "exit 1");
    let run = |command: &str| {
        stage.run("rb-n-06-stripe-replay.sh", "--yes").env_remove("LAST").env("LAST_COMMAND", command).run()
    };
    run("sleep 300 >/dev/null 2>&1 & echo $! >pid; echo evt_1").assert_code(1);
    let again = run("false");
    stage.bash("kill $(cat pid)").run().assert_code(0);
    again.assert_code(1);
}

#[test]
fn a_machine_without_flock_is_told_what_to_install() {
    for runbook in ALL {
        let stage = Stage::new();
        // A PATH of few commands.
        let script =
            "mkdir few; for name in bash dirname readlink; do ln -s \"$(command -v $name)\" few/; done";
        let command = crate::stage::command(runbook.script, "--yes");
        let output = stage.bash(&format!("{script}; PATH=$PWD/few; {command}")).run();
        output.assert_code(1);
        assert!(output.stderr.contains("no flock on PATH: install util-linux"), "{}", output.stderr);
    }
}
