//! The way back from the output of a run.

use serde_json::{Value, json};

use crate::bench::{
    content, label, overwrite, parameter, put, rejected, secret, secrets, ssm, stages, swap, tool, value,
    versions,
};

const DB: &str = r#"{"host": "old", "port": 5432}"#;

#[tokio::test]
async fn a_secret_goes_back_and_forth_without_a_new_version() {
    let name = secret(DB).await;
    let before = stages(&name).await["AWSCURRENT"].clone();
    let first = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run();
    let made = swap(&first)["version_id"].clone();

    let undone = tool(&["--undo"]).stdin(first.stdout.clone()).run();
    let back = swap(&undone);
    assert_eq!(back["action"], "undone");
    assert_eq!((&back["version_id"], &back["previous_version_id"]), (&json!(before), &made));
    assert_eq!(back["pointer"], "/host");
    assert_eq!(content(&name, "AWSCURRENT").await, DB);

    let again = swap(&tool(&["--undo"]).stdin(first.stdout).run());
    assert_eq!((again["action"].as_str(), &again["version_id"]), (Some("already"), &json!(before)));

    let redone = swap(&tool(&["--undo"]).stdin(undone.stdout).run());
    assert_eq!((redone["action"].as_str(), &redone["version_id"]), (Some("undone"), &made));
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "new"));
    assert_eq!(versions(&name).await, 2);
}

#[tokio::test]
async fn a_parameter_goes_back_and_forth_by_new_versions() {
    let name = parameter("false").await;
    let first = tool(&["--ssm", &name, "--value", "true"]).run();
    let undone = tool(&["--undo"]).stdin(first.stdout.clone()).run();
    let back = swap(&undone);
    assert_eq!((back["action"].as_str(), &back["version_id"]), (Some("undone"), &json!(3)));
    assert_eq!(back["previous_version_id"], json!(2));
    assert_eq!(value(&name).await, (3, "false".into()));
    let again = swap(&tool(&["--undo"]).stdin(first.stdout).run());
    assert_eq!((again["action"].as_str(), &again["version_id"]), (Some("already"), &json!(3)));
    assert_eq!(swap(&tool(&["--undo"]).stdin(undone.stdout).run())["version_id"], json!(4));
    assert_eq!(value(&name).await, (4, "true".into()));
}

#[tokio::test]
async fn a_label_goes_back_too() {
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    let first = tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run();
    let undone = tool(&["--undo"]).stdin(first.stdout.clone()).run();
    assert_eq!(swap(&undone)["version_id"], json!(3));
    let live = format!("{name}:live");
    assert_eq!(value(&live).await, (3, "old".into()));
    assert_eq!(swap(&tool(&["--undo"]).stdin(first.stdout.clone()).run())["action"], "already");
    // As an undo leaves it that died before it moved the label.
    label(&name, 2, "live").await;
    assert_eq!(swap(&tool(&["--undo"]).stdin(first.stdout).run())["action"], "undone");
    assert_eq!(value(&live).await, (3, "old".into()));
}

#[tokio::test]
async fn what_was_changed_since_is_left_alone() {
    let name = secret(DB).await;
    let log = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run();
    overwrite(&name, "theirs").await;
    let (kind, message) = rejected(&tool(&["--undo"]).stdin(log.stdout).run());
    assert_eq!(kind, "changed-since");
    assert!(message.contains(&stages(&name).await["AWSCURRENT"]), "{message}");
    assert_eq!(content(&name, "AWSCURRENT").await, "theirs");

    let name = parameter("old").await;
    let log = tool(&["--ssm", &name, "--value", "new"]).run();
    put(&name, "theirs").await;
    assert_eq!(rejected(&tool(&["--undo"]).stdin(log.stdout).run()).0, "changed-since");
    assert_eq!(value(&name).await, (3, "theirs".into()));

    let name = parameter("old").await;
    label(&name, 1, "live").await;
    let log = tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run();
    label(&name, 1, "live").await;
    assert_eq!(rejected(&tool(&["--undo"]).stdin(log.stdout).run()).0, "changed-since");
    assert_eq!(value(&name).await.0, 2);
}

#[tokio::test]
async fn a_rehearsed_undo_writes_nothing() {
    let name = secret(DB).await;
    let log = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run();
    let done = swap(&tool(&["--undo", "-n"]).stdin(log.stdout).run());
    assert_eq!((done["action"].as_str(), done["dry_run"].as_bool()), (Some("undone"), Some(true)));
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "new"));
    let name = parameter("old").await;
    let log = tool(&["--ssm", &name, "--value", "new"]).run();
    assert_eq!(swap(&tool(&["--undo", "-n"]).stdin(log.stdout).run())["version_id"], json!(null));
    assert_eq!(value(&name).await.0, 2);
}

#[tokio::test]
async fn several_swaps_of_a_secret_are_undone_from_the_last_to_the_first() {
    let name = secret("1").await;
    let runs = ["2", "3"].map(|value| tool(&["--secret", &name, "--value", value]).run().text().to_owned());
    let output = tool(&["--undo"]).stdin(format!("{}{}", runs[1], runs[0])).run();
    assert_eq!(output.assert_code(0).records().len(), 2);
    assert_eq!(content(&name, "AWSCURRENT").await, "1");
    let name = parameter("1").await;
    let runs = ["2", "3"].map(|value| tool(&["--ssm", &name, "--value", value]).run().text().to_owned());
    let output = tool(&["--undo"]).stdin(format!("{}{}", runs[1], runs[0])).run();
    // The content of the first swap is there again, but under a number that it does not know.
    assert_eq!(output.assert_code(3).rejects()[0]["error"]["kind"], "changed-since");
    assert_eq!(value(&name).await, (4, "2".into()));
}

#[tokio::test]
async fn what_changed_nothing_passes_through() {
    let name = parameter("old").await;
    let rehearsal = tool(&["-n", "--ssm", &name, "--value", "new"]).run();
    let already = tool(&["--ssm", &name, "--value", "old"]).run();
    let log = format!("{}{}{}\n", rehearsal.text(), already.text(), r#"{"n":1.10}"#);
    let output = tool(&["--undo"]).stdin(log.clone()).run();
    assert_eq!(output.assert_code(0).text(), log);
    assert_eq!(output.stderr.matches("nothing to undo").count(), 3, "{}", output.stderr);
    assert_eq!(value(&name).await.0, 1);
}

fn logged(store: &str, name: &str, versions: [Value; 2], arn: Option<&str>) -> String {
    let [version_id, previous_version_id] = versions;
    let mut swap = json!({"action": "swapped", "store": store, "name": name, "version_id": version_id,
        "previous_version_id": previous_version_id, "time": "2026-11-25T10:00:00Z"});
    if let Some(arn) = arn {
        swap["arn"] = arn.into();
    }
    json!({"swap": swap}).to_string()
}

#[tokio::test]
async fn a_record_that_cannot_be_undone_is_turned_away() {
    let name = parameter("new").await;
    let secret = secret(DB).await;
    let current = stages(&secret).await["AWSCURRENT"].clone();
    let gone = "0123456789abcdef0123456789abcdef";
    for (record, expected) in [
        (r#"{"swap":7}"#.to_owned(), "bad-record"),
        (r#"{"swap":{"action":"exploded"}}"#.to_owned(), "bad-record"),
        (logged("ssm", &name, [json!(1), Value::Null], None), "bad-record"),
        (logged("ssm", &name, [json!("1"), json!("0")], None), "bad-record"),
        (logged("secretsmanager", &secret, [json!(2), json!(1)], None), "bad-record"),
        (logged("ssm", "/none", [json!(2), json!(1)], None), "not-found"),
        (logged("ssm", &name, [json!(1), json!(7)], None), "no-such-version"),
        (
            logged("ssm", &name, [json!(1), json!(1)], Some("arn:aws:ssm:eu-west-1:1:parameter/a")),
            "not-found",
        ),
        (logged("secretsmanager", "/none", [json!("b"), json!("a")], None), "not-found"),
        (logged("secretsmanager", &secret, [json!(current), json!(gone)], None), "no-such-version"),
    ] {
        let (kind, message) = rejected(&tool(&["--undo"]).stdin(record.clone()).run());
        assert_eq!(kind, expected, "{record}: {message}");
    }
    assert_eq!(stages(&secret).await["AWSCURRENT"], current);
    assert_eq!(value(&name).await.0, 1);
}

#[tokio::test]
async fn an_undo_can_be_checked() {
    let name = secret(DB).await;
    let log = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run().stdout;
    let refused = tool(&["--undo", "--check", "test \"$CONF_SWAP_NEW\" = new"]).stdin(log.clone()).run();
    assert_eq!(rejected(&refused).0, "check-failed");
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "new"));
    let done = tool(&["--undo", "--check", "test \"$CONF_SWAP_NEW\" = old"]).stdin(log).run();
    assert_eq!(swap(&done)["action"], "undone");
    let name = parameter("old").await;
    let log = tool(&["--ssm", &name, "--value", "new"]).run().stdout;
    let done = tool(&["--undo", "--check", "test \"$CONF_SWAP_VALUE\" = old"]).stdin(log).run();
    assert_eq!(swap(&done)["action"], "undone");
}

#[tokio::test]
async fn a_deleted_secret_is_a_reject() {
    let name = secret(DB).await;
    let log = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run().stdout;
    secrets().delete_secret().secret_id(&name).force_delete_without_recovery(true).send().await.unwrap();
    assert_eq!(rejected(&tool(&["--undo"]).stdin(log).run()).0, "not-found");
    let name = parameter("old").await;
    let log = tool(&["--ssm", &name, "--value", "new"]).run().stdout;
    ssm().delete_parameter().name(&name).send().await.unwrap();
    assert_eq!(rejected(&tool(&["--undo"]).stdin(log).run()).0, "not-found");
}
