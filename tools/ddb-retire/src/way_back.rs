//! The commands that bring the table back.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, Projection, ProvisionedThroughputDescription,
    SseStatus, TableDescription,
};
use common::shell::Command;
use serde_json::{Value, json};

use crate::archive::{Archive, Method};
use crate::world::Target;

/// What an export's manifest is called; the data is beside it (Developer Guide, "DynamoDB table export output format").
const MANIFEST: &str = "manifest-summary.json";

/// One line for a shell that brings the table back under its old name; nothing for an export of a table that is gone, and
/// whose keys no journal has.
pub fn bring_back(
    archive: &Archive,
    creation: Option<&Value>,
    target: &Target,
    region: &str,
) -> Option<String> {
    let mut command = match &target.method {
        Method::Backup(_) => {
            let mut command = Command::new("aws dynamodb restore-table-from-backup");
            command.option("--target-table-name", Some(&target.table));
            command.option("--backup-arn", Some(&archive.arn));
            command
        }
        Method::Export(place) => {
            let data = archive.manifest.as_deref()?.strip_suffix(MANIFEST)?;
            let mut command = Command::new("aws dynamodb import-table");
            let source = json!({"S3Bucket": place.bucket, "S3KeyPrefix": format!("{data}data/")});
            command.option("--s3-bucket-source", Some(source));
            command.option("--input-format", Some("DYNAMODB_JSON"));
            command.option("--input-compression-type", Some("GZIP"));
            command.option("--table-creation-parameters", Some(creation?));
            command
        }
    };
    command.option("--region", Some(region));
    Some(command.into_line())
}

/// Finds the backup that DynamoDB makes by itself of a table with point-in-time recovery that is deleted: it is restored as
/// any other (Developer Guide, "Point-in-time recovery": kept for 35 days).
pub fn last_second(table: &str, region: &str) -> String {
    let mut command = Command::new("aws dynamodb list-backups");
    command.option("--table-name", Some(table));
    command.option("--backup-type", Some("SYSTEM"));
    command.option("--region", Some(region));
    command.into_line()
}

/// An import makes a table, and has to be told which (API reference, TableCreationParameters).
pub fn creation(table: &TableDescription, name: &str) -> Value {
    let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    let is_on_demand = billing == Some(&BillingMode::PayPerRequest);
    let mut made = json!({
        "TableName": name,
        "AttributeDefinitions": table.attribute_definitions().iter().map(attribute).collect::<Value>(),
        "KeySchema": keys(table.key_schema()),
        "BillingMode": if is_on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" },
    });
    if !is_on_demand {
        made["ProvisionedThroughput"] = capacity(table.provisioned_throughput());
    }
    if let Some(sse) = table.sse_description().filter(|sse| sse.status() == Some(&SseStatus::Enabled)) {
        made["SSESpecification"] = json!({"Enabled": true, "SSEType": "KMS"});
        if let Some(key) = sse.kms_master_key_arn() {
            made["SSESpecification"]["KMSMasterKeyId"] = key.into();
        }
    }
    let indexes = table.global_secondary_indexes();
    if !indexes.is_empty() {
        made["GlobalSecondaryIndexes"] = indexes
            .iter()
            .map(|index| {
                let mut made = json!({
                    "IndexName": index.index_name(),
                    "KeySchema": keys(index.key_schema()),
                    "Projection": projection(index.projection()),
                });
                if !is_on_demand {
                    made["ProvisionedThroughput"] = capacity(index.provisioned_throughput());
                }
                made
            })
            .collect();
    }
    made
}

fn attribute(attribute: &AttributeDefinition) -> Value {
    json!({"AttributeName": attribute.attribute_name, "AttributeType": attribute.attribute_type.as_str()})
}

fn keys(keys: &[KeySchemaElement]) -> Value {
    keys.iter()
        .map(|key| json!({"AttributeName": key.attribute_name, "KeyType": key.key_type.as_str()}))
        .collect()
}

fn projection(projection: Option<&Projection>) -> Value {
    let kind = projection.and_then(|projection| projection.projection_type());
    let mut made = json!({"ProjectionType": kind.map_or("ALL", |kind| kind.as_str())});
    let attributes = projection.map(Projection::non_key_attributes).unwrap_or_default();
    if !attributes.is_empty() {
        made["NonKeyAttributes"] = attributes.into();
    }
    made
}

fn capacity(throughput: Option<&ProvisionedThroughputDescription>) -> Value {
    json!({
        "ReadCapacityUnits": throughput.and_then(|throughput| throughput.read_capacity_units()),
        "WriteCapacityUnits": throughput.and_then(|throughput| throughput.write_capacity_units()),
    })
}
