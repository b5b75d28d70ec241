//! The archive as an export to S3.

use serde_json::{Value, json};
use testkit::tables::Fault;

use crate::{Incident, error};

const PLACE: &str = "s3://archive/dynamodb/";

fn incident() -> Incident {
    let incident = Incident::new();
    incident.recover(&incident.table);
    incident
}

#[test]
fn the_table_goes_and_its_export_stays() {
    let incident = incident();
    incident.front.state().export_looks = 2;
    let output = incident.run(&["--export", PLACE]);
    output.assert_code(0);
    assert!(
        output.stderr.contains("the export to s3://archive/dynamodb is IN_PROGRESS"),
        "{}",
        output.stderr
    );
    assert_eq!(incident.changes(), ["ExportTableToPointInTime", "DeleteTable"]);
    let told = incident.retire(&output);
    let archive = &told["archive"];
    assert_eq!(
        (&archive["export"], &archive["item_count"], &archive["size_bytes"]),
        (&json!("s3://archive/dynamodb"), &json!(1), &json!(4096))
    );
    let manifest = archive["manifest"].as_str().unwrap_or_default();
    let folder = manifest.strip_suffix("manifest-summary.json").unwrap_or_default();
    assert!(folder.starts_with("dynamodb/AWSDynamoDB/") && archive["export_time"].is_string(), "{archive}");
    let (command, rest) = told["bring_back"]
        .as_str()
        .and_then(|line| line.split_once(" --table-creation-parameters "))
        .unwrap_or_default();
    assert_eq!(
        command,
        format!(
            "aws dynamodb import-table --s3-bucket-source '{{\"S3Bucket\":\"archive\",\"S3KeyPrefix\":\"{folder}data/\"}}' \
             --input-format DYNAMODB_JSON --input-compression-type GZIP"
        )
    );
    let creation = rest.strip_suffix(" --region us-east-1").unwrap_or_default().trim_matches('\'');
    let key = |name: &str| json!([{"AttributeName": name, "KeyType": "HASH"}]);
    assert_eq!(
        serde_json::from_str::<Value>(creation).unwrap_or_default(),
        json!({
            "TableName": incident.table,
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "user", "AttributeType": "S"}
            ],
            "KeySchema": key("pk"),
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": [
                {"IndexName": "by_user", "KeySchema": key("user"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            ],
        })
    );
    let state = incident.front.state();
    let sent = state.sent("ExportTableToPointInTime")[0];
    assert_eq!(
        (&sent["S3Bucket"], &sent["S3Prefix"], &sent["ExportFormat"]),
        (&json!("archive"), &json!("dynamodb"), &json!("DYNAMODB_JSON"))
    );
    drop(state);

    let again = incident.run(&["--export", PLACE]);
    let again = incident.retire(again.assert_code(0));
    assert_eq!((&again["action"], &again["archive"]), (&json!("already"), archive));
    // The keys of the table are known no more, so that no command can be told.
    assert_eq!(again["bring_back"], json!(null));
}

#[test]
fn an_export_needs_point_in_time_recovery() {
    let incident = Incident::new();
    for flags in [&["--export", PLACE][..], &["--export", PLACE, "--dry-run"]] {
        assert!(error(incident.run(flags).assert_code(1)).contains("an export needs point-in-time recovery"));
    }
    assert_eq!(incident.changes(), [""; 0]);
}

#[test]
fn an_export_that_failed_is_told_and_made_again_by_the_next_run() {
    let incident = incident();
    incident.front.state().export_failure = Some(("S3NoSuchBucket", "The specified bucket does not exist"));
    let output = incident.run(&["--export", PLACE]);
    let error = error(output.assert_code(1));
    assert!(error.contains("FAILED: S3NoSuchBucket: The specified bucket does not exist"), "{error}");
    assert!(!incident.is_gone());
    incident.front.state().export_failure = None;
    let output = incident.run(&["--export", PLACE]);
    assert_eq!(incident.retire(output.assert_code(0))["action"], "retired");
    let state = incident.front.state();
    let tokens: Vec<_> =
        state.sent("ExportTableToPointInTime").iter().map(|sent| sent["ClientToken"].clone()).collect();
    assert_eq!(tokens.len(), 2);
    assert_ne!(tokens[0], tokens[1]);
}

#[test]
fn an_export_without_a_manifest_or_an_instant_is_none() {
    for (member, value) in [("Outcome", json!({"ExportStatus": "COMPLETED"})), ("ExportTime", json!(null))] {
        let incident = incident();
        incident.front.state().export_looks = 1000;
        let mut running = incident.tool().args(["--export", PLACE]).spawn();
        running.wait_stderr("is IN_PROGRESS");
        incident.front.state().exports_mut()[0][member] = value;
        incident.front.state().export_looks = 0;
        assert!(error(running.wait().assert_code(1)).contains("COMPLETED without a manifest"), "{member}");
        assert!(!incident.is_gone(), "{member}");
    }
}

#[test]
fn an_export_of_other_data_is_not_taken() {
    let incident = incident();
    incident.run(&["--export", PLACE]).assert_code(0);
    incident.create(&incident.table);
    incident.recover(&incident.table);
    let rehearsed = incident.run(&["--export", PLACE, "--dry-run"]);
    let told = incident.retire(rehearsed.assert_code(0));
    assert_eq!(told["archive"], json!(null), "that of the earlier table");
    for (member, value) in [
        ("S3Prefix", json!("elsewhere")),
        ("S3Bucket", json!("elsewhere")),
        ("ExportFormat", json!("ION")),
        ("ExportType", json!("INCREMENTAL_EXPORT")),
        ("FilterSpecification", json!({"FilterExpression": "a = :b"})),
    ] {
        let mut state = incident.front.state();
        let mut other = state.exports_mut()[0].clone();
        other["TableId"] = told["table_id"].clone();
        other[member] = value;
        other["ExportArn"] = format!("{}-{member}", other["ExportArn"].as_str().unwrap_or_default()).into();
        state.exports_mut().push(other);
    }
    let output = incident.run(&["--export", PLACE, "--dry-run"]);
    assert_eq!(incident.retire(output.assert_code(0))["archive"], json!(null), "not one of this kind");
}

#[test]
fn an_export_whose_answer_was_lost_is_not_made_twice() {
    let incident = incident();
    incident.front.fault("ExportTableToPointInTime", [Fault::Lose, Fault::Lose]);
    incident.run(&["--export", PLACE]).assert_code(0);
    assert_eq!(incident.front.state().exports_mut().len(), 1);
    assert_eq!(incident.front.count("ExportTableToPointInTime"), 3);
}

#[test]
fn what_an_import_cannot_make_is_told() {
    let incident = incident();
    let index = json!([{"IndexName": "by_time", "KeySchema": [], "Projection": {"ProjectionType": "ALL"}}]);
    incident.front.show(&incident.table, "LocalSecondaryIndexes", index);
    let output = incident.run(&["--export", PLACE, "--dry-run"]);
    assert!(output.assert_code(0).stderr.contains("an import makes none: a backup keeps them"));
    assert!(!incident.run(&["--dry-run"]).assert_code(0).stderr.contains("an import"));
}
