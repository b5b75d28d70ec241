//! What is done, in which order, and what the record says of it.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use serde_json::json;
use testkit::{client, moto};

use crate::{Incident, error};

#[tokio::test]
async fn the_table_goes_and_its_backup_stays() {
    let incident = Incident::new();
    incident.recover(&incident.table);
    incident.recover(&incident.replacement());
    let table = &incident.table;
    let ttl = json!({"Enabled": true, "AttributeName": "expires_at"});
    incident.front.call("UpdateTimeToLive", &json!({"TableName": table, "TimeToLiveSpecification": ttl}));
    let stream = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    incident.front.call("UpdateTable", &json!({"TableName": table, "StreamSpecification": stream}));
    let arn = format!("arn:aws:dynamodb:us-east-1:123456789012:table/{table}");
    let policy = r#"{"Statement":[]}"#;
    incident.front.call("PutResourcePolicy", &json!({"ResourceArn": arn, "Policy": policy}));
    incident.cloudwatch.alarm("too-many-writes", table);
    incident.cloudwatch.alarm("of-another", "another");
    autoscale(table).await;
    {
        let mut state = incident.front.state();
        (state.backup_looks, state.deletion_looks) = (2, 2);
    }

    let output = incident.run(&["--restored", &incident.replacement()]);
    output.assert_code(0);
    assert_eq!(incident.changes(), ["CreateBackup", "DeleteTable"]);
    assert!(incident.is_gone());
    for told in ["is CREATING", "the table is being deleted", "Lambda event source mapping"] {
        assert!(output.stderr.contains(told), "{told}: {}", output.stderr);
    }
    let [backup] = &incident.backups()[..] else { panic!("not one backup") };
    let mut told = incident.retire(&output);
    let (id, backup_arn) = (told["table_id"].take(), told["archive"]["backup_arn"].take());
    let (id, backup_arn) = (id.as_str().unwrap_or_default(), backup_arn.as_str().unwrap_or_default());
    assert_eq!(backup_arn, backup["BackupArn"]);
    assert_eq!(backup["BackupName"], format!("{table}-retire-{id}"));
    assert!(told["archive"]["created_at"].take().is_string() && told["stream_arn"].take().is_string());
    assert_eq!(
        told,
        json!({
            "action": "retired",
            "table_id": null,
            "archive": {"backup_arn": null, "backup_name": format!("{table}-retire-{id}"), "created_at": null,
                "item_count": 1, "size_bytes": 123},
            "item_count": 1,
            "read_units": 0.0,
            "write_units": 0.0,
            "quiet_s": 900,
            "bring_back": format!("aws dynamodb restore-table-from-backup --target-table-name {table} --backup-arn \
                {backup_arn} --region us-east-1"),
            "set_again": format!("aws dynamodb tag-resource --resource-arn {arn} --tags \
                '{{\"Key\":\"team\",\"Value\":\"core\"}}' --region us-east-1 && aws dynamodb put-resource-policy \
                --resource-arn {arn} --policy '{policy}' --region us-east-1 && aws dynamodb update-table --table-name \
                {table} --stream-specification StreamEnabled=true,StreamViewType=KEYS_ONLY --region us-east-1 && aws \
                dynamodb wait table-exists --table-name {table} --region us-east-1 && aws dynamodb \
                update-continuous-backups --table-name {table} --point-in-time-recovery-specification \
                PointInTimeRecoveryEnabled=true,RecoveryPeriodInDays=35 --region us-east-1 && aws dynamodb \
                update-time-to-live --table-name {table} --time-to-live-specification \
                '{{\"AttributeName\":\"expires_at\",\"Enabled\":true}}' --region us-east-1"),
            "last_second": format!("aws dynamodb list-backups --table-name {table} --backup-type SYSTEM --region \
                us-east-1"),
            "settings": {"tags": {"team": "core"}, "ttl": "expires_at", "stream": "KEYS_ONLY",
                "recovery_period_days": 35, "deletion_protection": false, "resource_policy": policy},
            "stream_arn": null,
            "left": {"alarms": ["too-many-writes"], "scalable_targets":
                [format!("table/{table} dynamodb:table:ReadCapacityUnits 5-100")]},
        })
    );
    let words = told["set_again"].as_str().unwrap_or_default();
    let kept = output.stderr.find(words).zip(output.stderr.find("to bring it back"));
    assert!(kept.is_some_and(|(settings, way_back)| settings < way_back), "{}", output.stderr);
    // The way back is one that DynamoDB takes.
    let back = json!({"TargetTableName": table, "BackupArn": backup_arn});
    incident.front.call("RestoreTableFromBackup", &back);
    assert!(!incident.is_gone());
}

/// Lets moto scale a table.
async fn autoscale(table: &str) {
    let client = aws_sdk_applicationautoscaling::Client::new(&client::sdk(moto::endpoint()));
    let request = client.register_scalable_target().service_namespace(ServiceNamespace::Dynamodb);
    let request = request.resource_id(format!("table/{table}")).min_capacity(5).max_capacity(100);
    let made = request.scalable_dimension(ScalableDimension::DynamoDbTableReadCapacityUnits).send().await;
    made.expect("moto scales a table");
}

#[test]
fn a_second_time_it_was_already() {
    let incident = Incident::new();
    let first = incident.run(&[]);
    first.assert_code(0);
    for flags in [&[][..], &["--dry-run"]] {
        let again = incident.run(flags);
        again.assert_code(0);
        let (first, again) = (incident.retire(&first), incident.retire(&again));
        assert_eq!(again["action"], "already");
        for same in ["table_id", "archive", "bring_back"] {
            assert_eq!(again[same], first[same], "{same}");
        }
        assert_eq!((&again["settings"], &again["set_again"]), (&json!(null), &json!(null)));
    }
    assert_eq!(incident.changes(), ["CreateBackup", "DeleteTable"]);
}

#[test]
fn a_rehearsal_says_what_would_be_done_and_changes_nothing() {
    let incident = Incident::new();
    incident.protect();
    for flag in ["-n", "--dry-run"] {
        let output =
            incident.plain().args([&incident.table, "--lift-protection", "--backup", "kept", flag]).run();
        output.assert_code(0);
        let would: Vec<_> = output.stderr.lines().filter(|line| line.contains(" would ")).collect();
        assert_eq!(
            would,
            [
                "ddb-retire: would make the backup kept",
                "ddb-retire: would turn deletion protection off",
                "ddb-retire: would delete the table",
            ]
        );
        let told = incident.retire(&output);
        assert_eq!((&told["action"], &told["dry_run"]), (&json!("would-retire"), &json!(true)));
        assert_eq!(told["archive"], json!(null));
        assert_eq!(told["settings"]["deletion_protection"], true);
        assert!(
            told["set_again"].as_str().is_some_and(|line| line.contains("--deletion-protection-enabled"))
        );
        assert!(output.stderr.contains("it has no point-in-time recovery"), "{}", output.stderr);
    }
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn deletion_protection_is_lifted_when_that_is_said() {
    let incident = Incident::new();
    incident.protect();
    incident.run(&["--lift-protection"]).assert_code(0);
    assert_eq!(incident.changes(), ["CreateBackup", "UpdateTable", "DeleteTable"]);
    let state = incident.front.state();
    let expected = json!({"TableName": incident.table, "DeletionProtectionEnabled": false});
    assert_eq!(state.sent("UpdateTable"), [&expected]);
}

#[test]
fn a_backup_can_have_a_name_of_its_own_and_is_taken_if_it_is_there() {
    let incident = Incident::new();
    incident.front.call("CreateBackup", &json!({"TableName": incident.table, "BackupName": "by-hand"}));
    let output = incident.run(&["--backup", "by-hand"]);
    assert_eq!(incident.retire(output.assert_code(0))["archive"]["backup_name"], "by-hand");
    assert_eq!(incident.changes(), ["DeleteTable"]);
    let again = incident.run(&["--backup", "by-hand"]);
    assert_eq!(incident.retire(again.assert_code(0))["action"], "already");
    assert!(error(incident.run(&[]).assert_code(1)).contains("no archive of one that was retired"));
}

#[test]
fn a_backup_of_an_earlier_table_of_that_name_is_not_taken() {
    let incident = Incident::new();
    incident.run(&["--backup", "kept"]).assert_code(0);
    incident.create(&incident.table);
    let output = incident.run(&["--backup", "kept"]);
    assert_eq!(incident.retire(output.assert_code(0))["action"], "retired");
    assert_eq!(incident.changes(), ["CreateBackup", "DeleteTable", "CreateBackup", "DeleteTable"]);
    assert_eq!(incident.backups().len(), 2);
    // Of two tables that are gone, the last one is told.
    let again = incident.run(&["--backup", "kept"]);
    assert_eq!(incident.retire(&again)["table_id"], incident.retire(&output)["table_id"]);
}

#[test]
fn a_table_that_is_gone_without_a_trace_is_an_error() {
    let incident = Incident::new();
    incident.front.call("DeleteTable", &json!({"TableName": incident.table}));
    for flags in [&[][..], &["--export", "s3://archive/x/"], &["--dry-run"]] {
        assert!(error(incident.run(flags).assert_code(1)).contains("there is no table"));
    }
}
