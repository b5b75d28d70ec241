//! RB-N-02, as an operator starts it: moto keeps secret and parameter, two PostgreSQL servers are the damaged and the
//! restored database, and an RDS of this process says that they are clusters.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod incident;
mod signals;

use std::fs;

use serde_json::Value;
use testkit::postgres;
use testkit::rds::{Refusal, Stage};

use crate::incident::{Incident, SCRIPT};

/// A login with what the secret will hold, at the host that it will lead to.
fn login(port: &str, database: &str) -> String {
    format!(
        r#"password=${{CONF_SWAP_VALUE#*\"password\":\"}}
        DB_URL="postgres://drkit:${{password%%\"*}}@$CONF_SWAP_NEW:{port}/{database}" \
            pg-validate-hash --counts people >/dev/null"#
    )
}

#[tokio::test]
async fn aurora_comes_back_and_the_application_follows() {
    let incident = Incident::new().await;
    let baseline = incident.baseline(false);
    let (host, port) = incident.restored_address();
    let database = incident.restored.1.rsplit_once('/').expect("a database").1;
    let env = [("BASELINE", &*baseline), ("CHECK", &login(&port, database)), ("PROVE", "true")];
    let output = incident.run("--yes", &env);
    output.assert_code(0);
    assert!(!output.text().contains(postgres::PASSWORD) && !output.stderr.contains(postgres::PASSWORD));
    assert_eq!(incident.secret().await, incident.content(&host), "{}", output.text());
    assert_eq!(incident.readonly().await, ("false".into(), 3));
    let validated = incident.records("validated.jsonl");
    assert_eq!(validated.len(), 2);
    assert!(validated.iter().all(|record| record["match"] == true), "{validated:?}");
    assert_eq!(incident.records("validate-rejects.jsonl"), [Value::Null; 0]);
    assert_eq!(incident.records("restored.jsonl")[0]["cluster"], "app-restore-1120");
    assert_eq!(incident.records("swap.jsonl")[0]["swap"]["action"], "swapped");
    let log = fs::read_to_string(incident.evidence().join("log")).expect("a log");
    assert!(log.contains("7 monitor") && !log.contains(postgres::PASSWORD));

    // Taken up again with the same evidence, it does nothing twice.
    incident.run("run --yes", &env).assert_code(0);
    assert_eq!(incident.readonly().await.1, 3);
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 1);

    // The damaged cluster goes some days later, and needs nothing but the evidence for it.
    let retired = incident.run("retire --yes", &[("CLUSTER", ""), ("RESTORED", "")]);
    retired.assert_code(0);
    assert!(incident.rds.state().cluster("app-prod").is_none());
    assert_eq!(incident.records("retired.jsonl")[0]["retire"]["automated_backups"], "retained");
    incident.run("retire --yes", &[]).assert_code(0);
    assert_eq!(incident.rds.count("DeleteDBCluster"), 1);

    // And comes back as the record says.
    let retired = incident.records("retired.jsonl");
    let command = retired[0]["retire"]["point_in_time"].as_str().expect("a command");
    incident.tool(&command.replace("TIME", "2026-11-19T00:00:00Z")).run().assert_code(0);
    let state = incident.rds.state();
    let back = state.cluster("app-prod").expect("app-prod is back");
    for (path, value) in [("DBSubnetGroup", "app-private"), ("StorageType", "aurora-iopt1"), ("Port", &*port)]
    {
        assert_eq!(back.get(path), value, "{path}");
    }
    assert_eq!(state.instance("app-prod-writer").expect("a writer").get("DBInstanceClass"), "db.r6g.large");
}

#[tokio::test]
async fn aurora_is_compared_with_the_damaged_cluster_where_there_is_no_baseline() {
    let incident = Incident::new().await;
    let output = incident.run("--yes", &[("VALIDATE_OPTIONS", "--exclude orders")]);
    output.assert_code(0);
    assert!(output.text().contains("no CHECK is set"), "{}", output.text());
    // The URL of the restored database is that of the other with its own host and port: else they would not differ.
    let rejects = incident.records("validate-rejects.jsonl");
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0]["error"]["kind"], "differs");
    assert_eq!(incident.readonly().await, ("false".into(), 3));
}

#[tokio::test]
async fn aurora_is_not_swapped_in_when_it_differs_from_the_baseline() {
    let incident = Incident::new().await;
    let baseline = incident.baseline(true);
    let env = [("BASELINE", &*baseline)];
    let output = incident.run("--yes", &env);
    output.assert_code(3);
    assert!(output.text().contains("--accept-differences"), "{}", output.text());
    assert_eq!(incident.secret().await, incident.content("old.example"));
    assert_eq!(incident.readonly().await.0, "true");
    incident.run("retire --yes", &[]).assert_code(2);

    incident.run("--yes --accept-differences", &env).assert_code(0);
    let (host, _) = incident.restored_address();
    assert_eq!(incident.secret().await, incident.content(&host));
    assert_eq!(incident.readonly().await.0, "false");

    // And back again.
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.secret().await, incident.content("old.example"));
    assert_eq!(incident.readonly().await.0, "false");
    incident.run("undo --yes", &[]).assert_code(0);
    incident.run("--yes --accept-differences", &env).assert_code(2);
    incident.run("retire --yes", &[]).assert_code(2);
    assert!(incident.rds.state().cluster("app-prod").is_some());
}

#[tokio::test]
async fn aurora_goes_on_where_it_ended() {
    let incident = Incident::new().await;
    let baseline = incident.baseline(false);
    let env = |prove, check| [("BASELINE", &*baseline), ("PROVE", prove), ("CHECK", check)];
    let output = incident.run("--yes", &env("false", "true"));
    assert!(output.assert_code(1).text().contains("PROVE failed"), "{}", output.text());
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 0);

    incident.rds.state().refuse("RestoreDBClusterToPointInTime", Refusal::denied());
    let output = incident.run("--yes", &env("true", "true"));
    assert!(
        output.assert_code(1).text().contains("rds-restore was aborted with exit code 1"),
        "{}",
        output.text()
    );

    let output = incident.run("--yes", &env("true", "false"));
    assert!(!incident.evidence().join("swap.jsonl").exists());
    assert!(output.assert_code(3).text().contains("conf-swap rejected its work"), "{}", output.text());
    assert_eq!(incident.secret().await, incident.content("old.example"));

    incident.run("--yes", &env("true", "true")).assert_code(0);
    assert_eq!(incident.readonly().await, ("false".into(), 3), "frozen once, unfrozen once");
    let granted = incident
        .rds
        .state()
        .log
        .iter()
        .filter(|logged| logged.operation == "RestoreDBClusterToPointInTime" && logged.refused.is_none())
        .count();
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn aurora_is_interrupted_and_taken_up_again() {
    let incident = Incident::new().await;
    let stages = std::mem::replace(&mut incident.rds.state().restore_stages, vec![Stage::after(1000)]);
    // Ctrl-C reaches the whole group of a terminal's foreground job, and that is what a job is in a shell with -m.
    let script = format!(
        "set -m
        bash '{SCRIPT}' --yes &
        until grep -q 'the restore was started' \"$EVIDENCE/log\" 2>/dev/null; do sleep 0.1; done
        kill -INT -- -$!
        wait $!"
    );
    let output = incident.tool(&script).run();
    assert!(
        output.assert_code(130).text().contains("rds-restore was stopped: run again"),
        "{}",
        output.text()
    );
    assert!(!incident.evidence().join("restored.jsonl").exists());

    if let Some(cluster) = incident.rds.state().cluster_mut("app-restore-1120") {
        cluster.stages = stages.into();
    }
    incident.run("--yes", &[]).assert_code(0);
    assert_eq!(incident.records("restored.jsonl")[0]["restore"]["action"], "resumed");
    assert_eq!(incident.readonly().await, ("false".into(), 3));
}

#[tokio::test]
async fn aurora_does_nothing_more_when_only_the_script_is_killed() {
    let incident = Incident::new().await;
    // The command is run by a child of the script.
    let kill = r#"kill -KILL "$(ps -o ppid= -p "$PPID")""#;
    let output = incident.run("--yes", &[("PROVE", kill)]);
    assert_eq!(output.signal, Some(9), "{}", output.text());
    assert!(output.text().contains("the script was ended"), "{}", output.text());
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 0);
}

#[tokio::test]
async fn aurora_that_is_frozen_and_not_swapped_is_unfrozen_by_undo() {
    let incident = Incident::new().await;
    incident.run("--yes", &[("PROVE", "false")]).assert_code(1);
    assert_eq!(incident.readonly().await.0, "true");
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.readonly().await.0, "false");
    assert_eq!(incident.records("undo-freeze.jsonl")[0]["swap"]["action"], "undone");
}

#[tokio::test]
async fn aurora_asks_and_does_nothing_without_an_answer() {
    let incident = Incident::new().await;
    // Apart from the terminal there is none to ask on.
    let output = incident.tool(&format!("exec setsid --wait bash '{SCRIPT}'")).run();
    assert!(output.assert_code(2).text().contains("say --yes"), "{}", output.text());
    assert_eq!(incident.readonly().await, ("false".into(), 1));
    assert_eq!(incident.rds.count("RestoreDBClusterToPointInTime"), 0);
}

#[tokio::test]
async fn aurora_refuses_what_cannot_work_before_it_freezes() {
    let incident = Incident::new().await;
    incident.run("--nonsense", &[]).assert_code(2);
    assert!(incident.run("--help", &[]).assert_code(0).text().contains("Usage:"));
    incident.run("--yes", &[("SECRET", "")]).assert_code(2);
    incident.run("--yes", &[("AT", "2020-01-01T00:00:00Z")]).assert_code(1);
    incident.run("--yes -- --instance-class", &[]).assert_code(2);
    incident.run("--yes", &[("AT", "2026-11-20T09:30:00Z"), ("SECRET", "no-such-secret")]).assert_code(2);
    for command in ["undo", "retire"] {
        let output = incident.run(&format!("{command} --yes"), &[("EVIDENCE", "/nowhere")]);
        assert!(output.assert_code(2).stderr.contains("holds no run"), "{}", output.stderr);
    }
    assert_eq!(incident.readonly().await, ("false".into(), 1));
}
