//! What the wait sees, and how it ends.

use serde_json::json;
use testkit::tables::Fault;

use crate::{Incident, error, hour_ago, record};

impl Incident {
    /// Shows the new table with these members, and from a look on with others.
    fn stage(&self, first: &[(&str, serde_json::Value)], look: usize, then: &[(&str, serde_json::Value)]) {
        for (member, value) in first {
            self.front.show(&self.to(), member, value.clone());
        }
        let then = then.iter().map(|(member, value)| ((*member).to_owned(), value.clone())).collect();
        self.front.state().shown_later.insert(self.to(), (look, then));
    }

    /// What the new table says of its restore.
    pub fn summary(&self, goes_on: bool) -> serde_json::Value {
        json!({ "SourceTableArn": self.arn(&self.table), "RestoreDateTime": hour_ago().as_second(),
            "RestoreInProgress": goes_on })
    }

    fn index(&self, status: &str) -> serde_json::Value {
        json!([{ "IndexName": "by_user", "IndexStatus": status }])
    }
}

#[test]
fn each_state_is_told_once_until_all_is_there() {
    let incident = Incident::new();
    let (going, over) = (incident.summary(true), incident.summary(false));
    incident.stage(
        &[("TableStatus", json!("CREATING")), ("RestoreSummary", going)],
        5,
        &[("TableStatus", json!("ACTIVE")), ("RestoreSummary", over)],
    );
    let output = incident.run(&[]);
    record(output.assert_code(0));
    assert_eq!(output.stderr.matches("CREATING, restore in progress").count(), 1, "{}", output.stderr);
    assert!(incident.front.count("DescribeTable") >= 5);
}

#[test]
fn a_table_whose_restore_goes_on_is_waited_for_though_it_is_active() {
    let incident = Incident::new();
    let (going, over) = (incident.summary(true), incident.summary(false));
    incident.stage(&[("RestoreSummary", going)], 4, &[("RestoreSummary", over)]);
    let output = incident.run(&[]);
    record(output.assert_code(0));
    assert!(output.stderr.contains(": ACTIVE, restore in progress"), "{}", output.stderr);
}

#[test]
fn an_index_is_waited_for() {
    let incident = Incident::new();
    let (creating, active) = (incident.index("CREATING"), incident.index("ACTIVE"));
    incident.stage(&[("GlobalSecondaryIndexes", creating)], 4, &[("GlobalSecondaryIndexes", active)]);
    let output = incident.run(&[]);
    record(output.assert_code(0));
    assert!(output.stderr.contains(": ACTIVE, index by_user CREATING"), "{}", output.stderr);
}

#[test]
fn an_index_that_is_stuck_is_named_at_the_deadline() {
    let incident = Incident::new();
    incident.front.show(&incident.to(), "GlobalSecondaryIndexes", incident.index("CREATING"));
    // The restore has to be begun within it, by a moto that other tests keep busy.
    let output = incident.run(&["--timeout", "5s"]);
    let line = error(output.assert_code(1));
    let expected = format!("{}: ACTIVE, index by_user CREATING, and 5s are over (--timeout)", incident.to());
    assert!(line.contains(&expected) && line.contains("the same command again takes it up"), "{line}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_table_that_disappears_is_a_failed_restore() {
    let incident = Incident::new();
    incident.front.show(&incident.to(), "TableStatus", json!("CREATING"));
    let mut running = incident.tool().spawn();
    running.wait_stderr(": CREATING");
    incident.front.call("DeleteTable", &json!({ "TableName": incident.to() }));
    let output = running.wait();
    assert!(error(output.assert_code(1)).contains("is gone: its restore has failed"), "{}", output.stderr);
}

#[test]
fn a_state_that_nothing_comes_after_ends_the_wait() {
    for (status, expected) in [
        ("DELETING", "somebody deletes it, or its restore has failed"),
        ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", "see that its KMS key is enabled"),
        ("ARCHIVED", "restore to another name"),
    ] {
        let incident = Incident::new();
        incident.front.show(&incident.to(), "TableStatus", json!(status));
        let output = incident.run(&[]);
        let line = error(output.assert_code(1));
        assert!(line.contains(status) && line.contains(expected), "{line}");
    }
}

#[test]
fn what_the_service_refuses_is_told_with_a_remedy() {
    for (code, remedy) in [
        ("AccessDeniedException", "the README lists the permissions"),
        ("InvalidRestoreTimeException", "give an --at within the window"),
        ("PointInTimeRecoveryUnavailableException", "point-in-time recovery of the source is off"),
        ("TableInUseException", "run the same command again when it is ACTIVE"),
        ("TableNotFoundException", "check --from, --region and --profile"),
    ] {
        let incident = Incident::new();
        incident.front.fault("RestoreTableToPointInTime", [Fault::Refuse(400, code)]);
        let output = incident.run(&[]);
        let line = error(output.assert_code(1));
        let start = format!("RestoreTableToPointInTime to {}: {code}: not now (", incident.to());
        assert!(line.contains(&start) && line.contains(remedy), "{code}: {line}");
        assert_eq!(incident.front.count("RestoreTableToPointInTime"), 1, "{code}");
    }
}

#[test]
fn throttling_and_a_full_account_are_waited_out() {
    let incident = Incident::new();
    incident.front.fault("DescribeTable", [Fault::Refuse(400, "ThrottlingException")]);
    let busy = ["LimitExceededException", "ThrottlingException"].map(|code| Fault::Refuse(400, code));
    incident.front.fault("RestoreTableToPointInTime", busy);
    record(incident.run(&[]).assert_code(0));
    assert_eq!(incident.front.count("RestoreTableToPointInTime"), 3);
}

#[test]
fn looks_that_fail_while_the_restore_goes_on_do_not_end_it() {
    let incident = Incident::new();
    incident.front.show(&incident.to(), "TableStatus", json!("CREATING"));
    let mut running = incident.tool().spawn();
    running.wait_stderr(": CREATING");
    // More than the client tries by itself.
    incident.front.fault("DescribeTable", [Fault::Refuse(500, "InternalServerError"); 9]);
    running.wait_stderr("and is tried again");
    incident.front.show(&incident.to(), "TableStatus", json!("ACTIVE"));
    record(running.wait().assert_code(0));
}
