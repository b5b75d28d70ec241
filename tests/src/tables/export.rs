//! Exports to S3. Nothing is written there: what a tool sees of an export is its description.

use serde_json::{Value, json};

use super::{State, error, table_id};

impl State {
    pub(super) fn export(&mut self, request: &Value) -> (u16, Value) {
        let arn = request["TableArn"].as_str().unwrap_or_default();
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        let named = json!({ "TableName": name });
        let (status, table) = self.call("DescribeTable", &named);
        if status != 200 {
            return (400, error("TableNotFoundException", "no such table"));
        }
        let (_, backups) = self.call("DescribeContinuousBackups", &named);
        let recovery = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
        if recovery["PointInTimeRecoveryStatus"] != "ENABLED" {
            return (400, error("PointInTimeRecoveryUnavailableException", "it is not enabled"));
        }
        let token = &request["ClientToken"];
        let known = self.exports.iter().find(|export| export["ClientToken"] == *token && !token.is_null());
        if let Some(known) = known {
            let is_same = ["TableArn", "S3Bucket", "S3Prefix"].iter().all(|key| known[key] == request[key]);
            return match is_same {
                true => (200, json!({ "ExportDescription": known })),
                false => (400, error("ExportConflictException", "this client token is another export's")),
            };
        }
        let id = format!("01700000000000-{:08x}", self.exports.len());
        let prefix = request["S3Prefix"].as_str().map(|prefix| format!("{prefix}/")).unwrap_or_default();
        let mut export = json!({
            "ExportArn": format!("{arn}/export/{id}"),
            "ExportStatus": "IN_PROGRESS",
            "TableArn": arn,
            "TableId": table_id(&name, &table["Table"]["CreationDateTime"]),
            "ExportTime": jiff::Timestamp::now().as_second(),
            "S3Bucket": request["S3Bucket"],
            "S3Prefix": request["S3Prefix"],
            "ClientToken": token,
            "ExportFormat": request["ExportFormat"],
            "ExportType": "FULL_EXPORT",
            "Outcome": { "ExportStatus": "COMPLETED",
                "ExportManifest": format!("{prefix}AWSDynamoDB/{id}/manifest-summary.json"),
                "ItemCount": table["Table"]["ItemCount"], "BilledSizeBytes": 4096 },
        });
        if let Some((code, message)) = self.export_failure {
            export["Outcome"] =
                json!({ "ExportStatus": "FAILED", "FailureCode": code, "FailureMessage": message });
        }
        self.exports.push(export.clone());
        (200, json!({ "ExportDescription": export }))
    }

    pub(super) fn list_exports(&self, request: &Value) -> (u16, Value) {
        let arn = &request["TableArn"];
        let of_table = self.exports.iter().filter(|export| arn.is_null() || export["TableArn"] == *arn);
        let summary =
            |export: &Value| json!({ "ExportArn": export["ExportArn"], "ExportType": "FULL_EXPORT" });
        (200, json!({ "ExportSummaries": of_table.map(summary).collect::<Value>() }))
    }

    pub(super) fn describe_export(&mut self, request: &Value) -> (u16, Value) {
        let arn = request["ExportArn"].as_str().unwrap_or_default();
        let has_ended = self.look(arn) > self.export_looks;
        let Some(export) = self.exports.iter_mut().find(|export| export["ExportArn"] == arn) else {
            return (400, error("ExportNotFoundException", "no such export"));
        };
        if has_ended {
            for (member, value) in export["Outcome"].take().as_object().into_iter().flatten() {
                export[member] = value.clone();
            }
        }
        (200, json!({ "ExportDescription": export }))
    }

    /// What is known of every export, in the order in which they were begun.
    pub fn exports_mut(&mut self) -> &mut Vec<Value> {
        &mut self.exports
    }
}
