//! What a run that a signal ended leaves frozen, and the way back from there.

use testkit::rds::Stage;
use testkit::tool::{Output, Running};

use crate::incident::{Incident, SCRIPT};

/// A run that waits for a restore which does not come to its end. Writes are frozen by then.
async fn waits(incident: &Incident, script: &str) -> (Running, Vec<Stage>) {
    let stages = std::mem::replace(&mut incident.rds.state().restore_stages, vec![Stage::after(1000)]);
    let running = incident.tool(script).spawn();
    let until = "until grep -q 'the restore was started' \"$EVIDENCE/log\" 2>/dev/null; do sleep 0.1; done";
    incident.tool(until).run().assert_code(0);
    assert_eq!(incident.readonly().await.0, "true");
    (running, stages)
}

#[track_caller]
fn assert_told(incident: &Incident, output: &Output, words: &[&str]) {
    let log = std::fs::read_to_string(incident.evidence().join("log")).expect("a log");
    for words in words {
        assert!(output.text().contains(words), "no {words:?}: {}{}", output.text(), output.stderr);
        assert!(log.contains(words), "no {words:?} in the log: {log}");
    }
}

/// The command behind these words.
fn command<'a>(output: &'a Output, words: &str) -> &'a str {
    let line = output.text().lines().find(|line| line.contains(words)).expect("a line");
    &line[line.find("EVIDENCE=").expect("a command")..]
}

#[tokio::test]
async fn aurora_that_is_ended_says_that_writes_are_frozen_and_the_way_back() {
    for (signal, number) in [("TERM", 15), ("HUP", 1)] {
        let incident = Incident::new().await;
        let (running, _) = waits(&incident, &format!("exec bash '{SCRIPT}' --yes")).await;
        running.signal(signal);
        let output = running.wait();
        assert_eq!(output.signal, Some(number), "{}", output.text());
        let frozen = format!("WRITES ARE FROZEN: {} is true", incident.parameter());
        let told = ["rds-restore: warning: stopping", "rds-restore was stopped", &frozen, "to resume:"];
        assert_told(&incident, &output, &told);
        assert_eq!(incident.readonly().await.0, "true");

        let undo = command(&output, "to unfreeze them and give this run up: ");
        incident.tool(&format!("{undo} --yes")).run().assert_code(0);
        assert_eq!(incident.readonly().await.0, "false");
    }
}

#[tokio::test]
async fn aurora_whose_group_is_ended_is_resumed_as_it_says() {
    let incident = Incident::new().await;
    let job = format!("set -m; (echo $BASHPID >\"$EVIDENCE.pid\"; exec bash '{SCRIPT}' --yes) & wait $!");
    let (running, stages) = waits(&incident, &job).await;
    incident.tool("kill -TERM -- -$(cat \"$EVIDENCE.pid\")").run().assert_code(0);
    let output = running.wait();
    output.assert_code(143);
    assert_told(
        &incident,
        &output,
        &["rds-restore: warning: stopping", "WRITES ARE FROZEN", "ended by SIGTERM"],
    );
    if let Some(cluster) = incident.rds.state().cluster_mut("app-restore-1120") {
        cluster.stages = stages.into();
    }
    let lines = output.text().lines().skip_while(|line| !line.contains("to resume:"));
    let line = lines.skip(1).find_map(|line| line.split_once(":   ")).expect("a line to resume with").1;
    let bare = ["CLUSTER", "RESTORED", "AT", "READONLY_PARAMETER", "SECRET", "EVIDENCE"];
    bare.iter().fold(incident.tool(line), |tool, name| tool.env_remove(name)).run().assert_code(0);
    assert_eq!(incident.readonly().await, ("false".into(), 3));
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 1);
}

#[tokio::test]
async fn aurora_that_is_killed_says_that_writes_are_frozen() {
    let incident = Incident::new().await;
    let (running, stages) = waits(&incident, &format!("exec bash '{SCRIPT}' --yes")).await;
    running.signal("KILL");
    // The tool lives on and comes to its end.
    if let Some(cluster) = incident.rds.state().cluster_mut("app-restore-1120") {
        cluster.stages = stages.into();
    }
    let output = running.wait();
    assert_eq!(output.signal, Some(9), "{}", output.text());
    assert_told(&incident, &output, &["the script was ended: run again with EVIDENCE=", "WRITES ARE FROZEN"]);
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.readonly().await.0, "false");
}

#[tokio::test]
async fn aurora_that_changed_nothing_has_nothing_to_undo_and_can_be_resumed() {
    let incident = Incident::new().await;
    // Refused before anything is written.
    incident.run("--yes -- --instance-class", &[]).assert_code(2);
    let output = incident.run("undo --yes", &[]);
    output.assert_code(0);
    assert_told(&incident, &output, &["nothing was changed: nothing to undo"]);
    assert!(!incident.evidence().join("undone").exists());
    assert_eq!(incident.readonly().await, ("false".into(), 1));
    incident.run("--yes", &[]).assert_code(0);
    assert_eq!(incident.readonly().await, ("false".into(), 3));
}

/// conf-swap does its work, and is killed before it has written its record.
fn killed_at(incident: &Incident, step: &str) -> Output {
    let bin = incident.evidence().with_extension("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    let script = format!(
        "#!/bin/sh\nPATH=${{PATH#*:}}\ncase $* in *{step}.journal*) ;; *) exec conf-swap \"$@\" ;; esac
        conf-swap \"$@\" >/dev/null\nkill -KILL $$\n"
    );
    std::fs::write(bin.join("conf-swap"), script).expect("a script");
    let bin = bin.display();
    let command = format!("chmod +x '{bin}/conf-swap'; PATH='{bin}':$PATH exec bash '{SCRIPT}' --yes");
    incident.tool(&command).run()
}

#[tokio::test]
async fn aurora_that_is_killed_at_a_swap_has_the_way_back() {
    let incident = Incident::new().await;
    let output = killed_at(&incident, "freeze");
    output.assert_code(1);
    assert_told(&incident, &output, &["writes may be frozen: see whether"]);
    assert_eq!(incident.readonly().await.0, "true");
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.readonly().await.0, "false");

    let incident = Incident::new().await;
    let output = killed_at(&incident, "swap");
    output.assert_code(1);
    assert_told(&incident, &output, &["WRITES ARE FROZEN", "may lead to app-restore-1120"]);
    let (host, _) = incident.restored_address();
    assert_eq!(incident.secret().await, incident.content(&host));
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.secret().await, incident.content("old.example"));
    assert_eq!(incident.readonly().await.0, "false");

    // Or it is resumed, and led back later.
    let incident = Incident::new().await;
    killed_at(&incident, "swap").assert_code(1);
    incident.run("--yes", &[]).assert_code(0);
    assert_eq!(incident.records("swap.jsonl")[0]["swap"]["action"], "swapped");
    assert_eq!(incident.readonly().await, ("false".into(), 3));
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.secret().await, incident.content("old.example"));
}
