//! What a restore leaves behind, setting by setting.

use serde_json::{Value, json};
use testkit::tables::Fault;

use crate::{Incident, READS, record, steps};

const DESTINATION: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/changes";

/// A setting of which a table has one, and what becomes of it.
struct Case {
    setting: &'static str,
    /// The request that gives it to a table, but for the table's name or ARN.
    operation: &'static str,
    request: Value,
    /// What the source has, and the new table before.
    wanted: Value,
    found: Value,
    /// Another code with which the service refuses it.
    code: &'static str,
}

/// All but capacity, autoscaling and alarms.
fn cases() -> Vec<Case> {
    let case = |setting, operation, request, wanted, found, code| Case {
        setting,
        operation,
        request,
        wanted,
        found,
        code,
    };
    vec![
        case(
            "table-class",
            "UpdateTable",
            json!({ "TableClass": "STANDARD_INFREQUENT_ACCESS" }),
            json!("STANDARD_INFREQUENT_ACCESS"),
            json!("STANDARD"),
            "LimitExceededException",
        ),
        case(
            "tags",
            "TagResource",
            json!({ "Tags": [{ "Key": "team", "Value": "core" }, { "Key": "env", "Value": "prod" }] }),
            json!({ "team": "core", "env": "prod" }),
            json!({}),
            "AccessDeniedException",
        ),
        case(
            "stream",
            "UpdateTable",
            json!({ "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" } }),
            json!("NEW_IMAGE"),
            Value::Null,
            "ValidationException",
        ),
        case(
            "kinesis",
            "EnableKinesisStreamingDestination",
            json!({ "StreamArn": DESTINATION,
                "EnableKinesisStreamingConfiguration": { "ApproximateCreationDateTimePrecision": "MICROSECOND" } }),
            json!({ "precision": "MICROSECOND" }),
            Value::Null,
            "ResourceNotFoundException",
        ),
        case(
            "contributor-insights",
            "UpdateContributorInsights",
            json!({ "ContributorInsightsAction": "ENABLE", "ContributorInsightsMode": "THROTTLED_KEYS" }),
            json!("THROTTLED_KEYS"),
            Value::Null,
            "AccessDeniedException",
        ),
        case(
            "pitr",
            "UpdateContinuousBackups",
            json!({ "PointInTimeRecoverySpecification":
                { "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7 } }),
            json!(7),
            Value::Null,
            "AccessDeniedException",
        ),
        case(
            "deletion-protection",
            "UpdateTable",
            json!({ "DeletionProtectionEnabled": true }),
            json!(true),
            json!(false),
            "AccessDeniedException",
        ),
        case(
            "ttl",
            "UpdateTimeToLive",
            json!({ "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "expires_at" } }),
            json!("expires_at"),
            Value::Null,
            "ValidationException",
        ),
    ]
}

impl Incident {
    /// Gives a setting to a table.
    fn give(&self, table: &str, operation: &str, request: &Value) {
        let mut request = request.clone();
        let (name, value) = match operation {
            "TagResource" | "PutResourcePolicy" => ("ResourceArn", self.arn(table)),
            _ => ("TableName", table.to_owned()),
        };
        request[name] = value.into();
        self.front.call(operation, &request);
    }

    /// A source with this setting.
    fn with(case: &Case) -> Self {
        let incident = Self::new();
        incident.give(&incident.table, case.operation, &case.request);
        incident
    }

    fn tags(&self, table: &str) -> Value {
        let answer = self.front.call("ListTagsOfResource", &json!({ "ResourceArn": self.arn(table) }));
        let tags = answer["Tags"].as_array().unwrap().iter();
        tags.map(|tag| (tag["Key"].as_str().unwrap().to_owned(), tag["Value"].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

#[test]
fn each_is_told_set_and_found_again() {
    for case in cases() {
        let Case { setting, wanted, .. } = &case;
        let incident = Incident::with(&case);
        let told = incident.step(&record(incident.run(&["-n"]).assert_code(0)), setting);
        let expected = (&json!("to-set"), &Value::Null, wanted);
        assert_eq!((&told["action"], &told["found"], &told["wanted"]), expected, "{setting}");

        let told = incident.step(&record(incident.run(&[]).assert_code(0)), setting);
        let expected = (&json!("set"), &case.found, wanted);
        assert_eq!((&told["action"], &told["found"], &told["wanted"]), expected, "{setting}");

        let told = incident.step(&record(incident.run(&[]).assert_code(0)), setting);
        let expected = (&json!("already"), wanted, wanted);
        assert_eq!((&told["action"], &told["found"], &told["wanted"]), expected, "{setting}");
    }
}

#[test]
fn each_can_be_skipped() {
    for case in cases() {
        let Case { setting, .. } = &case;
        let incident = Incident::with(&case);
        let told = incident.step(&record(incident.run(&["--skip", setting]).assert_code(0)), setting);
        let expected = json!({ "setting": setting, "found": null, "wanted": null, "action": "skipped" });
        assert_eq!(told, expected);
        assert_eq!(incident.front.count(case.operation), 0, "{setting}");
    }
}

#[test]
fn one_that_is_refused_is_a_reject_and_the_others_are_set() {
    for case in cases() {
        let Case { setting, operation, code, .. } = &case;
        let incident = Incident::with(&case);
        let to = incident.to();
        // More often than the client tries a request that is refused for being one too many.
        incident.front.fault(operation, [Fault::Refuse(400, code); 8]);
        let output = incident.run(&[]);
        let told = record(output.assert_code(3));
        let step = incident.step(&told, setting);
        assert_eq!((&step["action"], &step["wanted"]), (&json!("refused"), &case.wanted), "{setting}");
        let message = step["message"].as_str().unwrap();
        assert!(message.contains(&format!("{operation} ")) && message.contains(code), "{message}");
        let rejects = output.rejects();
        assert_eq!(rejects.len(), 1, "{setting}");
        assert_eq!(
            (&rejects[0]["error"]["kind"], &rejects[0]["error"]["message"]),
            (&json!("setting-refused"), &step["message"])
        );
        assert_eq!(rejects[0]["record"], json!({ "table": to, "setting": step }));
        if *setting != "pitr" {
            assert_eq!(incident.step(&told, "pitr")["action"], "set", "{setting}");
        }

        incident.front.state().faults.clear();
        let again = record(incident.run(&[]).assert_code(0));
        assert_eq!(incident.step(&again, setting)["action"], "set", "{setting}");
    }
}

#[test]
fn one_that_cannot_be_read_is_a_reject_that_names_the_permission() {
    for (setting, operation) in [
        ("tags", "ListTagsOfResource"),
        ("kinesis", "DescribeKinesisStreamingDestination"),
        ("contributor-insights", "DescribeContributorInsights"),
        ("resource-policy", "GetResourcePolicy"),
        ("ttl", "DescribeTimeToLive"),
    ] {
        let incident = Incident::new();
        // Asked before the restore and after it.
        incident.front.fault(operation, [Fault::Refuse(400, "AccessDeniedException"); 2]);
        let output = incident.run(&[]);
        let told = record(output.assert_code(3));
        let step = incident.step(&told, setting);
        let message = step["message"].as_str().unwrap();
        assert_eq!(step["action"], "refused");
        assert!(message.starts_with(operation) && message.contains("AccessDeniedException"), "{message}");
        assert_eq!(output.rejects().len(), 1, "{setting}");
        assert_eq!(incident.step(&told, "pitr")["action"], "set", "{setting}");
    }
}

#[test]
fn a_table_is_changed_once_at_a_time_and_each_change_is_of_one_kind() {
    let incident = Incident::new();
    for case in cases() {
        incident.give(&incident.table, case.operation, &case.request);
    }
    incident.front.state().update_looks = 2;
    // One that is busy in spite of its state is changed a moment later.
    let busy = Fault::Refuse(400, "ResourceInUseException");
    incident.front.fault("UpdateTable", [busy]);
    incident.front.fault("UpdateContributorInsights", [busy]);
    incident
        .front
        .fault("UpdateContinuousBackups", [Fault::Refuse(400, "ContinuousBackupsUnavailableException")]);
    let told = record(incident.run(&[]).assert_code(0));
    let state = incident.front.state();
    let changes = state.log.iter().filter(|logged| !READS.contains(&logged.operation.as_str()));
    let refused = changes.filter(|logged| logged.refused).map(|logged| logged.operation.as_str());
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused, ["UpdateTable", "UpdateContributorInsights", "UpdateContinuousBackups"]);
    for sent in state.sent("UpdateTable") {
        assert_eq!(sent.as_object().unwrap().len(), 2, "{sent}: the name, and one kind of change");
    }
    let made: Vec<_> =
        state.log.iter().filter(|logged| !logged.refused && logged.operation.starts_with("Update")).collect();
    assert_eq!(made.last().unwrap().operation, "UpdateTimeToLive");
    drop(state);
    for case in cases() {
        assert_eq!(incident.step(&told, case.setting)["action"], "set", "{}", case.setting);
    }
}

#[test]
fn ttl_comes_after_the_comparison() {
    let incident = Incident::new();
    let ttl = cases().pop().unwrap();
    incident.give(&incident.table, ttl.operation, &ttl.request);
    record(incident.run(&["--validate"]).assert_code(0));
    let state = incident.front.state();
    let last_of =
        |operation: &str| state.log.iter().rposition(|logged| logged.operation == operation).unwrap();
    let scanned = last_of("Scan");
    assert!(last_of("UpdateTimeToLive") > scanned && last_of("UpdateContinuousBackups") < scanned);
}

#[test]
fn tags_of_aws_are_left_out_and_those_of_the_new_table_stay() {
    let incident = Incident::new();
    let tag = |key: &str, value: &str| json!({ "Tags": [{ "Key": key, "Value": value }] });
    for (key, value) in [("team", "core"), ("env", "prod"), ("aws:cloudformation:stack-name", "app")] {
        incident.give(&incident.table, "TagResource", &tag(key, value));
    }
    record(incident.run(&[]).assert_code(0));
    assert_eq!(incident.tags(&incident.to()), json!({ "team": "core", "env": "prod" }));

    for (key, value) in [("env", "drill"), ("mine", "x")] {
        incident.give(&incident.to(), "TagResource", &tag(key, value));
    }
    incident.front.state().log.clear();
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "tags");
    assert_eq!(step["found"], json!({ "team": "core", "env": "drill", "mine": "x" }));
    assert_eq!(incident.tags(&incident.to()), json!({ "team": "core", "env": "prod", "mine": "x" }));
    assert_eq!(incident.front.state().sent("TagResource")[0]["Tags"], tag("env", "prod")["Tags"]);
}

#[test]
fn a_policy_is_rewritten_to_the_new_table() {
    let incident = Incident::new();
    let arn = incident.arn(&incident.table);
    let policy = |arn: &str| {
        let statement = json!({ "Sid": "app", "Effect": "Allow", "Action": "dynamodb:GetItem",
            "Principal": { "AWS": "arn:aws:iam::123456789012:role/app" },
            "Resource": [arn, format!("{arn}/index/*"), "arn:aws:dynamodb:us-east-1:123456789012:table/other"] });
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    };
    let given = json!({ "Policy": policy(&arn).to_string() });
    incident.give(&incident.table, "PutResourcePolicy", &given);
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "resource-policy");
    assert_eq!((&step["action"], &step["found"]), (&json!("set"), &Value::Null));
    let to_arn = incident.arn(&incident.to());
    let read = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    assert_eq!(read(&step["wanted"]), policy(&to_arn));
    let there = incident.front.call("GetResourcePolicy", &json!({ "ResourceArn": to_arn }));
    assert_eq!(read(&there["Policy"]), policy(&to_arn));

    // The same in other words is the same.
    let pretty = serde_json::to_string_pretty(&policy(&to_arn)).unwrap();
    incident.give(&incident.to(), "PutResourcePolicy", &json!({ "Policy": pretty }));
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "resource-policy");
    assert_eq!(step["action"], "already");
}

#[test]
fn a_destination_gets_the_precision_of_the_source() {
    let incident = Incident::new();
    let with = |precision: &str| {
        json!({ "StreamArn": DESTINATION,
            "EnableKinesisStreamingConfiguration": { "ApproximateCreationDateTimePrecision": precision } })
    };
    record(incident.run(&[]).assert_code(0));
    incident.give(&incident.table, "EnableKinesisStreamingDestination", &with("MICROSECOND"));
    incident.give(&incident.to(), "EnableKinesisStreamingDestination", &with("MILLISECOND"));
    for (action, found) in [("set", "MILLISECOND"), ("already", "MICROSECOND")] {
        let step = incident.step(&record(incident.run(&[]).assert_code(0)), "kinesis");
        assert_eq!((&step["of"], &step["action"]), (&json!(DESTINATION), &json!(action)));
        assert_eq!(step["found"], json!({ "precision": found }));
    }
    assert_eq!(incident.front.count("EnableKinesisStreamingDestination"), 0);
}

#[test]
fn insights_of_an_index_are_those_of_the_index() {
    let incident = Incident::new();
    let on = json!({ "ContributorInsightsAction": "ENABLE", "IndexName": "by_user" });
    incident.give(&incident.table, "UpdateContributorInsights", &on);
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "contributor-insights");
    assert_eq!((&step["of"], &step["action"]), (&json!("by_user"), &json!("set")));
    assert_eq!(incident.front.state().sent("UpdateContributorInsights")[0]["IndexName"], "by_user");

    let incident = Incident::new();
    incident.give(&incident.table, "UpdateContributorInsights", &on);
    let told = record(incident.run(&["--without-indexes"]).assert_code(0));
    assert_eq!(steps(&told, "contributor-insights"), [Value::Null; 0]);
}

#[test]
fn the_most_on_demand_and_units_are_read_back_and_set() {
    let incident = Incident::new();
    let most = json!({ "MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 200 });
    incident.give(&incident.table, "UpdateTable", &json!({ "OnDemandThroughput": most }));
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "capacity");
    assert_eq!(
        (&step["action"], &step["wanted"]["table"]),
        (&json!("set"), &json!({ "read": 100, "write": 200 }))
    );
    assert_eq!(incident.restored()["OnDemandThroughput"], most);

    let incident = Incident::provisioned();
    incident.front.show(
        &incident.to(),
        "ProvisionedThroughput",
        json!({ "ReadCapacityUnits": 1, "WriteCapacityUnits": 6 }),
    );
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "capacity");
    let expected = |read: u32| {
        json!({ "billing_mode": "PROVISIONED", "table": { "read": read, "write": 6 },
            "indexes": { "by_user": { "read": 7, "write": 8 } } })
    };
    assert_eq!((&step["found"], &step["wanted"]), (&expected(1), &expected(5)));
    let expected = json!({ "TableName": incident.to(),
        "ProvisionedThroughput": { "ReadCapacityUnits": 5, "WriteCapacityUnits": 6 } });
    assert_eq!(incident.front.state().sent("UpdateTable"), [&expected]);
}
