//! What stands in the way.

use testkit::rds::{Refusal, Stage, State};

use crate::{Incident, error, retire};

#[track_caller]
fn refused(incident: &Incident, flags: &[&str], expected: &str) {
    let output = incident.run(flags);
    output.assert_code(1);
    let error = error(&output);
    assert!(error.starts_with("rds-retire: error: app-prod is not retired: "), "{error}");
    assert!(error.contains(expected), "{expected}: {error}");
    assert!(output.stdout.is_empty());
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn deletion_protection_holds() {
    let incident = Incident::new();
    incident.set("DeletionProtection", "true");
    refused(&incident, &[], "say --lift-protection");
    refused(&incident, &["--dry-run"], "say --lift-protection");
}

#[test]
fn a_cluster_that_others_depend_on_stays() {
    for (path, value, expected) in [
        ("Status", "stopped", "aws rds start-db-cluster --db-cluster-identifier app-prod"),
        ("GlobalClusterIdentifier", "world", "global database world"),
        ("ReplicationSourceIdentifier", "arn:aws:rds:eu-west-1:1:cluster:a", "read replica"),
        ("ReadReplicaIdentifiers.ReadReplicaIdentifier.1", "arn:aws:rds:eu-west-1:1:cluster:b", "cluster:b"),
        ("Engine", "mysql", "no Aurora cluster"),
    ] {
        let incident = Incident::new();
        incident.set(path, value);
        refused(&incident, &[], expected);
    }
}

#[test]
fn the_replacement_must_be_ready() {
    let incident = Incident::new();
    let set = |path: &str, value: Option<&str>| {
        let mut state = incident.rds.state();
        let fields = state.cluster_mut("app-restore-1120").map(|cluster| &mut cluster.fields);
        match value {
            Some(value) => fields.map(|fields| fields.set(path, value)),
            None => fields.map(|fields| fields.remove(path)),
        };
    };
    set("LatestRestorableTime", None);
    refused(&incident, &[], "app-restore-1120 cannot be restored itself yet");
    set("Status", Some("creating"));
    refused(&incident, &[], "app-restore-1120 is creating, not available");
    set("Status", Some("available"));
    set("LatestRestorableTime", Some("2026-11-25T02:00:00Z"));
    incident.rds.state().instances.pop();
    refused(&incident, &[], "app-restore-1120 has no DB instance yet");
    incident.rds.state().clusters.pop();
    refused(&incident, &[], "there is no cluster app-restore-1120");
    let output = incident.plain().args(["app-prod", "--yes", "app-prod", "--no-restored"]).run();
    assert_eq!(retire(output.assert_code(0))["action"], "retired");
}

#[test]
fn one_connection_anywhere_is_enough() {
    let incident = Incident::new();
    incident.cloudwatch.connections("app-prod-2", 14);
    refused(&incident, &[], "app-prod-2 had 14 connections at 20");
    let output = incident.run(&["--allow-connections"]);
    let told = retire(output.assert_code(0));
    assert_eq!(told["connections_max"], 14);
    assert!(output.stderr.contains("warning: app-prod-2 had 14 connections"), "{}", output.stderr);
}

#[test]
fn what_cloudwatch_does_not_know_is_not_quiet() {
    let incident = Incident { cloudwatch: testkit::cloudwatch::CloudWatch::start(), ..Incident::new() };
    refused(&incident, &[], "connections to app-prod-1 are unknown: CloudWatch has no value");
    refused(&incident, &[], "connections to app-prod-2 are unknown");
    incident.cloudwatch.refuse("AccessDenied");
    let output = incident.run(&[]);
    assert!(error(output.assert_code(1)).contains("GetMetricData of DatabaseConnections: AccessDenied"));
    assert_eq!(incident.changes(), [""; 0]);
    let output = incident.run(&["--allow-connections"]);
    assert_eq!(retire(output.assert_code(0))["connections_max"], serde_json::Value::Null);
}

#[test]
fn how_long_it_must_be_quiet_can_be_said() {
    let incident = Incident::new();
    let output = incident.run(&["--quiet-for", "1h"]);
    assert_eq!(retire(output.assert_code(0))["quiet_s"], 3600);
}

#[test]
fn all_reasons_are_told_at_once() {
    let incident = Incident::new();
    incident.set("DeletionProtection", "true");
    incident.set("GlobalClusterIdentifier", "world");
    incident.cloudwatch.connections("app-prod-1", 1);
    let output = incident.run(&[]);
    let error = error(output.assert_code(1));
    for reason in
        ["--lift-protection", "global database world", "app-prod-1 had 1 connections", "--allow-connections"]
    {
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

/// Makes the snapshot available that is being made.
fn finish_snapshot(incident: &Incident) {
    let snapshot = &mut incident.rds.state().snapshots[0];
    snapshot.stages.clear();
    snapshot.fields.set("Status", "available").set("PercentProgress", "100");
}

#[test]
fn the_checks_are_made_again_before_the_deletion() {
    let incident = Incident::new();
    incident.rds.state().snapshot_stages = vec![Stage::after(100)];
    let mut running = incident.tool().spawn();
    running.wait_stderr("is creating");
    // Somebody connects while the snapshot is being made.
    incident.cloudwatch.connections("app-prod-2", 3);
    finish_snapshot(&incident);
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains("app-prod-2 had 3 connections"));
    assert_eq!(incident.changes(), ["CreateDBClusterSnapshot app-prod-retire-appprod"]);
}

#[test]
fn a_cluster_that_was_made_anew_is_left_alone() {
    let incident = Incident::new();
    incident.rds.state().snapshot_stages = vec![Stage::after(100)];
    let mut running = incident.tool().spawn();
    running.wait_stderr("is creating");
    incident.set("DbClusterResourceId", "cluster-ANOTHER");
    finish_snapshot(&incident);
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains("another cluster now: cluster-APPPROD was looked at"));
    assert_eq!(incident.changes(), ["CreateDBClusterSnapshot app-prod-retire-appprod"]);
}

#[test]
fn not_even_the_last_moment_before_a_change_is_missed() {
    // Looks at clusters before the first change: one at first, one at the replacement, one for the step, one at the
    // replacement again, and the last.
    for looks in 1..=4 {
        let incident = Incident::new();
        if let Some(cluster) = incident.rds.state().cluster_mut("app-prod") {
            cluster.stages.push_back(Stage::after(looks).with("DbClusterResourceId", "cluster-ANOTHER"));
        }
        let output = incident.run(&[]);
        assert!(error(output.assert_code(1)).contains("another cluster now"), "{looks}: {}", output.stderr);
        assert_eq!(incident.changes(), [""; 0], "{looks}");
    }
}

#[test]
fn an_instance_that_joined_meanwhile_is_left_alone() {
    let incident = Incident::new();
    incident.rds.state().snapshot_stages = vec![Stage::after(100)];
    let mut running = incident.tool().spawn();
    running.wait_stderr("is creating");
    incident.cloudwatch.connections("app-prod-9", 0);
    incident.rds.state().instances.push(testkit::rds::instance("app-prod-9", "app-prod", false));
    finish_snapshot(&incident);
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains("app-prod-9 joined app-prod"));
    assert!(incident.changes().iter().all(|change| !change.starts_with("Delete")));
}

#[test]
fn a_snapshot_that_failed_ends_the_run() {
    let incident = Incident::new();
    incident.rds.state().snapshot_stages = vec![Stage::after(1).with("Status", "failed")];
    let output = incident.run(&[]);
    assert!(error(output.assert_code(1)).contains("app-prod-retire-appprod is failed: delete it"));
    assert!(incident.changes().iter().all(|change| !change.starts_with("Delete")));
}

/// Retires, and lets somebody do this to the automated backups meanwhile.
fn backups_are_lost(lose: impl FnOnce(&mut State)) {
    let incident = Incident::new();
    incident.rds.state().deletion_looks = 100;
    let running = incident.tool().args(["--timeout", "20s"]).spawn();
    incident.rds.wait_until(|state| state.sent("DeleteDBCluster").len() == 1);
    {
        let mut state = incident.rds.state();
        lose(&mut state);
        state.clusters.retain(|one| one.get("Status") != "deleting");
        state.instances.retain(|one| one.get("DBInstanceStatus") != "deleting");
    }
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains("no automated backups of cluster-APPPROD are"));
    assert_eq!(retire(&output)["automated_backups"], "missing");
}

#[test]
fn backups_that_are_gone_are_an_error_after_the_record() {
    backups_are_lost(|state| state.backups.clear());
}

#[test]
fn backups_that_are_not_retained_are_an_error_after_the_record() {
    backups_are_lost(|state| {
        state.backups[0].fields.set("Status", "deleting");
    });
}

#[test]
fn a_cluster_without_backups_is_told_so() {
    let incident = Incident::new();
    let none = Refusal::new(404, "DBClusterAutomatedBackupNotFoundFault", "No automated backup was found.");
    incident.rds.state().refuse("DescribeDBClusterAutomatedBackups", none);
    let output = incident.run(&["--dry-run"]);
    assert_eq!(retire(output.assert_code(0))["automated_backups"], "missing");
    assert!(output.stderr.contains("only the snapshots will bring it back"), "{}", output.stderr);
}

#[test]
fn a_permission_that_is_missing_is_told_before_anything_is_deleted() {
    for operation in [
        "DescribeDBClusters",
        "DescribeDBInstances",
        "DescribeDBClusterSnapshots",
        "DescribeDBClusterAutomatedBackups",
        "CreateDBClusterSnapshot",
    ] {
        let incident = Incident::new();
        incident.rds.state().refuse(operation, Refusal::denied());
        let output = incident.run(&[]);
        let error = error(output.assert_code(1));
        assert!(error.contains("AccessDenied") && error.contains(operation), "{operation}: {error}");
        assert_eq!(incident.changes(), [""; 0], "{operation}");
    }
}
