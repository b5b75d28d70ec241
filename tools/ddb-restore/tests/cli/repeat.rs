//! The same command again: after it was done, after a crash at each step, and where the name is somebody else's.

use serde_json::{Value, json};
use testkit::tables::Fault;

use crate::{Incident, error, hour_ago, record};

impl Incident {
    /// A source with a setting for each operation that sets one.
    fn furnish(&self) {
        let table = || self.table.clone();
        self.front.call(
            "TagResource",
            &json!({ "ResourceArn": self.arn(&self.table), "Tags": [{ "Key": "team", "Value": "core" }] }),
        );
        self.front.call(
            "UpdateTimeToLive",
            &json!({ "TableName": table(),
            "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "expires_at" } }),
        );
        self.front.call("UpdateTable", &json!({ "TableName": table(), "DeletionProtectionEnabled": true }));
    }
}

#[test]
fn what_is_done_is_found_done() {
    let incident = Incident::new();
    incident.furnish();
    let first = record(incident.run(&[]).assert_code(0));
    incident.front.state().log.clear();
    let second = record(incident.run(&[]).assert_code(0));
    assert_eq!(second["restore"]["action"], "already");
    for name in ["table", "arn", "table_id", "stream_arn"] {
        assert_eq!(first[name], second[name], "{name}");
    }
    assert_eq!(first["restore"]["at"], second["restore"]["at"]);
    let steps = second["restore"]["settings"].as_array().unwrap();
    assert!(steps.iter().all(|step| step["action"] == "already"), "{second}");
    assert_eq!(record(incident.run(&["-n"]).assert_code(0))["restore"]["action"], "already");
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn a_run_that_was_killed_at_any_step_is_taken_up() {
    for operation in [
        "RestoreTableToPointInTime",
        "TagResource",
        "UpdateContinuousBackups",
        "UpdateTable",
        "UpdateTimeToLive",
    ] {
        for hang in [Fault::HangBefore, Fault::HangAfter] {
            let incident = Incident::new();
            incident.furnish();
            incident.front.fault(operation, [hang]);
            let running = incident.tool().spawn();
            incident.front.wait_until(|state| !state.sent(operation).is_empty());
            running.signal("KILL");
            assert_eq!(running.wait().signal, Some(9));

            let again = record(incident.run(&[]).assert_code(0));
            let expected = match (operation, hang) {
                ("RestoreTableToPointInTime", Fault::HangBefore) => "restored",
                // After the last step there is nothing left to do.
                ("UpdateTimeToLive", Fault::HangAfter) => "already",
                _ => "resumed",
            };
            assert_eq!(again["restore"]["action"], expected, "{operation} {hang:?}");
            let mut made = incident.changes();
            made.sort();
            let expected = [
                "RestoreTableToPointInTime",
                "TagResource",
                "UpdateContinuousBackups",
                "UpdateTable",
                "UpdateTimeToLive",
            ];
            assert_eq!(made, expected, "{operation} {hang:?}: each once");
            assert_eq!(incident.restored()["DeletionProtectionEnabled"], true, "{operation} {hang:?}");
        }
    }
}

#[test]
fn a_lost_answer_is_no_conflict() {
    let incident = Incident::new();
    incident.front.fault("RestoreTableToPointInTime", [Fault::Lose]);
    let told = record(incident.run(&[]).assert_code(0));
    assert_eq!(told["restore"]["action"], "restored");
    assert_eq!(incident.front.count("RestoreTableToPointInTime"), 2);
    assert_eq!(incident.changes()[0], "RestoreTableToPointInTime");
}

#[test]
fn a_signal_leaves_the_restore_to_be_taken_up() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let incident = Incident::new();
        incident.front.show(&incident.to(), "TableStatus", json!("CREATING"));
        let mut running = incident.tool().spawn();
        running.wait_stderr(": CREATING");
        running.signal(name);
        let told = running.wait_stderr("goes on in AWS");
        assert!(told.contains("a signal ended the wait") && told.contains("takes it up"), "{told}");
        let output = running.wait();
        assert_eq!((output.signal, output.stdout.len()), (Some(number), 0));
        incident.front.show(&incident.to(), "TableStatus", json!("ACTIVE"));
        assert_eq!(record(incident.run(&[]).assert_code(0))["restore"]["action"], "resumed");
        assert_eq!(incident.front.count("RestoreTableToPointInTime"), 1);
    }
}

#[test]
fn a_table_that_is_anything_else_is_refused() {
    let incident = Incident::new();
    let other_time = |at: i64| hour_ago().as_second() + at;
    let source = incident.arn(&incident.table);
    let (to, other) = (incident.to(), format!("{source}_other"));
    let summary = |arn: &str, at: i64| json!({ "SourceTableArn": arn, "RestoreDateTime": at, "RestoreInProgress": false });
    record(incident.run(&[]).assert_code(0));
    let mut from_backup = summary(&source, other_time(0));
    from_backup["SourceBackupArn"] = "arn:aws:dynamodb:us-east-1:1:table/x/backup/1".into();
    for (shown, expected) in [
        (Value::Null, "no restore made it"),
        (summary(&source, other_time(1)), "and not at"),
        (summary(&other, other_time(0)), other.as_str()),
        (from_backup, "from the backup arn:aws:dynamodb:us-east-1:1:table/x/backup/1"),
    ] {
        incident.front.show(&to, "RestoreSummary", shown);
        incident.front.state().log.clear();
        let output = incident.run(&["-n"]);
        let line = error(output.assert_code(1));
        assert!(line.contains(&format!("{to} is there already")) && line.contains(expected), "{line}");
        assert!(line.contains("give another --to"), "{line}");
        incident.run(&[]).assert_code(1);
        assert_eq!(incident.changes(), [""; 0]);
    }
}

#[test]
fn a_table_that_somebody_else_made_meanwhile_is_refused() {
    let incident = Incident::new();
    incident.front.fault("RestoreTableToPointInTime", [Fault::Refuse(400, "TableAlreadyExistsException")]);
    let output = incident.run(&[]);
    assert!(error(output.assert_code(1)).contains("TableAlreadyExistsException"), "{}", output.stderr);
}

#[test]
fn a_source_whose_recovery_was_disabled_since_does_not_stop_a_restore_that_goes_on() {
    let incident = Incident::new();
    let tags =
        json!({ "ResourceArn": incident.arn(&incident.table), "Tags": [{ "Key": "team", "Value": "edge" }] });
    incident.front.call("TagResource", &tags);
    incident.front.show(&incident.to(), "TableStatus", json!("CREATING"));
    incident.run(&["--timeout", "1s"]).assert_code(1);
    incident.recover(false);
    incident.front.show(&incident.to(), "TableStatus", json!("ACTIVE"));
    let told = record(incident.run(&[]).assert_code(0));
    assert_eq!(
        (&told["restore"]["action"], &told["restore"]["latest_restorable_time"]),
        (&json!("resumed"), &Value::Null)
    );
}
