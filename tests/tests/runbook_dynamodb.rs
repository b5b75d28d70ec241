//! RB-N-05, as an operator starts it: moto keeps tables and parameter, behind a front that gives the tables the states of
//! DynamoDB. moto restores a table as it is now, whatever the instant.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};
use testkit::cloudwatch::CloudWatch;
use testkit::tables::{Fault, Front};
use testkit::tool::{Output, Tool};
use testkit::{client, moto};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/runbooks/rb-n-05-dynamodb.sh");

struct Incident {
    front: Front,
    cloudwatch: CloudWatch,
    table: String,
    /// An hour ago, and the same for every run: a restore to another instant is another restore.
    at: Timestamp,
    folder: tempfile::TempDir,
}

impl Incident {
    /// A table of three items that can be restored, and a parameter with its name.
    async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let incident = Self {
            front: Front::start(moto::endpoint()),
            cloudwatch: CloudWatch::start(),
            table: format!("limits_{}", NEXT.fetch_add(1, Ordering::Relaxed)),
            at: Timestamp::from_second(Timestamp::now().as_second() - 3600).expect("an hour ago"),
            folder: tempfile::tempdir().expect("a folder"),
        };
        incident.front.call(
            "CreateTable",
            &json!({
                "TableName": incident.table,
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
                "Tags": [{"Key": "team", "Value": "core"}],
            }),
        );
        incident.front.call(
            "UpdateContinuousBackups",
            &json!({"TableName": incident.table,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}),
        );
        for key in ["a", "b", "c"] {
            incident.put(&incident.table, key);
        }
        let parameter = incident.ssm().put_parameter().name(incident.parameter()).value(&incident.table);
        let parameter = parameter.r#type(aws_sdk_ssm::types::ParameterType::String);
        parameter.send().await.expect("moto makes a parameter");
        incident
    }

    fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&client::sdk(moto::endpoint()))
    }

    fn put(&self, table: &str, key: &str) {
        self.front.call("PutItem", &json!({"TableName": table, "Item": {"pk": {"S": key}, "n": {"N": "1"}}}));
    }

    fn restored(&self) -> String {
        format!("{}_1120", self.table)
    }

    fn parameter(&self) -> String {
        format!("/app/{}", self.table)
    }

    /// The table that the application uses.
    async fn used(&self) -> String {
        let got = self.ssm().get_parameter().name(self.parameter()).send().await.expect("the parameter");
        got.parameter.and_then(|parameter| parameter.value).expect("its value")
    }

    async fn lead_to(&self, table: &str) {
        let changed = self.ssm().put_parameter().name(self.parameter()).value(table).overwrite(true);
        changed.send().await.expect("moto changes a parameter");
    }

    fn evidence(&self) -> PathBuf {
        self.folder.path().join("incident")
    }

    fn has(&self, name: &str) -> bool {
        self.evidence().join(name).exists()
    }

    fn records(&self, name: &str) -> Vec<Value> {
        let path = self.evidence().join(name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    fn tool(&self, command: &str) -> Tool {
        Tool::bash(command)
            .env("TABLE", &self.table)
            .env("RESTORED", self.restored())
            .env("AT", self.at.to_string())
            .env("PARAMETER", self.parameter())
            .env("EVIDENCE", self.evidence())
            .env("AWS_ENDPOINT_URL", moto::endpoint())
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.front.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", self.cloudwatch.url())
    }

    fn script(&self, args: &str) -> Tool {
        self.tool(&format!("bash '{SCRIPT}' {args}"))
    }

    fn run(&self, args: &str, env: &[(&str, &str)]) -> Output {
        env.iter().fold(self.script(args), |tool, (name, value)| tool.env(name, value)).run()
    }

    /// How many restores DynamoDB began.
    fn restores(&self) -> usize {
        let state = self.front.state();
        let begun = state.log.iter().filter(|logged| !logged.refused);
        begun.filter(|logged| logged.operation == "RestoreTableToPointInTime").count()
    }

    /// A run that ends before it compares: the restored table can be changed then.
    fn restored_only(&self) {
        self.run("--yes", &[("VALIDATE_OPTIONS", "--no-such-option")]).assert_code(2);
        assert!(self.has("restored.jsonl") && !self.has("validated.jsonl"));
    }
}

#[tokio::test]
async fn dynamodb_comes_back_and_the_application_follows() {
    let incident = Incident::new().await;
    let output = incident.run("--yes", &[("CHECK", r#"test "$CONF_SWAP_NEW" = "$RESTORED""#)]);
    output.assert_code(0);
    assert_eq!(incident.used().await, incident.restored(), "{}", output.text());
    assert!(output.text().contains("both hold the same items"), "{}", output.text());
    assert_eq!(incident.records("restored.jsonl")[0]["table"], incident.restored().as_str());
    assert_eq!(incident.records("swap.jsonl")[0]["swap"]["action"], "swapped");
    let log = fs::read_to_string(incident.evidence().join("log")).expect("a log");
    assert!(log.contains("5 monitor"), "{log}");

    // Taken up again with the same evidence, it does nothing twice.
    incident.run("run --yes", &[("CHECK", "false")]).assert_code(0);
    assert_eq!(incident.restores(), 1);

    // The damaged table goes once it is quiet, and needs nothing but the evidence for it.
    let now = Timestamp::now().as_second();
    incident.cloudwatch.consumed("ConsumedReadCapacityUnits", &[&incident.table], now - 120, 8.0);
    let refused = incident.run("retire --yes", &[]);
    assert!(refused.assert_code(1).text().contains("was read at"), "{}", refused.text());
    incident.run("retire --yes -- --quiet-for 1m", &[("TABLE", ""), ("RESTORED", "")]).assert_code(0);
    assert!(incident.front.table(&incident.table).is_none());
    let retired = &incident.records("retired.jsonl")[0]["retire"];
    assert_eq!(retired["action"], "retired");
    assert!(retired["bring_back"].as_str().is_some_and(|line| line.contains("restore-table-from-backup")));
    assert_eq!(incident.records("look-retire.jsonl")[0]["retire"]["settings"]["tags"]["team"], "core");
    incident.run("retire --yes", &[]).assert_code(0);
    assert_eq!(incident.front.count("DeleteTable"), 1);

    // And there is no way back to a table that is gone.
    let output = incident.run("undo --yes", &[]);
    assert!(output.assert_code(2).text().contains("was retired"), "{}", output.text());
    assert_eq!(incident.used().await, incident.restored());
}

#[tokio::test]
async fn dynamodb_is_not_swapped_in_unseen_when_it_differs() {
    let incident = Incident::new().await;
    incident.restored_only();
    incident.put(&incident.table, "damage");
    let output = incident.run("--yes", &[]);
    output.assert_code(3);
    for told in ["differs", "3 items, and 4", "--accept-differences"] {
        assert!(output.text().contains(told), "{told}: {}", output.text());
    }
    assert_eq!(incident.used().await, incident.table);
    incident.run("retire --yes", &[]).assert_code(2);

    incident.run("--yes --accept-differences", &[]).assert_code(0);
    assert_eq!((incident.used().await, incident.restores()), (incident.restored(), 1));

    // And back again.
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.used().await, incident.table);
    incident.run("undo --yes", &[]).assert_code(0);
    incident.run("--yes", &[]).assert_code(2);
    incident.run("retire --yes", &[]).assert_code(2);
    assert!(incident.front.table(&incident.table).is_some());
}

#[tokio::test]
async fn dynamodb_is_not_swapped_in_over_what_somebody_else_swapped() {
    let incident = Incident::new().await;
    incident.restored_only();
    incident.lead_to("another").await;
    let output = incident.run("--yes", &[]);
    assert!(output.assert_code(3).text().contains("unexpected-value"), "{}", output.text());
    assert_eq!(incident.used().await, "another");
}

#[tokio::test]
async fn dynamodb_that_swapped_nothing_has_nothing_to_undo_and_can_be_resumed() {
    let incident = Incident::new().await;
    let undo = |words: &str| {
        let output = incident.run("undo --yes", &[]);
        assert!(output.assert_code(0).text().contains(words), "{}", output.text());
        assert!(!incident.has("undone"));
    };
    // Refused before anything is written.
    incident.run("--yes -- --no-such-option", &[]).assert_code(2);
    undo("nothing was changed: nothing to undo. The run");
    incident.restored_only();
    undo("nothing to undo; the new table");
    assert_eq!(incident.used().await, incident.table);
    incident.run("--yes", &[]).assert_code(0);
    assert_eq!((incident.used().await, incident.restores()), (incident.restored(), 1));
}

#[tokio::test]
async fn dynamodb_can_be_restored_without_a_comparison() {
    let incident = Incident::new().await;
    let output = incident.run("--yes --no-validate", &[]);
    output.assert_code(0);
    assert!(!incident.has("validated.jsonl"));
    assert_eq!((incident.front.count("Scan"), incident.used().await), (0, incident.restored()));
}

#[tokio::test]
async fn dynamodb_goes_on_where_it_ended() {
    let incident = Incident::new().await;
    incident.front.fault("RestoreTableToPointInTime", [Fault::Refuse(400, "AccessDeniedException")]);
    let output = incident.run("--yes", &[]);
    assert!(
        output.assert_code(1).text().contains("ddb-restore was aborted with exit code 1"),
        "{}",
        output.text()
    );
    assert!(!incident.has("restored.jsonl"));

    let output = incident.run("--yes", &[("CHECK", "false")]);
    assert!(output.assert_code(3).text().contains("conf-swap rejected its work"), "{}", output.text());
    assert_eq!(incident.used().await, incident.table);

    incident.run("--yes", &[]).assert_code(0);
    assert_eq!((incident.used().await, incident.restores()), (incident.restored(), 1));
}

/// Ctrl-C reaches the whole group of a terminal's foreground job, and that is what a job is in a shell with -m.
fn interrupted(command: &str, log: &str) -> String {
    format!(
        "set -m
        bash '{SCRIPT}' {command} &
        until grep -q '{log}' \"$EVIDENCE/log\" 2>/dev/null; do sleep 0.1; done
        kill -INT -- -$!
        wait $!"
    )
}

#[tokio::test]
async fn dynamodb_is_interrupted_and_taken_up_again() {
    let incident = Incident::new().await;
    incident.front.show(&incident.restored(), "TableStatus", json!("CREATING"));
    let output = incident.tool(&interrupted("--yes", "CREATING")).run();
    assert!(
        output.assert_code(130).text().contains("ddb-restore was stopped: run again"),
        "{}",
        output.text()
    );
    assert!(!incident.has("restored.jsonl"));
    incident.front.show(&incident.restored(), "TableStatus", json!("ACTIVE"));
    incident.run("--yes", &[]).assert_code(0);
    assert_eq!((incident.used().await, incident.restores()), (incident.restored(), 1));

    // The backup of the damaged table takes its time.
    incident.front.state().backup_looks = 1000;
    let output = incident.tool(&interrupted("retire --yes", "is CREATING")).run();
    assert!(
        output.assert_code(130).text().contains("ddb-retire was stopped: run again"),
        "{}",
        output.text()
    );
    assert!(incident.front.table(&incident.table).is_some());
    incident.front.state().backup_looks = 0;
    incident.run("retire --yes", &[]).assert_code(0);
    assert_eq!(incident.front.count("CreateBackup"), 1);
    assert!(incident.front.table(&incident.table).is_none());
}

#[tokio::test]
async fn dynamodb_is_not_led_back_to_a_table_that_is_being_deleted() {
    let incident = Incident::new().await;
    incident.run("--yes", &[]).assert_code(0);
    incident.front.state().deletion_looks = 1000;
    let output = incident.tool(&interrupted("retire --yes", "the table is being deleted")).run();
    output.assert_code(130);
    let output = incident.run("undo --yes", &[]);
    assert!(output.assert_code(1).text().contains("its retirement was begun"), "{}", output.text());
    assert_eq!(incident.used().await, incident.restored());
}

#[tokio::test]
async fn dynamodb_is_led_back_after_a_retirement_that_was_refused() {
    let incident = Incident::new().await;
    incident.run("--yes", &[]).assert_code(0);
    incident.front.fault("CreateBackup", [Fault::Refuse(400, "AccessDeniedException")]);
    incident.run("retire --yes", &[]).assert_code(1);
    incident.run("undo --yes", &[]).assert_code(0);
    assert_eq!(incident.used().await, incident.table);
}

#[tokio::test]
async fn dynamodb_does_nothing_more_when_only_the_script_is_killed() {
    let incident = Incident::new().await;
    incident.front.show(&incident.restored(), "TableStatus", json!("CREATING"));
    let running = incident.script("--yes").spawn();
    incident.front.wait_until(|state| !state.sent("RestoreTableToPointInTime").is_empty());
    running.signal("KILL");
    // The tool that it had begun lives on, and comes to its end.
    incident.front.show(&incident.restored(), "TableStatus", json!("ACTIVE"));
    let output = running.wait();
    assert_eq!(output.signal, Some(9), "{}", output.text());
    assert!(output.text().contains("the script was ended"), "{}", output.text());
    assert_eq!((incident.front.count("Scan"), incident.used().await), (0, incident.table.clone()));
    incident.run("--yes", &[]).assert_code(0);
    assert_eq!((incident.used().await, incident.restores()), (incident.restored(), 1));
}

#[tokio::test]
async fn dynamodb_asks_and_does_nothing_without_an_answer() {
    let incident = Incident::new().await;
    // Apart from the terminal there is none to ask on.
    let output = incident.tool(&format!("exec setsid --wait bash '{SCRIPT}'")).run();
    assert!(output.assert_code(2).text().contains("say --yes"), "{}", output.text());
    assert_eq!((incident.used().await, incident.restores()), (incident.table.clone(), 0));
}

#[tokio::test]
async fn dynamodb_refuses_what_cannot_work_before_it_restores() {
    let incident = Incident::new().await;
    incident.run("--nonsense", &[]).assert_code(2);
    assert!(incident.run("--help", &[]).assert_code(0).text().contains("Usage:"));
    incident.run("--yes", &[("PARAMETER", "")]).assert_code(2);
    incident.run("--yes", &[("SECRET", "prod/app")]).assert_code(2);
    incident.run("--yes", &[("AT", "2020-01-01T00:00:00Z")]).assert_code(1);
    let evidence = |name: &str| incident.folder.path().join(name).to_string_lossy().into_owned();
    for (name, wrong) in [("PARAMETER", "/app/no_such_parameter"), ("TABLE", "no_such_table")] {
        let output = incident.run("--yes", &[(name, wrong), ("EVIDENCE", &evidence(name))]);
        assert!(matches!(output.code, Some(1 | 3)), "{name}: {}", output.text());
    }
    // The application uses another table than the one that is said to be damaged.
    incident.lead_to("another").await;
    let output = incident.run("--yes", &[("EVIDENCE", &evidence("another"))]);
    assert!(output.assert_code(3).text().contains("unexpected-value"), "{}", output.text());
    for command in ["undo", "retire"] {
        let output = incident.run(&format!("{command} --yes"), &[("EVIDENCE", "/nowhere")]);
        assert!(output.assert_code(2).stderr.contains("holds no run"), "{}", output.stderr);
    }
    assert_eq!(incident.restores(), 0);
}
