//! A run that ends early, however it does, is taken up by the next one.

use testkit::tables::Fault;

use crate::{CHANGES, Incident, error};

/// Kills a run at one of its changes, before or after DynamoDB has made it, and runs again.
fn killed(operation: &str, flags: &[&str]) {
    for hang in [Fault::HangBefore, Fault::HangAfter] {
        let incident = Incident::new();
        incident.recover(&incident.table);
        incident.protect();
        incident.front.fault(operation, [hang]);
        let flags = [flags, &["--lift-protection"]].concat();
        let running = incident.tool().args(&flags).spawn();
        incident.front.wait_until(|state| !state.sent(operation).is_empty());
        running.signal("KILL");
        assert_eq!(running.wait().signal, Some(9));

        let output = incident.run(&flags);
        let told = incident.retire(output.assert_code(0));
        let was_done = operation == "DeleteTable" && hang == Fault::HangAfter;
        assert_eq!(told["action"], if was_done { "already" } else { "retired" }, "{operation} {hang:?}");
        let mut made = incident.changes();
        made.sort();
        made.dedup();
        assert_eq!(
            made.len(),
            incident.changes().len(),
            "{operation} {hang:?}: nothing is done twice: {made:?}"
        );
        assert!(incident.is_gone(), "{operation} {hang:?}");
    }
}

#[test]
fn killed_at_the_backup() {
    killed("CreateBackup", &[]);
}

#[test]
fn killed_at_the_export() {
    killed("ExportTableToPointInTime", &["--export", "s3://archive/dynamodb/"]);
}

#[test]
fn killed_at_the_protection() {
    killed("UpdateTable", &[]);
}

#[test]
fn killed_at_the_table() {
    killed("DeleteTable", &[]);
}

#[test]
fn a_signal_before_the_deletion_deletes_nothing_and_what_goes_on_is_told() {
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let incident = Incident::new();
        incident.front.state().backup_looks = 1000;
        let mut running = incident.tool().args(["--backup", "kept"]).spawn();
        running.wait_stderr("is CREATING");
        running.signal(name);
        let told = running.wait_stderr("goes on in AWS");
        assert!(told.contains("the backup kept is being made"), "{told}");
        let output = running.wait();
        assert_eq!((output.signal, output.stdout.len()), (Some(number), 0));
        assert_eq!(incident.changes(), ["CreateBackup"]);
        assert!(!incident.is_gone());
    }
}

#[test]
fn a_signal_while_the_table_is_deleted_says_so() {
    let incident = Incident::new();
    incident.front.state().deletion_looks = 1000;
    let mut running = incident.tool().spawn();
    running.wait_stderr("the table is being deleted");
    running.signal("INT");
    let told = running.wait_stderr("goes on in AWS");
    assert!(told.contains("is being deleted, and that goes on in AWS"), "{told}");
    assert_eq!(running.wait().signal, Some(2));
}

#[test]
fn a_table_that_is_being_deleted_still_tells_the_way_back() {
    let incident = Incident::new();
    incident.recover(&incident.table);
    incident.front.state().deletion_looks = 1000;
    let tool = || incident.tool().args(["--export", "s3://archive/dynamodb"]);
    let mut running = tool().spawn();
    running.wait_stderr("the table is being deleted");
    running.signal("INT");
    running.wait();
    let mut running = tool().spawn();
    running.wait_stderr("the table is being deleted");
    incident.front.state().deletion_looks = 0;
    let told = incident.retire(running.wait().assert_code(0));
    assert!(told["bring_back"].as_str().is_some_and(|line| line.contains("by_user")), "{told}");
    assert_eq!((&told["action"], &told["settings"]), (&"retired".into(), &serde_json::Value::Null));
    assert_eq!(incident.front.count("DeleteTable"), 1);
}

#[test]
fn a_signal_between_two_tries_ends_it() {
    let incident = Incident::new();
    incident.front.fault("DeleteTable", [Fault::Refuse(400, "ResourceInUseException"); 20]);
    let mut running = incident.tool().spawn();
    running.wait_stderr("ResourceInUseException: not now: looking again");
    running.signal("INT");
    let output = running.wait();
    assert_eq!(output.signal, Some(2));
    assert!(!incident.is_gone());
}

#[test]
fn the_time_is_bounded() {
    let incident = Incident::new();
    incident.front.state().backup_looks = 1000;
    // The backup has to be begun within it, by a moto that other tests keep busy.
    let output = incident.run(&["--timeout", "5s", "--backup", "kept"]);
    let error = error(output.assert_code(1));
    assert!(error.contains("the backup kept is CREATING") && error.contains("(--timeout)"), "{error}");
    assert!(!incident.is_gone());
}

#[test]
fn a_lost_answer_makes_nothing_twice() {
    for operation in ["CreateBackup", "UpdateTable", "DeleteTable"] {
        let incident = Incident::new();
        incident.protect();
        incident.front.state().deletion_looks = 2;
        incident.front.fault(operation, [Fault::Lose]);
        let output = incident.run(&["--lift-protection"]);
        assert_eq!(incident.retire(output.assert_code(0))["action"], "retired", "{operation}");
        assert_eq!(incident.backups().len(), 1, "{operation}");
        assert!(incident.is_gone(), "{operation}");
    }
}

#[test]
fn what_passes_is_waited_for() {
    let incident = Incident::new();
    incident.protect();
    for operation in CHANGES.iter().chain(&["DescribeTable", "ListBackups", "DescribeBackup"]) {
        incident.front.fault(operation, [Fault::Refuse(400, "ThrottlingException")]);
    }
    incident.front.fault("CreateBackup", [Fault::Refuse(400, "LimitExceededException")]);
    incident.front.fault("DeleteTable", [Fault::Refuse(400, "ResourceInUseException")]);
    incident.run(&["--lift-protection"]).assert_code(0);
    assert!(incident.is_gone());
    assert_eq!(incident.changes(), ["CreateBackup", "UpdateTable", "DeleteTable"]);
}

#[test]
fn a_table_that_is_being_updated_is_waited_for() {
    let incident = Incident::new();
    incident.front.show(&incident.table, "TableStatus", "UPDATING".into());
    let later = serde_json::json!({"TableStatus": "ACTIVE"}).as_object().cloned().unwrap_or_default();
    incident.front.state().shown_later.insert(incident.table.clone(), (5, later));
    let output = incident.run(&[]);
    assert!(output.assert_code(0).stderr.contains("the table is UPDATING"), "{}", output.stderr);
}
