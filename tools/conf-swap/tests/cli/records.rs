//! Values that records bring.

use serde_json::json;
use tempfile::TempDir;

use crate::bench::{content, parameter, rejected, secret, tool, value};

#[tokio::test]
async fn a_record_leaves_as_it_came_with_one_field_more() {
    let name = secret(r#"{"host":"old","port":5432}"#).await;
    let record = r#"{"n":1.10, "restore":{"endpoint":"new.example", "port":5433}, "z":1E5 }"#;
    let args = ["--secret", &name, "--pointer", "/host", "--value-from", "/restore/endpoint"];
    let output = tool(&args).stdin(format!("\n{record}\n")).run();
    let swap = &output.assert_code(0).records()[0]["swap"];
    assert_eq!(swap["action"], "swapped");
    let (start, _) = record.rsplit_once(" }").unwrap();
    assert!(output.text().starts_with(&format!("{start},\"swap\":{{\"action\"")), "{}", output.text());
    let args = ["--secret", &name, "--pointer", "/port", "--value-from", "/restore/port"];
    tool(&args).stdin(record).run().assert_code(0);
    assert_eq!(content(&name, "AWSCURRENT").await, r#"{"host":"new.example","port":5433}"#);
}

#[tokio::test]
async fn no_record_no_swap() {
    let name = parameter("old").await;
    let output = tool(&["--ssm", &name, "--value-from", "table"]).stdin("").run();
    assert!(output.assert_code(0).stdout.is_empty());
    assert_eq!(value(&name).await.0, 1);
}

#[tokio::test]
async fn one_run_writes_one_value() {
    let name = parameter("old").await;
    let input = "{\"table\":\"a\"}\n{\"table\":\"b\"}\n{\"table\":\"a\",\"again\":1}\n";
    let output = tool(&["--ssm", &name, "--value-from", "table"]).stdin(input).run();
    output.assert_code(3);
    let actions: Vec<_> = output.records().iter().map(|record| record["swap"]["action"].clone()).collect();
    assert_eq!(actions, ["swapped", "already"]);
    assert_eq!(output.rejects()[0]["error"]["kind"], "second-value");
    assert_eq!(output.rejects()[0]["record"], json!({"table": "b"}));
    assert_eq!(value(&name).await, (2, "a".into()));
}

#[tokio::test]
async fn what_brings_no_value_is_turned_away() {
    let name = parameter("old").await;
    for (input, expected) in [
        (r#"{"other":1}"#, "bad-record"),
        (r#"{"table":null}"#, "bad-record"),
        (r#"{"table":""}"#, "bad-record"),
        ("table", "bad-line"),
    ] {
        let (kind, _) = rejected(&tool(&["--ssm", &name, "--value-from", "table"]).stdin(input).run());
        assert_eq!(kind, expected, "{input}");
    }
    assert_eq!(value(&name).await.0, 1);
}

#[tokio::test]
async fn what_a_stage_before_rehearsed_is_rehearsed() {
    let name = parameter("old").await;
    let input = r#"{"table":"new","restore":{"action":"restored","dry_run":true}}"#;
    let output = tool(&["--ssm", &name, "--value-from", "table"]).stdin(input).run();
    assert_eq!(output.assert_code(0).records()[0]["swap"]["dry_run"], true);
    assert_eq!(value(&name).await.0, 1);
}

#[tokio::test]
async fn the_way_back_of_an_earlier_swap_is_not_lost_in_a_pipeline() {
    let (first, second) = (parameter("old").await, parameter("old").await);
    let log = tool(&["--ssm", &first, "--value-from", "table"]).stdin(r#"{"table":"new"}"#).run();
    let (kind, message) =
        rejected(&tool(&["--ssm", &second, "--value-from", "table"]).stdin(log.stdout).run());
    assert_eq!(kind, "has-swap");
    assert!(message.contains(&first), "{message}");
    assert_eq!(value(&second).await.0, 1);
}

#[tokio::test]
async fn rejects_are_the_input_of_a_retry() {
    let name = parameter("old").await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("rejects.jsonl");
    let args = ["--ssm", &name, "--value-from", "table", "--rejects", file.to_str().unwrap()];
    let output = tool(&args).args(["--check", "false"]).stdin(r#"{"table":"new","n":1.10}"#).run();
    assert!(output.assert_code(3).rejects().is_empty());
    let output = tool(&args).stdin(std::fs::read(&file).unwrap()).run();
    assert!(
        output.assert_code(0).text().starts_with(r#"{"table":"new","n":1.10,"swap":{"#),
        "{}",
        output.text()
    );
    assert_eq!(value(&name).await, (2, "new".into()));
}

#[tokio::test]
async fn more_rejects_than_allowed_end_the_run() {
    let name = parameter("old").await;
    let args = ["--ssm", &name, "--value-from", "table", "--max-rejects", "0"];
    let output = tool(&args).stdin("{}\n{\"table\":\"new\"}\n").run();
    assert!(output.assert_code(1).stderr.contains("--max-rejects 0"), "{}", output.stderr);
    assert_eq!(value(&name).await.0, 1);
}
