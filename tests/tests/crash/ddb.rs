//! DynamoDB tables: restored, flipped to a replica, and decommissioned.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use testkit::cloudwatch::CloudWatch;
use testkit::crash::{Case, World, check, plain};
use testkit::moto;
use testkit::tables::Front;

/// What is different in every table, whatever was done.
const OF_ONE_TABLE: [&str; 7] = [
    "CreationDateTime",
    "LastUpdateToPayPerRequestDateTime",
    "LatestStreamArn",
    "LatestStreamLabel",
    "RestoreDateTime",
    "TableId",
    "TableSizeBytes",
];

/// The table that pages call `rate_limits`, under a name that no other world of this process has.
fn name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("limits{}q", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An hour ago, for all worlds the same.
fn hour_ago() -> &'static str {
    static AT: OnceLock<String> = OnceLock::new();
    AT.get_or_init(|| {
        let now = jiff::Timestamp::now().as_second();
        jiff::Timestamp::from_second(now - 3600).expect("a time").to_string()
    })
}

fn create(front: &Front, name: &str) {
    let string = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let key = |name: &str| json!([{ "AttributeName": name, "KeyType": "HASH" }]);
    front.call(
        "CreateTable",
        &json!({
            "TableName": name,
            "AttributeDefinitions": [string("pk"), string("user")],
            "KeySchema": key("pk"),
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": [{ "IndexName": "by_user", "KeySchema": key("user"),
                "Projection": { "ProjectionType": "KEYS_ONLY" } }],
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
            "Tags": [{ "Key": "team", "Value": "core" }],
        }),
    );
    let on = json!({ "PointInTimeRecoveryEnabled": true });
    front.call(
        "UpdateContinuousBackups",
        &json!({ "TableName": name, "PointInTimeRecoverySpecification": on }),
    );
    let expires = json!({ "Enabled": true, "AttributeName": "expires_at" });
    front.call("UpdateTimeToLive", &json!({ "TableName": name, "TimeToLiveSpecification": expires }));
    front.call("UpdateTable", &json!({ "TableName": name, "DeletionProtectionEnabled": true }));
    for pk in ["a", "b", "c"] {
        let item = json!({ "pk": { "S": pk }, "user": { "S": "u" } });
        front.call("PutItem", &json!({ "TableName": name, "Item": item }));
    }
}

/// A table with its settings and items; null where there is none.
fn table(front: &Front, name: &str) -> Value {
    let Some(mut table) = front.table(name) else { return Value::Null };
    let arn = table["TableArn"].clone();
    plain::without(&mut table, &OF_ONE_TABLE);
    let named = json!({ "TableName": name });
    let backups = front.call("DescribeContinuousBackups", &named);
    json!({
        "table": table,
        "tags": front.call("ListTagsOfResource", &json!({ "ResourceArn": arn })),
        "ttl": front.call("DescribeTimeToLive", &named),
        "recovery": backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
            ["PointInTimeRecoveryStatus"],
        "items": front.call("Scan", &named)["Count"],
    })
}

/// A world of tables, which are called by their names of here, and of an alarm on the first.
fn world(front: Front, name: &str, state: impl Fn(&Front) -> Value + Send + 'static) -> World {
    let cloudwatch = CloudWatch::start();
    cloudwatch.alarm(&format!("{name}-throttled"), name);
    let at = jiff::Timestamp::now().as_second() - 120;
    cloudwatch.consumed("ReplicationLatency", &[name, "eu-west-1"], at, 812.5);
    let (tables, metrics) = (front.url().to_owned(), cloudwatch.url().to_owned());
    let world = World::new(move || json!({ "tables": state(&front), "alarms": cloudwatch.alarms() }));
    world
        .service("AWS_ENDPOINT_URL", moto::endpoint())
        .service("AWS_ENDPOINT_URL_DYNAMODB", &tables)
        .service("AWS_ENDPOINT_URL_CLOUDWATCH", &metrics)
        .env("AT", hour_ago())
        .word("rate_limits", name)
}

pub fn restorable() -> World {
    let (front, name) = (Front::start(moto::endpoint()), name());
    create(&front, &name);
    let stream = stream(&front, &name);
    let of = name.clone();
    world(front, &name, move |front| json!([table(front, &of), table(front, &format!("{of}_1120"))]))
        .names(move || vec![stream.clone()])
}

/// The label of a table's stream, which is a time, and a name for it.
fn stream(front: &Front, name: &str) -> (String, String) {
    let label = front.table(name).and_then(|table| table["LatestStreamLabel"].as_str().map(str::to_owned));
    (label.expect("a table with a stream"), "STREAM".to_owned())
}

/// A restore that an earlier run began or finished is the same restore. The window is that of the source before a restore
/// was started, and so is told by the run that started it.
pub fn restored(record: &mut Value) {
    plain::as_one(record, "/restore/action", &["restored", "resumed", "already"]);
    plain::without(record, &["earliest_restorable_time", "latest_restorable_time"]);
    plain::hidden(record, &["table_id", "stream_arn"]);
    let settings = record.pointer_mut("/restore/settings").and_then(Value::as_array_mut);
    for setting in settings.into_iter().flatten() {
        plain::as_one(setting, "/action", &["set", "already"]);
        // What was found there before it was set.
        plain::without(setting, &["found"]);
    }
}

#[test]
fn ddb_restore() {
    check(&Case {
        plain: restored,
        seeds: 6,
        ..Case::new(
            "ddb-restore",
            "ddb-restore --from rate_limits --to rate_limits_1120 --at \"$AT\" > restored.jsonl",
            restorable,
        )
    });
}

fn replicated() -> World {
    let (front, name) = (Front::start(moto::endpoint()), name());
    create(&front, &name);
    let replica = json!({ "RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE",
        "ReplicaArn": "arn:aws:dynamodb:eu-west-1:1:table/t" });
    front.show(&name, "Replicas", json!([replica]));
    let of = name.clone();
    world(front, &name, move |front| table(front, &of))
}

#[test]
fn ddb_flip() {
    check(&Case {
        plain: |record| plain::hidden(record, &["lag_at"]),
        ..Case::new(
            "ddb-restore-flip",
            "ddb-restore --from rate_limits --flip eu-west-1 > flipped.jsonl",
            replicated,
        )
    });
}

fn retirable() -> World {
    let (front, name) = (Front::start(moto::endpoint()), name());
    create(&front, &name);
    create(&front, &format!("{name}_1120"));
    front.state().backup_looks = 1;
    front.state().deletion_looks = 1;
    let (id, stream) = (front.id(&name).expect("a table"), stream(&front, &name));
    let (of, upstream) = (name.clone(), Front::start(moto::endpoint()));
    let ids = move || {
        let listed = upstream.call("ListBackups", &json!({ "TableName": of }));
        let arns = listed["BackupSummaries"].as_array().cloned().unwrap_or_default();
        let arns = arns.iter().filter_map(|backup| backup["BackupArn"].as_str());
        let numbered = arns.enumerate().map(|(n, arn)| (arn.to_owned(), format!("BACKUP-{n}")));
        numbered.chain([(id.clone(), "TABLE-ID".to_owned()), stream.clone()]).collect()
    };
    let of = name.clone();
    let state = move |front: &Front| {
        let mut backups = front.call("ListBackups", &json!({ "TableName": of }))["BackupSummaries"].take();
        plain::hidden(&mut backups, &["BackupCreationDateTime", "TableId"]);
        json!([table(front, &of), table(front, &format!("{of}_1120")), backups])
    };
    world(front, &name, state).names(ids)
}

#[test]
fn ddb_retire() {
    check(&Case {
        plain: |record| {
            plain::as_one(record, "/retire/action", &["retired", "already"]);
            plain::hidden(record, &["created_at"]);
        },
        seeds: 8,
        ..Case::new(
            "ddb-retire",
            "ddb-retire rate_limits --yes rate_limits --restored rate_limits_1120 --lift-protection \
             --journal retire.journal > retired.jsonl",
            retirable,
        )
    });
}
