//! Swaps in Secrets Manager.

use aws_sdk_secretsmanager::primitives::Blob;
use serde_json::json;
use tempfile::TempDir;

use crate::bench::{
    content, gate, go, overwrite, rejected, secret, secrets, stages, swap, tool, unique, versions, wait_begun,
};

const DB: &str =
    "{ \"engine\":\"postgres\",\r\n  \"host\" : \"old\\u002eexample\", \"port\":5432,\"weight\":1.10}\n";

#[tokio::test]
async fn only_the_bytes_of_the_value_change_and_the_old_version_stays() {
    let name = secret(DB).await;
    let before = stages(&name).await;
    let done = swap(&tool(&["--secret", &name, "--pointer", "/host", "--value", "new.example"]).run());
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old\\u002eexample", "new.example"));
    assert_eq!(content(&name, "AWSPREVIOUS").await, DB);
    let after = stages(&name).await;
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!(after["AWSPREVIOUS"], before["AWSCURRENT"]);
    assert_eq!(done["action"], "swapped");
    assert_eq!(done["store"], "secretsmanager");
    assert_eq!(done["name"], name.as_str());
    assert_eq!(done["pointer"], "/host");
    assert_eq!(done["version_id"], after["AWSCURRENT"].as_str());
    assert_eq!(done["previous_version_id"], before["AWSCURRENT"].as_str());
    assert_eq!(done.get("dry_run"), None);
    let arn = done["arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:secretsmanager:us-east-1:") && arn.contains(&name), "{arn}");
    assert!(done["time"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn what_is_as_wanted_is_not_written() {
    let name = secret(DB).await;
    let args = ["--secret", &name, "--pointer", "/port", "--value", "5433", "--expect", "5432"];
    let first = swap(&tool(&args).run());
    let again = swap(&tool(&args).run());
    assert_eq!(again["action"], "already");
    assert_eq!(again["version_id"], first["version_id"]);
    assert_eq!(again["previous_version_id"], json!(null));
    assert_eq!(versions(&name).await, 2);
}

#[tokio::test]
async fn without_a_pointer_the_whole_is_replaced() {
    let name = secret("old").await;
    let arn = secrets().describe_secret().secret_id(&name).send().await.unwrap().arn.unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("value");
    std::fs::write(&file, "new\nlines\r\n").unwrap();
    let expect = folder.path().join("expect");
    let args = ["--secret", &arn, "--value-file", file.to_str().unwrap(), "--expect-file"];
    std::fs::write(&expect, "older\n").unwrap();
    assert_eq!(rejected(&tool(&args).arg(&expect).run()).0, "unexpected-value");
    std::fs::write(&expect, "old\n").unwrap();
    let output = tool(&args).arg(&expect).run();
    assert_eq!(swap(&output)["name"], name.as_str());
    assert_eq!(content(&name, "AWSCURRENT").await, "new\nlines");
    assert!(output.stderr.contains("restart what has the old value cached"), "{}", output.stderr);
    tool(&["--secret", &name, "--value-file", "-"]).stdin("from stdin\n").run().assert_code(0);
    assert_eq!(content(&name, "AWSCURRENT").await, "from stdin");
}

#[tokio::test]
async fn a_rehearsal_reads_everything_and_writes_nothing() {
    let name = secret(DB).await;
    let before = stages(&name).await;
    let args = ["-n", "--secret", &name, "--pointer", "/host", "--value", "new.example"];
    let done = swap(&tool(&args).run());
    assert_eq!((done["action"].as_str(), done["dry_run"].as_bool()), (Some("swapped"), Some(true)));
    assert_eq!(done["version_id"], json!(null));
    assert_eq!(done["previous_version_id"], before["AWSCURRENT"].as_str());
    assert_eq!((stages(&name).await, versions(&name).await), (before, 1));
    let (kind, _) = rejected(&tool(&["-n", "--secret", &name, "--pointer", "/hots", "--value", "x"]).run());
    assert_eq!(kind, "no-such-value");
}

#[tokio::test]
async fn what_does_not_fit_is_turned_away_untouched() {
    for (text, args, expected) in [
        (DB, &["--pointer", "/user", "--value", "x"][..], "no-such-value"),
        (DB, &["--pointer", "/port", "--value", "x"], "type-differs"),
        (DB, &["--pointer", "/host", "--value", "x", "--expect", "older.example"], "unexpected-value"),
        ("db.example", &["--pointer", "/host", "--value", "x"], "not-json"),
        (r#"{"host":"a","host":"b"}"#, &["--pointer", "/host", "--value", "x"], "ambiguous"),
    ] {
        let name = secret(text).await;
        let (kind, message) = rejected(&tool(&["--secret", &name]).args(args).run());
        assert_eq!(kind, expected);
        assert!(message.contains(&name) && !message.contains("example"), "{message}");
        assert_eq!((content(&name, "AWSCURRENT").await.as_str(), versions(&name).await), (text, 1));
    }
}

#[tokio::test]
async fn a_binary_secret_is_refused() {
    let name = unique("binary");
    secrets().create_secret().name(&name).secret_binary(Blob::new([1, 2, 3])).send().await.unwrap();
    let (kind, message) = rejected(&tool(&["--secret", &name, "--value", "x"]).run());
    assert_eq!(kind, "binary-secret");
    assert!(message.contains("SecretBinary"), "{message}");
}

#[tokio::test]
async fn a_secret_without_a_value_has_nothing_to_swap() {
    let name = unique("empty");
    secrets().create_secret().name(&name).send().await.unwrap();
    let (kind, message) = rejected(&tool(&["--secret", &name, "--value", "x"]).run());
    assert_eq!(
        (kind.as_str(), message),
        ("no-such-version", format!("secret {name}: no version is AWSCURRENT"))
    );
}

#[tokio::test]
async fn nothing_is_swapped_while_a_rotation_is_in_progress() {
    let name = secret(DB).await;
    let put =
        secrets().put_secret_value().secret_id(&name).secret_string("pending").version_stages("AWSPENDING");
    let pending = put.send().await.unwrap().version_id.unwrap();
    let args = ["--secret", &name, "--pointer", "/host", "--value", "x"];
    let (kind, message) = rejected(&tool(&args).run());
    assert_eq!(kind, "rotation-in-progress");
    assert!(message.contains(&pending) && message.contains("cancel-rotate-secret"), "{message}");
    assert_eq!(content(&name, "AWSCURRENT").await, DB);
}

#[tokio::test]
async fn the_label_of_a_finished_rotation_does_not_stay_behind() {
    let name = secret(DB).await;
    let current = stages(&name).await["AWSCURRENT"].clone();
    let request = secrets().update_secret_version_stage().secret_id(&name).version_stage("AWSPENDING");
    request.move_to_version_id(&current).send().await.unwrap();
    let output = tool(&["--secret", &name, "--pointer", "/host", "--value", "x"]).run();
    assert_eq!(swap(&output)["action"], "swapped");
    let after = stages(&name).await;
    assert_eq!(after.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);
    // Behind AWSCURRENT it would look like a rotation in progress, and the way back would be barred.
    assert_eq!(swap(&tool(&["--undo"]).stdin(output.stdout).run())["action"], "undone");
}

#[tokio::test]
async fn who_is_faster_keeps_the_secret() {
    let name = secret(DB).await;
    let folder = TempDir::new().unwrap();
    let check = gate(folder.path());
    let args = ["--secret", &name, "--pointer", "/host", "--value", "ours", "--check", &check];
    let running = tool(&args).spawn();
    wait_begun(folder.path());
    assert_eq!(stages(&name).await.len(), 2, "the new version is staged before it is checked");
    overwrite(&name, "theirs").await;
    go(folder.path());
    let output = running.wait();
    let (kind, message) = rejected(&output);
    assert_eq!(kind, "changed-since");
    let after = stages(&name).await;
    assert!(message.contains(&after["AWSCURRENT"]), "{message}");
    assert_eq!(content(&name, "AWSCURRENT").await, "theirs");
    assert_eq!(after.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn the_same_swap_after_an_undo_makes_no_third_version() {
    let name = secret(DB).await;
    let args = ["--secret", &name, "--pointer", "/host", "--value", "new.example"];
    let first = tool(&args).run();
    assert_eq!(swap(&tool(&["--undo"]).stdin(first.stdout.clone()).run())["action"], "undone");
    let again = swap(&tool(&args).run());
    assert_eq!(again["action"], "swapped");
    assert_eq!(again["version_id"], swap(&first)["version_id"]);
    assert_eq!(versions(&name).await, 2);
}
