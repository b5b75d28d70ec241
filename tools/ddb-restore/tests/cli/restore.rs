//! A restore from its beginning to its record.

use serde_json::{Value, json};

use crate::{Incident, error, hour_ago, record};

#[test]
fn a_table_comes_back_with_its_items_and_indexes() {
    let incident = Incident::new();
    let output = incident.run(&[]);
    let told = record(output.assert_code(0));
    let there = incident.restored();
    assert_eq!((&told["table"], &told["arn"]), (&json!(incident.to()), &there["TableArn"]));
    assert!(told["table_id"].is_string(), "{told}");
    assert_eq!(told["stream_arn"], Value::Null);
    let restore = &told["restore"];
    assert_eq!((&restore["action"], &restore["dry_run"]), (&json!("restored"), &json!(false)));
    assert_eq!(restore["from"], incident.table.as_str());
    assert_eq!(restore["from_arn"], incident.arn(&incident.table).as_str());
    assert_eq!(restore["at"], hour_ago().to_string());
    assert!(restore["earliest_restorable_time"].as_str() < restore["latest_restorable_time"].as_str());
    assert_eq!(restore["overrides"], json!({}));
    assert!(restore["timings"]["restore"].is_number() && restore["timings"]["settings"].is_number());
    assert_eq!(there["ItemCount"], 3);
    assert_eq!(
        (&there["GlobalSecondaryIndexes"][0]["IndexName"], &there["LocalSecondaryIndexes"][0]["IndexName"]),
        (&json!("by_user"), &json!("by_time"))
    );
    let state = incident.front.state();
    let sent = state.sent("RestoreTableToPointInTime");
    assert_eq!(
        *sent[0],
        json!({ "SourceTableName": incident.table, "TargetTableName": incident.to(),
        "RestoreDateTime": hour_ago().as_second() })
    );
    assert!(output.stderr.contains("can be restored to any second from "), "{}", output.stderr);
}

#[test]
fn without_a_time_it_is_the_latest() {
    let incident = Incident::new();
    let run = |flags: &[&str]| {
        incident.plain().args(["--from", &incident.table, "--to", &incident.to()]).args(flags).run()
    };
    let rehearsed = record(run(&["-n"]).assert_code(0));
    assert_eq!(
        (&rehearsed["restore"]["at"], &rehearsed["restore"]["dry_run"]),
        (&json!("latest"), &json!(true))
    );
    assert_eq!(incident.changes(), [""; 0]);
    // Which instant that is, the new table alone tells: the end of the window moves on before the restore begins.
    incident.front.show(&incident.to(), "RestoreSummary", incident.summary(false));
    let told = record(run(&[]).assert_code(0));
    assert_eq!(told["restore"]["at"], hour_ago().to_string());
    assert!(told["restore"]["latest_restorable_time"].is_string(), "{told}");
    {
        let state = incident.front.state();
        let sent = state.sent("RestoreTableToPointInTime");
        assert_eq!(
            *sent[0],
            json!({ "SourceTableName": incident.table, "TargetTableName": incident.to(),
            "UseLatestRestorableTime": true })
        );
    }
    assert_eq!(record(run(&[]).assert_code(0))["restore"]["action"], "already");
}

#[test]
fn a_table_can_come_back_without_indexes_and_under_another_key() {
    let incident = Incident::new();
    let told = record(incident.run(&["--without-indexes", "--kms-key", "alias/dr"]).assert_code(0));
    assert_eq!(told["restore"]["overrides"], json!({ "without_indexes": true, "kms_key": "alias/dr" }));
    let there = incident.restored();
    for indexes in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        assert_eq!(there[indexes], json!([]), "{indexes}");
    }
    let state = incident.front.state();
    let sent = state.sent("RestoreTableToPointInTime")[0];
    assert_eq!(
        sent["SSESpecificationOverride"],
        json!({ "Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "alias/dr" })
    );
    assert_eq!(
        (&sent["GlobalSecondaryIndexOverride"], &sent["LocalSecondaryIndexOverride"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn keys_of_aws_are_asked_for_as_the_service_spells_them() {
    for (key, expected) in [
        ("aws-owned", json!({ "Enabled": false })),
        ("alias/aws/dynamodb", json!({ "Enabled": true, "SSEType": "KMS" })),
    ] {
        let incident = Incident::new();
        let told = record(incident.run(&["--kms-key", key]).assert_code(0));
        assert_eq!(told["restore"]["overrides"]["kms_key"], key);
        let state = incident.front.state();
        assert_eq!(state.sent("RestoreTableToPointInTime")[0]["SSESpecificationOverride"], expected, "{key}");
    }
}

#[test]
fn a_table_on_demand_can_become_provisioned() {
    let incident = Incident::new();
    let output = incident.run(&["--billing-mode", "PROVISIONED"]);
    assert!(
        error(output.assert_code(1)).contains("needs --read-capacity and --write-capacity"),
        "{}",
        output.stderr
    );
    let units = ["--read-capacity", "20", "--write-capacity", "10"];
    let output = incident.run(&units);
    assert!(error(output.assert_code(1)).contains("need --billing-mode PROVISIONED"), "{}", output.stderr);
    assert_eq!(incident.changes(), [""; 0]);

    let told =
        record(incident.run(&[&["--billing-mode", "PROVISIONED"][..], &units].concat()).assert_code(0));
    let expected = json!({ "billing_mode": "PROVISIONED", "read_capacity": 20, "write_capacity": 10 });
    assert_eq!(told["restore"]["overrides"], expected);
    assert_eq!(incident.step(&told, "capacity")["action"], "already");
    let there = incident.restored();
    for of in [&there, &there["GlobalSecondaryIndexes"][0]] {
        let units = &of["ProvisionedThroughput"];
        assert_eq!((&units["ReadCapacityUnits"], &units["WriteCapacityUnits"]), (&json!(20), &json!(10)));
    }
    let state = incident.front.state();
    let index = &state.sent("RestoreTableToPointInTime")[0]["GlobalSecondaryIndexOverride"][0];
    assert_eq!(
        (&index["IndexName"], &index["Projection"]),
        (&json!("by_user"), &json!({ "ProjectionType": "ALL" }))
    );
}

#[test]
fn a_provisioned_table_can_come_back_on_demand() {
    let incident = Incident::provisioned();
    let told = record(incident.run(&["--billing-mode", "PAY_PER_REQUEST"]).assert_code(0));
    assert_eq!(incident.restored()["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(incident.step(&told, "capacity")["wanted"]["billing_mode"], "PAY_PER_REQUEST");
}

#[test]
fn a_dry_run_tells_everything_and_changes_nothing() {
    let incident = Incident::new();
    incident.front.call(
        "TagResource",
        &json!({ "ResourceArn": incident.arn(&incident.table),
        "Tags": [{ "Key": "team", "Value": "core" }] }),
    );
    let output = incident.run(&["--dry-run", "--without-indexes"]);
    let told = record(output.assert_code(0));
    assert_eq!((&told["restore"]["dry_run"], &told["arn"]), (&json!(true), &Value::Null));
    let tags = incident.step(&told, "tags");
    assert_eq!(
        tags,
        json!({ "setting": "tags", "found": null, "wanted": { "team": "core" }, "action": "to-set" })
    );
    assert!(output.stderr.contains(r#"to be set: tags {"team":"core"}"#), "{}", output.stderr);
    assert_eq!(incident.changes(), [""; 0]);
    assert!(incident.front.table(&incident.to()).is_none());
}

#[test]
fn a_global_table_comes_back_as_an_independent_one_and_that_is_told() {
    let incident = Incident::new();
    let replicas = json!([{ "RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE" }]);
    incident.front.show(&incident.table, "Replicas", replicas);
    let output = incident.run(&[]);
    let told = record(output.assert_code(0));
    let expected = format!("{} is a global table: {} is an independent table", incident.table, incident.to());
    let left = told["restore"]["not_carried"].as_array().unwrap();
    assert!(left.iter().any(|left| left.as_str().unwrap().starts_with(&expected)), "{told}");
    assert!(
        output.stderr.contains(&expected) && output.stderr.contains("eu-west-1 go on with"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_must_be_done_by_hand_is_named() {
    let incident = Incident::new();
    incident.front.call(
        "UpdateTable",
        &json!({ "TableName": incident.table,
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" } }),
    );
    let told = record(incident.run(&[]).assert_code(0));
    let stream = incident.front.table(&incident.table).unwrap()["LatestStreamArn"].clone();
    let expected = [
        format!("IAM policies that name {}", incident.arn(&incident.table)),
        format!(
            "readers of the stream {}, such as event source mappings of Lambda",
            stream.as_str().unwrap()
        ),
    ];
    assert_eq!(told["restore"]["not_carried"], json!(expected));
    assert_eq!(told["stream_arn"], incident.restored()["LatestStreamArn"]);
    assert!(told["stream_arn"].as_str().unwrap().contains(&incident.to()));
}

#[test]
fn the_comparison_is_part_of_the_record() {
    let incident = Incident::new();
    let told = record(incident.run(&["--validate"]).assert_code(0));
    let validate = &told["validate"];
    assert_eq!((&validate["match"], &validate["to"]["items"]), (&json!(true), &json!(3)));
    assert!(told["restore"]["timings"]["validate"].is_number());
    assert_eq!(incident.run(&[]).records()[0].get("validate"), None);
}

#[test]
fn tables_that_differ_are_a_reject_and_no_record() {
    let incident = Incident::new();
    record(incident.run(&[]).assert_code(0));
    incident.put(&incident.table, "damage");
    let output = incident.run(&["--validate", "--diff"]);
    assert!(output.assert_code(3).stdout.is_empty());
    let rejects = output.rejects();
    let kinds: Vec<_> = rejects.iter().map(|reject| reject["error"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["item-missing", "differs"]);
    let record = &rejects[1]["record"];
    assert_eq!((&record["table"], &record["restore"]["action"]), (&json!(incident.to()), &json!("already")));
    assert_eq!(record["validate"]["match"], false);

    let only =
        incident.plain().args(["--from", &incident.table, "--to", &incident.to(), "--validate-only"]).run();
    let rejects = only.assert_code(3).rejects();
    assert_eq!(rejects[0]["record"]["from"], incident.table.as_str());
}
