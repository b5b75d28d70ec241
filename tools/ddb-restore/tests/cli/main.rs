//! The real binary against moto's tables behind a front with DynamoDB's states, and a CloudWatch of this process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod examples;
mod flip;
mod repeat;
mod restore;
mod settings;
mod settings_alarms;
mod settings_scaling;
mod states;
mod validate;
mod validate_faults;
mod validate_requests;
mod window;

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};
use testkit::cloudwatch::CloudWatch;
use testkit::moto;
use testkit::tables::Front;
use testkit::tool::{Output, Tool};

/// Requests that change nothing.
const READS: [&str; 9] = [
    "DescribeTable",
    "DescribeContinuousBackups",
    "DescribeTimeToLive",
    "DescribeKinesisStreamingDestination",
    "DescribeContributorInsights",
    "ListTagsOfResource",
    "ListBackups",
    "GetResourcePolicy",
    "Scan",
];

/// A table that can be restored, and the name of the one that it is restored to; each test has names of its own in moto.
struct Incident {
    front: Front,
    cloudwatch: CloudWatch,
    table: String,
}

impl Incident {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Self::named(format!("limits_{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }

    /// On demand, with indexes of both kinds and three items.
    fn named(table: String) -> Self {
        let incident = Self { front: Front::start(moto::endpoint()), cloudwatch: CloudWatch::start(), table };
        incident.create(json!({ "BillingMode": "PAY_PER_REQUEST" }), &json!({}));
        incident
    }

    /// In units of 5 and 6, and those of its index of 7 and 8.
    fn provisioned() -> Self {
        let incident = Self::new();
        incident.front.call("DeleteTable", &json!({ "TableName": incident.table }));
        let units = |read: u32, write: u32| json!({ "ProvisionedThroughput": { "ReadCapacityUnits": read, "WriteCapacityUnits": write } });
        incident.create(units(5, 6), &units(7, 8));
        incident
    }

    fn create(&self, mut request: Value, of_index: &Value) {
        let string = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |name: &str, role: &str| json!({ "AttributeName": name, "KeyType": role });
        let mut index = json!({ "IndexName": "by_user", "KeySchema": [key("user", "HASH")],
            "Projection": { "ProjectionType": "ALL" } });
        let own = of_index.as_object().unwrap().clone();
        index.as_object_mut().unwrap().extend(own);
        request["TableName"] = self.table.as_str().into();
        request["AttributeDefinitions"] = json!([string("pk"), string("sk"), string("user")]);
        request["KeySchema"] = json!([key("pk", "HASH"), key("sk", "RANGE")]);
        request["GlobalSecondaryIndexes"] = json!([index]);
        request["LocalSecondaryIndexes"] = json!([{ "IndexName": "by_time",
            "KeySchema": [key("pk", "HASH"), key("user", "RANGE")], "Projection": { "ProjectionType": "ALL" } }]);
        self.front.call("CreateTable", &request);
        self.recover(true);
        for pk in ["a", "b", "c"] {
            self.put(&self.table, pk);
        }
    }

    fn put(&self, table: &str, pk: &str) {
        let item = json!({ "pk": { "S": pk }, "sk": { "S": "1" }, "user": { "S": "u" } });
        self.front.call("PutItem", &json!({ "TableName": table, "Item": item }));
    }

    fn recover(&self, on: bool) {
        let on = json!({ "PointInTimeRecoveryEnabled": on });
        let request = json!({ "TableName": self.table, "PointInTimeRecoverySpecification": on });
        self.front.call("UpdateContinuousBackups", &request);
    }

    fn to(&self) -> String {
        format!("{}_1120", self.table)
    }

    fn arn(&self, table: &str) -> String {
        self.front.table(table).unwrap()["TableArn"].as_str().unwrap().to_owned()
    }

    /// `ddb-restore` as it is, with what the environment has to say.
    fn plain(&self) -> Tool {
        Tool::new("ddb-restore")
            .endpoint(moto::endpoint())
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.front.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", self.cloudwatch.url())
    }

    /// A restore to what the table was an hour ago.
    fn tool(&self) -> Tool {
        self.plain().args(["--from", &self.table, "--to", &self.to(), "--at", &hour_ago().to_string()])
    }

    fn run(&self, flags: &[&str]) -> Output {
        self.tool().args(flags).run()
    }

    /// The new table, as moto has it.
    fn restored(&self) -> Value {
        self.front.table(&self.to()).unwrap()
    }

    /// The changes that DynamoDB made, in order.
    fn changes(&self) -> Vec<String> {
        let state = self.front.state();
        let made = state.log.iter().filter(|logged| !logged.refused);
        made.filter(|logged| !READS.contains(&logged.operation.as_str()))
            .map(|logged| logged.operation.clone())
            .collect()
    }

    /// The step of a setting in the record, which has one alone of it.
    #[track_caller]
    fn step(&self, record: &Value, setting: &str) -> Value {
        let steps = steps(record, setting);
        assert_eq!(steps.len(), 1, "{setting}: {record}");
        steps[0].clone()
    }
}

/// The same instant throughout, so that a second run is of the same restore.
fn hour_ago() -> Timestamp {
    static NOW: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    Timestamp::from_second(NOW.get_or_init(|| Timestamp::now().as_second()) - 3600).unwrap()
}

fn steps(record: &Value, setting: &str) -> Vec<Value> {
    let steps = record["restore"]["settings"].as_array().unwrap();
    steps.iter().filter(|step| step["setting"] == setting).cloned().collect()
}

/// The only record.
#[track_caller]
fn record(output: &Output) -> Value {
    let records = output.records();
    assert_eq!(records.len(), 1, "{}", output.stderr);
    records[0].clone()
}

/// The only error on stderr.
#[track_caller]
fn error(output: &Output) -> &str {
    let errors: Vec<_> = output.stderr.lines().filter(|line| line.contains("error:")).collect();
    let [error] = errors[..] else { panic!("not one error:\n{}", output.stderr) };
    error
}
