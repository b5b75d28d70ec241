//! What is done, in which order, and what the record says of it.

use serde_json::json;
use testkit::rds::{automated_backup, cluster, instance};

use crate::{FINAL, Incident, RESOURCE_ID, SNAPSHOT, error, retire};

#[test]
fn the_cluster_goes_and_the_ways_back_stay() {
    let incident = Incident::new();
    let output = incident.run(&[]);
    output.assert_code(0);
    assert_eq!(
        incident.changes(),
        [
            "CreateDBClusterSnapshot app-prod-retire-appprod",
            "DeleteDBInstance app-prod-2",
            "DeleteDBInstance app-prod-1",
            "DeleteDBCluster app-prod",
        ]
    );
    let state = incident.rds.state();
    let deleted = state.sent("DeleteDBCluster")[0];
    assert_eq!(deleted.get("FinalDBSnapshotIdentifier"), Some(FINAL));
    assert_eq!(deleted.get("DeleteAutomatedBackups"), Some("false"));
    assert!(!deleted.is("SkipFinalSnapshot"));
    assert!(state.sent("DeleteDBInstance").iter().all(|sent| sent.is("SkipFinalSnapshot")));
    let left: Vec<_> = state.clusters.iter().map(|one| one.get("DBClusterIdentifier")).collect();
    assert_eq!(left, ["app-restore-1120"]);
    assert_eq!(state.instances.len(), 1);
    drop(state);

    let mut told = retire(&output);
    let bring_back = told["bring_back"].take();
    assert_eq!(
        told,
        json!({
            "action": "retired",
            "resource_id": RESOURCE_ID,
            "snapshot_id": SNAPSHOT,
            "final_snapshot_id": FINAL,
            "instances": [
                {"id": "app-prod-1", "class": "db.r6g.large", "writer": true},
                {"id": "app-prod-2", "class": "db.r6g.large", "writer": false},
            ],
            "automated_backups": "retained",
            "restore_window": {"earliest": "2026-11-18T02:00:00Z", "latest": "2026-11-20T12:00:00Z"},
            "connections_max": 0,
            "quiet_s": 900,
            "bring_back": null,
            "point_in_time": "rds-restore --from-resource-id cluster-APPPROD --to app-prod --at TIME --subnet-group \
                app-private --security-group sg-0app --security-group sg-0ops --cluster-parameter-group \
                app-cluster-pg16 --port 6543 --storage-type aurora-iopt1 --network-type IPV4 \
                --engine-lifecycle-support open-source-rds-extended-support-disabled --min-acu 0.5 --max-acu 16 \
                --log-export postgresql --iam-authentication --copy-tags-to-snapshot --instance-class db.r6g.large \
                --instance-parameter-group app-instance-pg16 --region us-east-1",
        })
    );
    let bring_back = bring_back.as_str().unwrap_or_default();
    for part in [
        "aws rds restore-db-cluster-from-snapshot --db-cluster-identifier app-prod --snapshot-identifier app-prod-final-appprod",
        "--db-subnet-group-name app-private",
        "--vpc-security-group-ids sg-0app sg-0ops",
        "--db-cluster-parameter-group-name app-cluster-pg16",
        "--tags Key=team,Value=data",
        "&& aws rds create-db-instance --db-instance-identifier app-prod-1",
    ] {
        assert!(bring_back.contains(part), "{part}: {bring_back}");
    }
    assert!(output.stderr.contains(&format!("rds-retire: to bring it back: {bring_back}\n")));
}

#[test]
fn a_second_time_it_was_already() {
    let incident = Incident::new();
    let first = incident.run(&[]);
    first.assert_code(0);
    let changes = incident.changes();
    for flags in [&[][..], &["--dry-run"]] {
        let again = incident.run(flags);
        again.assert_code(0);
        let (first, again) = (retire(&first), retire(&again));
        assert_eq!(again["action"], "already");
        for same in [
            "snapshot_id",
            "final_snapshot_id",
            "instances",
            "connections_max",
            "bring_back",
            "point_in_time",
            "automated_backups",
        ] {
            assert_eq!(again[same], first[same], "{same}");
        }
    }
    assert_eq!(incident.changes(), changes);
}

#[test]
fn the_snapshot_keeps_the_way_back_in_its_tags() {
    let incident = Incident::new();
    let output = incident.run(&[]);
    output.assert_code(0);
    let state = incident.rds.state();
    let mut tags = state.snapshots[0].tags();
    assert_eq!(tags.remove(0), ("team".to_owned(), "data".to_owned()), "those of the cluster are copied");
    assert!(tags.len() > 1 && tags.iter().all(|(key, _)| key.starts_with("drkit:bring-back-")), "{tags:?}");
    assert!(tags[0].1.starts_with("aws rds restore-db-cluster-from-snapshot"), "{tags:?}");
}

#[test]
fn a_rehearsal_says_what_would_be_done_and_changes_nothing() {
    let incident = Incident::new();
    incident.set("DeletionProtection", "true");
    for flag in ["-n", "--dry-run"] {
        let tool =
            incident.plain().args(["app-prod", "--restored", "app-restore-1120", "--lift-protection", flag]);
        let output = tool.run();
        output.assert_code(0);
        let would: Vec<_> = output.stderr.lines().filter(|line| line.contains(" would ")).collect();
        assert_eq!(
            would,
            [
                "rds-retire: would make the snapshot app-prod-retire-appprod",
                "rds-retire: would turn deletion protection off",
                "rds-retire: would delete the reader app-prod-2",
                "rds-retire: would delete the writer app-prod-1",
                "rds-retire: would delete the cluster with the final snapshot app-prod-final-appprod, its automated \
                 backups retained",
            ]
        );
        let told = retire(&output);
        assert_eq!((&told["action"], &told["dry_run"]), (&json!("would-retire"), &json!(true)));
        assert_eq!(told["automated_backups"], "to-be-retained");
        assert!(told["bring_back"].as_str().is_some_and(|command| command.contains("--deletion-protection")));
    }
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn a_snapshot_can_have_a_name_of_its_own() {
    let incident = Incident::new();
    let output = incident.run(&["--snapshot-id", "Before-4711"]);
    assert_eq!(retire(output.assert_code(0))["snapshot_id"], "before-4711");
    assert_eq!(incident.changes()[0], "CreateDBClusterSnapshot before-4711");
    // Found again by what it holds.
    let again = incident.run(&[]);
    assert_eq!(retire(again.assert_code(0))["snapshot_id"], "before-4711");
    assert_eq!(retire(&again)["bring_back"], retire(&output)["bring_back"]);
}

#[test]
fn a_snapshot_that_somebody_made_gets_the_way_back() {
    let incident = Incident::new();
    incident.set("CopyTagsToSnapshot", "false");
    incident.run(&["--snapshot-id", "by-hand"]).assert_code(0);
    let mut state = incident.rds.state();
    state.snapshots.truncate(1);
    state.snapshots[0].set_tags(&[]);
    state.backups.clear();
    state.log.clear();
    let mut prod = cluster("app-prod");
    prod.fields.set("DeletionProtection", "false");
    state.clusters.push(prod);
    state.instances.push(instance("app-prod-1", "app-prod", true));
    drop(state);
    incident.run(&["--snapshot-id", "by-hand"]).assert_code(0);
    assert_eq!(
        incident.changes(),
        [
            "AddTagsToResource arn:aws:rds:us-east-1:123456789012:cluster-snapshot:by-hand",
            "DeleteDBInstance app-prod-1",
            "DeleteDBCluster app-prod",
        ]
    );
    assert!(incident.rds.state().snapshots[0].tags().len() > 1);
}

#[test]
fn a_snapshot_of_another_cluster_is_not_taken() {
    let incident = Incident::new();
    incident.set("DBClusterIdentifier", "other");
    let output = incident
        .plain()
        .args(["other", "--yes", "other", "--no-restored", "--allow-connections", "--snapshot-id", "taken"])
        .run();
    output.assert_code(0);
    incident.rds.state().clusters.push(cluster("app-prod"));
    incident.set("DeletionProtection", "false");
    let output = incident.run(&["--snapshot-id", "taken"]);
    assert!(error(output.assert_code(1)).contains("give another --snapshot-id"), "{}", output.stderr);
    assert!(incident.rds.state().cluster("app-prod").is_some());
}

#[test]
fn a_cluster_without_instances_has_nobody_to_ask_about() {
    let incident = Incident::new();
    incident.rds.state().instances.retain(|one| one.get("DBClusterIdentifier") != "app-prod");
    let output = incident.run(&[]);
    let told = retire(output.assert_code(0));
    assert_eq!((&told["instances"], &told["connections_max"]), (&json!([]), &json!(null)));
    assert_eq!(incident.cloudwatch.requests(), 0);
}

#[test]
fn deletion_protection_is_lifted_when_that_is_said() {
    let incident = Incident::new();
    incident.set("DeletionProtection", "true");
    incident.run(&["--lift-protection"]).assert_code(0);
    assert_eq!(incident.changes()[1], "ModifyDBCluster app-prod");
    let sent = incident.rds.state();
    let sent = sent.sent("ModifyDBCluster")[0];
    assert_eq!((sent.get("DeletionProtection"), sent.get("ApplyImmediately")), (Some("false"), Some("true")));
}

#[test]
fn what_no_snapshot_holds_is_told() {
    let incident = Incident::new();
    incident.set("CustomEndpoints.member.1", "reports.cluster-custom-c0ffee.us-east-1.rds.amazonaws.com");
    let output = incident.run(&[]);
    assert!(output.assert_code(0).stderr.contains("custom endpoints go with the cluster: reports."));
}

#[test]
fn a_cluster_that_is_gone_without_a_trace_is_an_error() {
    let incident = Incident::new();
    incident.rds.state().clusters.remove(0);
    assert!(error(incident.run(&[]).assert_code(1)).contains("there is no cluster app-prod"));
    // A cluster of that name was deleted by somebody else, who kept a snapshot of another name.
    let mut gone = automated_backup(&cluster("app-prod"));
    gone.fields.set("DBClusterSnapshotIdentifier", "by-hand").set("SnapshotType", "manual");
    incident.rds.state().snapshots.push(gone);
    assert!(error(incident.run(&[]).assert_code(1)).contains("there is no cluster app-prod"));
}
