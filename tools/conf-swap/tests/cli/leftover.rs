//! The staging label that a killed run leaves behind, and the one of a run that is still going.

use serde_json::json;
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::moto;

use crate::bench::{
    content, gate, go, rejected, secret, secrets, stages, swap, tool, until, versions, wait_begun,
};

const DB: &str = r#"{"host":"old"}"#;

/// The versions with labels after a run that swaps to this value without a journal and is killed at its n-th move of a
/// label.
async fn killed(name: &str, value: &str, nth: u64) {
    let rule = Rule::new(Fault::Hang).operation("UpdateSecretVersionStage").nth(nth);
    let proxy = Proxy::start(moto::endpoint(), Plan::new(1).rule(rule));
    let args = ["--secret", name, "--pointer", "/host", "--value", value];
    let running = tool(&args).endpoint(proxy.url()).spawn();
    until(|| proxy.count("Hang") == 1);
    running.signal("KILL");
    running.wait();
    assert!(stages(name).await.contains_key("DRKIT-PENDING"));
}

/// A proxy that answers the n-th question for a version as if that had been made in 2001.
fn aged(name: &str, nth: u64) -> Proxy {
    let body =
        json!({"ARN": name, "Name": name, "SecretString": "x", "CreatedDate": 1_000_000_000}).to_string();
    let rule = Rule::new(Fault::Answer { status: 200, body }).operation("GetSecretValue").nth(nth);
    Proxy::start(moto::endpoint(), Plan::new(1).rule(rule))
}

#[tokio::test]
async fn on_the_current_version_it_is_taken_off() {
    let name = secret(DB).await;
    let old = stages(&name).await["AWSCURRENT"].clone();
    killed(&name, "new", 2).await;
    let current = stages(&name).await["AWSCURRENT"].clone();
    let output = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run();
    let done = swap(&output);
    assert_eq!((&done["action"], &done["previous_version_id"]), (&json!("already"), &json!(null)));
    assert!(
        output.stderr.contains(&format!("DRKIT-PENDING is taken off version {current}")),
        "{}",
        output.stderr
    );
    // Without a journal the record has no way back, but it is known and told.
    let warning = output.stderr.lines().find(|line| line.contains("--journal")).unwrap();
    assert!(warning.contains(&format!("made version {current} from {old}")), "{warning}");
    assert_eq!(stages(&name).await.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);

    let log = tool(&["--secret", &name, "--pointer", "/host", "--value", "newer"]).run().stdout;
    let staged = secrets().update_secret_version_stage().secret_id(&name).version_stage("DRKIT-PENDING");
    staged.move_to_version_id(&stages(&name).await["AWSCURRENT"]).send().await.unwrap();
    assert_eq!(swap(&tool(&["--undo"]).stdin(log).run())["action"], "undone");
    assert_eq!(stages(&name).await.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn a_way_back_that_is_not_proven_is_not_told() {
    let name = secret("new").await;
    let first = tool(&["--secret", &name, "--value", "new"]).run();
    assert_eq!(swap(&first)["action"], "already");
    secrets().put_secret_value().secret_id(&name).secret_string("newer").send().await.unwrap();
    let second = tool(&["--secret", &name, "--value", "newer"]).run();
    assert_eq!(swap(&second)["action"], "already");
    assert!(!first.stderr.contains("way back") && !second.stderr.contains("way back"), "{}", second.stderr);
}

#[tokio::test]
async fn of_a_run_that_may_still_be_going_it_is_left() {
    let name = secret(DB).await;
    let folder = TempDir::new().unwrap();
    let args = ["--secret", &name, "--pointer", "/host", "--value"];
    let running = tool(&args).args(["ours", "--check", &gate(folder.path())]).spawn();
    wait_begun(folder.path());
    let before = stages(&name).await;
    let theirs = tool(&args).arg("theirs").run();
    let (kind, message) = rejected(&theirs);
    assert_eq!(
        (kind.as_str(), &theirs.rejects()[0]["error"]["retryable"]),
        ("swap-in-progress", &json!(true))
    );
    assert!(message.contains(&before["DRKIT-PENDING"]), "{message}");
    assert_eq!((stages(&name).await, versions(&name).await), (before, 2));
    go(folder.path());
    assert_eq!(swap(&running.wait())["action"], "swapped");
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "ours"));
}

#[tokio::test]
async fn of_a_run_that_must_be_over_it_is_taken_off() {
    let name = secret(DB).await;
    killed(&name, "new", 1).await;
    let staged = stages(&name).await["DRKIT-PENDING"].clone();
    // The first question is for the content.
    let proxy = aged(&name, 2);
    let args = ["--secret", &name, "--pointer", "/host", "--value", "newer"];
    let output = tool(&args).endpoint(proxy.url()).run();
    assert_eq!((swap(&output)["action"].as_str(), proxy.count("Answer")), (Some("swapped"), 1));
    assert!(
        output.stderr.contains(&format!("DRKIT-PENDING is taken off version {staged}")),
        "{}",
        output.stderr
    );
    assert_eq!(stages(&name).await.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);
    assert_eq!(content(&name, "AWSCURRENT").await, DB.replace("old", "newer"));
}

#[tokio::test]
async fn an_undo_waits_for_nobody_and_takes_off_what_is_old() {
    for is_old in [false, true] {
        let name = secret(DB).await;
        let log = tool(&["--secret", &name, "--pointer", "/host", "--value", "new"]).run().stdout;
        killed(&name, "newer", 1).await;
        let proxy = aged(&name, if is_old { 2 } else { 99 });
        let undone = tool(&["--undo"]).endpoint(proxy.url()).stdin(log).run();
        assert_eq!(swap(&undone)["action"], "undone");
        assert_eq!(content(&name, "AWSCURRENT").await, DB);
        assert_eq!(stages(&name).await.contains_key("DRKIT-PENDING"), !is_old);
    }
}
