//! What stands in the way.

use serde_json::json;
use testkit::tables::Fault;

use crate::{Incident, error, just_now, now};

#[track_caller]
fn refused(incident: &Incident, flags: &[&str], expected: &str) {
    let output = incident.run(flags);
    output.assert_code(1);
    let error = error(&output);
    assert!(error.starts_with(&format!("ddb-retire: error: {} is not retired: ", incident.table)), "{error}");
    assert!(error.contains(expected), "{expected}: {error}");
    assert!(output.stdout.is_empty());
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn deletion_protection_holds() {
    let incident = Incident::new();
    incident.protect();
    refused(&incident, &[], "say --lift-protection");
    refused(&incident, &["--dry-run"], "say --lift-protection");
}

#[test]
fn a_table_that_others_depend_on_stays() {
    for (member, value, expected) in [
        ("TableStatus", json!("ARCHIVED"), "is ARCHIVED"),
        ("Replicas", json!([{"RegionName": "eu-west-1"}]), "replica of a global table (eu-west-1)"),
        ("GlobalTableWitnesses", json!([{"RegionName": "us-west-2"}]), "replica of a global table"),
        ("GlobalTableVersion", json!("2017.11.29"), "version 2017.11.29"),
        ("RestoreSummary", json!({"RestoreInProgress": true, "RestoreDateTime": 1}), "still being restored"),
    ] {
        let incident = Incident::new();
        incident.front.show(&incident.table, member, value);
        refused(&incident, &[], expected);
    }
}

#[test]
fn the_replacement_must_be_ready() {
    let incident = Incident::new();
    let replacement = incident.replacement();
    let restored = ["--restored", replacement.as_str()];
    refused(&incident, &["--restored", "nowhere"], "there is no table nowhere (--restored)");
    incident.recover(&incident.table);
    refused(&incident, &restored, "has no point-in-time recovery, and the table that it replaces has");
    incident.recover(&replacement);
    incident.front.show(&replacement, "TableStatus", json!("CREATING"));
    refused(&incident, &restored, "is CREATING, not ACTIVE");
    incident.front.show(&replacement, "TableStatus", json!("ACTIVE"));
    incident.run(&restored).assert_code(0);
}

#[test]
fn one_request_anywhere_is_enough() {
    let table = |incident: &Incident| incident.table.clone();
    for (metric, more, expected) in [
        ("ConsumedReadCapacityUnits", None, "was read at 20"),
        ("ConsumedWriteCapacityUnits", None, "was written at 20"),
        ("ConsumedReadCapacityUnits", Some("by_user"), "index by_user was read at 20"),
        ("SuccessfulRequestLatency", Some("Query"), "answered 3 Query requests at 20"),
    ] {
        let incident = Incident::new();
        let name = table(&incident);
        let of: Vec<&str> = std::iter::once(name.as_str()).chain(more).collect();
        incident.cloudwatch.consumed(metric, &of, now() - 600, 3.0);
        refused(&incident, &[], expected);
        refused(&incident, &["--dry-run"], "if that is as it should be, say --allow-requests");
        let shorter = incident.run(&["--quiet-for", "5m", "--dry-run"]);
        assert_eq!(incident.retire(shorter.assert_code(0))["quiet_s"], 300);
        let output = incident.run(&["--allow-requests"]);
        assert!(output.assert_code(0).stderr.contains("(--allow-requests)"), "{}", output.stderr);
    }
}

#[test]
fn what_was_consumed_is_in_the_record() {
    let incident = Incident::new();
    incident.cloudwatch.consumed("ConsumedReadCapacityUnits", &[&incident.table], now() - 600, 3.0);
    incident.cloudwatch.consumed(
        "ConsumedReadCapacityUnits",
        &[&incident.table, "by_user"],
        now() - 660,
        2.5,
    );
    incident.cloudwatch.consumed("ConsumedWriteCapacityUnits", &[&incident.table], now() - 2000, 7.0);
    let output = incident.run(&["--allow-requests", "--dry-run"]);
    let told = incident.retire(output.assert_code(0));
    assert_eq!((&told["read_units"], &told["write_units"]), (&json!(5.5), &json!(0.0)));
}

#[test]
fn what_cloudwatch_does_not_tell_is_not_quiet() {
    let incident = Incident::new();
    incident.cloudwatch.refuse("AccessDenied");
    let output = incident.run(&[]);
    assert!(
        error(output.assert_code(1)).contains("GetMetricData of ConsumedReadCapacityUnits: AccessDenied")
    );
    assert_eq!(incident.changes(), [""; 0]);
    let output = incident.run(&["--allow-requests"]);
    assert_eq!(incident.retire(output.assert_code(0))["read_units"], json!(null));
    assert!(output.stderr.contains("DescribeAlarms: AccessDenied"), "{}", output.stderr);
}

#[test]
fn an_archive_that_lacks_a_write_is_none() {
    let incident = Incident::new();
    incident.front.call("CreateBackup", &json!({"TableName": incident.table, "BackupName": "by-hand"}));
    incident.cloudwatch.consumed("ConsumedWriteCapacityUnits", &[&incident.table], just_now(), 1.0);
    refused(&incident, &["--backup", "by-hand", "--quiet-for", "1m"], "was written at");
    let exported = Incident::new();
    exported.recover(&exported.table);
    exported.protect();
    exported.run(&["--export", "s3://b/p", "--lift-protection", "--dry-run"]).assert_code(0);
    exported.front.fault("UpdateTable", [Fault::Refuse(400, "AccessDeniedException")]);
    exported.run(&["--export", "s3://b/p", "--lift-protection"]).assert_code(1);
    // An hour ago the export was made, and half an hour ago somebody wrote.
    exported.front.state().exports_mut()[0]["ExportTime"] = (now() - 3600).into();
    exported.cloudwatch.consumed("ConsumedWriteCapacityUnits", &[&exported.table], now() - 1800, 1.0);
    let output = exported.run(&["--export", "s3://b/p", "--lift-protection"]);
    let error = error(output.assert_code(1));
    assert!(
        error.contains("after its archive was made: make another with --backup NAME or --export URL"),
        "{error}"
    );
    assert!(!exported.is_gone());
}

#[test]
fn all_reasons_are_told_at_once() {
    let incident = Incident::new();
    incident.protect();
    incident.front.show(&incident.table, "GlobalTableVersion", json!("2017.11.29"));
    incident.cloudwatch.consumed("ConsumedReadCapacityUnits", &[&incident.table], now() - 60, 1.0);
    let output = incident.run(&[]);
    let error = error(output.assert_code(1));
    for reason in ["--lift-protection", "global table", "was read", "--allow-requests"] {
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn the_checks_are_made_again_before_the_deletion() {
    let incident = Incident::new();
    incident.front.state().backup_looks = 1000;
    let mut running = incident.tool().spawn();
    running.wait_stderr("is CREATING");
    // Somebody writes while the backup is being made.
    incident.cloudwatch.consumed("ConsumedWriteCapacityUnits", &[&incident.table], just_now(), 3.0);
    incident.front.state().backup_looks = 0;
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains("was written at"));
    assert_eq!(incident.changes(), ["CreateBackup"]);
}

#[test]
fn not_even_the_last_moment_before_a_change_is_missed() {
    // Looks at the table before the first change: one at first, one for the step, and the last.
    for looks in 2..=3 {
        let incident = Incident::new();
        let another = json!({"TableId": "another"}).as_object().cloned().unwrap_or_default();
        incident.front.state().shown_later.insert(incident.table.clone(), (looks, another));
        let output = incident.run(&[]);
        assert!(error(output.assert_code(1)).contains("another table now"), "{looks}: {}", output.stderr);
        assert_eq!(incident.changes(), [""; 0], "{looks}");
    }
}

#[test]
fn a_table_that_was_made_anew_is_left_alone() {
    let incident = Incident::new();
    incident.front.state().backup_looks = 1000;
    let mut running = incident.tool().spawn();
    running.wait_stderr("is CREATING");
    incident.front.show(&incident.table, "TableId", json!("another"));
    incident.front.state().backup_looks = 0;
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains("another table now"), "{}", output.stderr);
    assert_eq!(incident.changes(), ["CreateBackup"]);
    assert!(!incident.is_gone());
}

#[test]
fn a_backup_that_is_deleted_meanwhile_is_made_again_before_the_table_goes() {
    let incident = Incident::new();
    incident.front.state().backup_looks = 1000;
    let mut running = incident.tool().spawn();
    running.wait_stderr("is CREATING");
    let arn = incident.backups()[0]["BackupArn"].clone();
    incident.front.call("DeleteBackup", &json!({"BackupArn": arn}));
    incident.front.state().backup_looks = 0;
    running.wait().assert_code(0);
    assert_eq!(incident.changes(), ["CreateBackup", "CreateBackup", "DeleteTable"]);
    assert_eq!(incident.backups().len(), 1);
}

#[test]
fn a_permission_that_is_missing_is_told_before_anything_is_deleted() {
    for operation in [
        "DescribeTable",
        "ListBackups",
        "DescribeContinuousBackups",
        "ListTagsOfResource",
        "DescribeTimeToLive",
        "GetResourcePolicy",
        "CreateBackup",
    ] {
        let incident = Incident::new();
        incident.front.fault(operation, [Fault::Refuse(400, "AccessDeniedException")]);
        let output = incident.run(&[]);
        let error = error(output.assert_code(1));
        assert!(error.contains(operation) && error.contains("AccessDenied"), "{operation}: {error}");
        assert!(error.contains("the README lists the permissions"), "{operation}: {error}");
        assert_eq!(incident.changes(), [""; 0], "{operation}");
    }
}
