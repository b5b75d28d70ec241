//! What cannot be restored, or not to that time.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use testkit::tables::Fault;

use crate::{Incident, error};

#[track_caller]
fn refused(incident: &Incident, at: Option<Timestamp>, expected: &[&str]) {
    let mut tool = incident.plain().args(["--from", &incident.table, "--to", &incident.to()]);
    if let Some(at) = at {
        tool = tool.args(["--at", &at.to_string()]);
    }
    let output = tool.run();
    let line = error(output.assert_code(1));
    for expected in expected {
        assert!(line.contains(expected), "{expected}: {line}");
    }
    assert!(output.stdout.is_empty());
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn a_time_outside_the_window_is_told_with_the_window() {
    let incident = Incident::new();
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let hours = SignedDuration::from_hours;
    for (at, expected) in [
        (now - hours(24 * 36), "in backups alone"),
        (now - SignedDuration::from_mins(1), "leave --at out for the latest"),
        (now + hours(1), "in the future"),
    ] {
        refused(&incident, Some(at), &[&at.to_string(), "its window is from ", expected]);
    }
}

#[test]
fn a_table_without_recovery_is_told_what_to_do() {
    let incident = Incident::new();
    incident.recover(false);
    refused(&incident, None, &["no point-in-time recovery", "list-backups", "update-continuous-backups"]);
}

#[test]
fn a_table_that_is_not_there_is_told() {
    let mut incident = Incident::new();
    incident.table = "no_such_table".into();
    refused(&incident, None, &["there is no table no_such_table: check the name, --region and --profile"]);
}

#[test]
fn of_a_deleted_table_the_backup_of_its_last_second_is_named() {
    let incident = Incident::new();
    incident.front.call("DeleteTable", &json!({ "TableName": incident.table }));
    let arn = |time: &str| {
        format!("arn:aws:dynamodb:us-east-1:123456789012:table/{}/backup/{time}", incident.table)
    };
    let backup = |time: &str, created: i64| {
        json!({ "TableName": incident.table, "BackupArn": arn(time), "BackupType": "SYSTEM",
            "BackupName": format!("{}$DeletedTableBackup", incident.table), "BackupStatus": "AVAILABLE",
            "BackupCreationDateTime": created })
    };
    incident.front.state().system_backups = vec![backup("01", 100), backup("03", 300), backup("02", 200)];
    refused(
        &incident,
        None,
        &["was deleted", "the moment of its deletion alone", "restore-table-from-backup", &arn("03")],
    );
    assert_eq!(incident.front.state().sent("ListBackups")[0]["BackupType"], "SYSTEM");

    incident.front.fault("ListBackups", [Fault::Refuse(400, "AccessDeniedException")]);
    refused(&incident, None, &["there is no table", "whether it was deleted is not known", "AccessDenied"]);
}
