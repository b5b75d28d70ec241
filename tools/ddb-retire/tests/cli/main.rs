//! The real binary against moto's tables behind a front with DynamoDB's states, and a CloudWatch of this process.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod checks;
mod contract;
mod examples;
mod export;
mod interrupted;
mod journal;
mod retire;

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use testkit::cloudwatch::CloudWatch;
use testkit::moto;
use testkit::tables::Front;
use testkit::tool::{Output, Tool};

/// Requests that change something.
const CHANGES: [&str; 4] = ["CreateBackup", "ExportTableToPointInTime", "UpdateTable", "DeleteTable"];

/// A table that nobody uses, beside the one that replaces it; each test has names of its own in moto.
struct Incident {
    front: Front,
    cloudwatch: CloudWatch,
    table: String,
}

impl Incident {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self::named(format!("rate_limits_{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    fn named(table: String) -> Self {
        let incident = Self { front: Front::start(moto::endpoint()), cloudwatch: CloudWatch::start(), table };
        incident.create(&incident.table);
        incident.create(&incident.replacement());
        incident
    }

    fn replacement(&self) -> String {
        format!("{}_1120", self.table)
    }

    /// A table with an index and one item.
    fn create(&self, name: &str) {
        let string = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        let key = |name: &str| json!([{"AttributeName": name, "KeyType": "HASH"}]);
        self.front.call(
            "CreateTable",
            &json!({
                "TableName": name,
                "AttributeDefinitions": [string("pk"), string("user")],
                "KeySchema": key("pk"),
                "BillingMode": "PAY_PER_REQUEST",
                "GlobalSecondaryIndexes": [{"IndexName": "by_user", "KeySchema": key("user"),
                    "Projection": {"ProjectionType": "KEYS_ONLY"}}],
                "Tags": [{"Key": "team", "Value": "core"}],
            }),
        );
        self.front
            .call("PutItem", &json!({"TableName": name, "Item": {"pk": {"S": "a"}, "user": {"S": "u"}}}));
    }

    fn recover(&self, name: &str) {
        let on = json!({"PointInTimeRecoveryEnabled": true});
        self.front.call(
            "UpdateContinuousBackups",
            &json!({"TableName": name, "PointInTimeRecoverySpecification": on}),
        );
    }

    fn protect(&self) {
        self.front.call("UpdateTable", &json!({"TableName": self.table, "DeletionProtectionEnabled": true}));
    }

    /// `ddb-retire` as it is, with what the environment has to say.
    fn plain(&self) -> Tool {
        Tool::new("ddb-retire")
            .endpoint(moto::endpoint())
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.front.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", self.cloudwatch.url())
    }

    /// `ddb-retire` with all that it takes to retire the table.
    fn tool(&self) -> Tool {
        self.plain().args([&self.table, "--yes", &self.table])
    }

    fn run(&self, flags: &[&str]) -> Output {
        self.tool().args(flags).run()
    }

    /// The changes that DynamoDB made.
    fn changes(&self) -> Vec<String> {
        let state = self.front.state();
        let made = state.log.iter().filter(|logged| !logged.refused);
        made.filter(|logged| CHANGES.contains(&logged.operation.as_str()))
            .map(|logged| logged.operation.clone())
            .collect()
    }

    /// Whether moto has the table no more.
    fn is_gone(&self) -> bool {
        self.front.table(&self.table).is_none()
    }

    /// The backups of the table that moto has.
    fn backups(&self) -> Vec<Value> {
        let listed = self.front.call("ListBackups", &json!({"TableName": self.table}));
        listed["BackupSummaries"].as_array().cloned().unwrap_or_default()
    }

    /// The field `retire` of the only record.
    #[track_caller]
    fn retire(&self, output: &Output) -> Value {
        let records = output.records();
        assert_eq!(records.len(), 1, "{}", output.stderr);
        assert_eq!(records[0]["table"], self.table.as_str());
        records[0]["retire"].clone()
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A second that is over: CloudWatch does not tell of a minute that begins with the second in which it is asked.
fn just_now() -> i64 {
    now() - 1
}

/// The only error on stderr.
#[track_caller]
fn error(output: &Output) -> &str {
    let errors: Vec<_> = output.stderr.lines().filter(|line| line.contains("error:")).collect();
    let [error] = errors[..] else { panic!("not one error:\n{}", output.stderr) };
    error
}
