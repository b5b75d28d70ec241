//! Lost answers, deaths and refusals, from outside.

use serde_json::json;
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::moto;

use crate::bench::{content, label, parameter, rejected, secret, stages, swap, tool, until, value, versions};

const DB: &str = r#"{"host":"old"}"#;

fn proxy(rule: Rule) -> Proxy {
    Proxy::start(moto::endpoint(), Plan::new(1).rule(rule))
}

fn refusal(code: &str) -> Fault {
    let body = json!({"__type": code, "message": "words"}).to_string();
    Fault::Answer { status: 400, body }
}

#[tokio::test]
async fn a_death_before_the_move_is_made_good_by_the_next_run() {
    for operation in ["PutSecretValue", "UpdateSecretVersionStage"] {
        let name = secret(DB).await;
        let args = ["--secret", &name, "--pointer", "/host", "--value", "new"];
        let proxy = proxy(Rule::new(Fault::Hang).operation(operation));
        let running = tool(&args).endpoint(proxy.url()).spawn();
        until(|| proxy.count("Hang") == 1);
        running.signal("KILL");
        assert_eq!(running.wait().signal, Some(9));
        assert_eq!(content(&name, "AWSCURRENT").await, DB);
        let before = stages(&name).await;
        assert_eq!(before.contains_key("DRKIT-PENDING"), operation == "UpdateSecretVersionStage");
        let done = swap(&tool(&args).run());
        assert_eq!(done["action"], "swapped");
        assert_eq!(done["previous_version_id"], before["AWSCURRENT"].as_str());
        let after = stages(&name).await;
        assert_eq!(after.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);
        if let Some(staged) = before.get("DRKIT-PENDING") {
            assert_eq!(&after["AWSCURRENT"], staged);
        }
        assert_eq!(versions(&name).await, 2);
    }
}

#[tokio::test]
async fn a_death_after_the_move_leaves_nothing_to_be_done() {
    let name = secret(DB).await;
    let args = ["--secret", &name, "--pointer", "/host", "--value", "new"];
    // The second is the one that takes the label off.
    let proxy = proxy(Rule::new(Fault::Hang).operation("UpdateSecretVersionStage").nth(2));
    let running = tool(&args).endpoint(proxy.url()).spawn();
    until(|| proxy.count("Hang") == 1);
    running.signal("KILL");
    running.wait();
    assert_eq!(swap(&tool(&args).run())["action"], "already");
    // What is left of the label goes with the next swap.
    let next = ["--secret", &name, "--pointer", "/host", "--value", "newer"];
    assert_eq!(swap(&tool(&next).run())["action"], "swapped");
    assert_eq!(stages(&name).await.keys().collect::<Vec<_>>(), ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test]
async fn a_lost_answer_is_not_a_failure() {
    for operation in ["DescribeSecret", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"] {
        let name = secret(DB).await;
        let proxy = proxy(Rule::new(Fault::ResetAfter).operation(operation).first(1));
        let args = ["--secret", &name, "--pointer", "/host", "--value", "new"];
        let done = swap(&tool(&args).endpoint(proxy.url()).run());
        assert_eq!((done["action"].as_str(), proxy.count("ResetAfter")), (Some("swapped"), 1), "{operation}");
        assert_eq!(done["version_id"], stages(&name).await["AWSCURRENT"].as_str());
        assert_eq!((content(&name, "AWSPREVIOUS").await.as_str(), versions(&name).await), (DB, 2));
    }
}

#[tokio::test]
async fn a_parameter_put_twice_by_a_lost_answer_is_still_ours() {
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    let proxy = proxy(Rule::new(Fault::ResetAfter).operation("PutParameter").first(1));
    let log = tool(&["--ssm", &name, "--label", "live", "--value", "new"]).endpoint(proxy.url()).run();
    let done = swap(&log);
    assert_eq!(proxy.count("ResetAfter"), 1);
    assert_eq!((&done["version_id"], &done["previous_version_id"]), (&json!(3), &json!(1)));
    assert_eq!(value(&format!("{name}:live")).await, (3, "new".into()));
    assert_eq!(swap(&tool(&["--undo"]).stdin(log.stdout).run())["action"], "undone");
    assert_eq!(value(&name).await, (4, "old".into()));
}

#[tokio::test]
async fn what_is_to_be_written_over_is_named_before() {
    let (name, old) = (secret(DB).await, parameter("old").await);
    let current = stages(&name).await["AWSCURRENT"].clone();
    for (operation, target, expected) in [
        ("UpdateSecretVersionStage", ["--secret", &name], format!("{current} is current")),
        ("PutParameter", ["--ssm", &old], "version 1 is the latest".to_owned()),
    ] {
        let proxy = proxy(Rule::new(Fault::Hang).operation(operation));
        let mut running = tool(&target).args(["--value", "new"]).endpoint(proxy.url()).spawn();
        running.wait_stderr(&expected);
        until(|| proxy.count("Hang") == 1);
        running.signal("KILL");
        assert!(running.wait().stdout.is_empty());
        assert_eq!(swap(&tool(&target).args(["--value", "new"]).run())["action"], "swapped");
    }
}

#[tokio::test]
async fn a_death_before_the_label_is_made_good_by_the_next_run() {
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    let proxy = proxy(Rule::new(Fault::Hang).operation("LabelParameterVersion"));
    let args = ["--ssm", &name, "--label", "live", "--value", "new"];
    let running = tool(&args).endpoint(proxy.url()).spawn();
    until(|| proxy.count("Hang") == 1);
    running.signal("KILL");
    running.wait();
    let log = tool(&args).run();
    let done = swap(&log);
    assert_eq!((&done["version_id"], &done["previous_version_id"]), (&json!(2), &json!(1)));
    tool(&["--undo"]).stdin(log.stdout).run().assert_code(0);
    assert_eq!(value(&format!("{name}:live")).await, (3, "old".into()));
}

#[tokio::test]
async fn a_throttle_is_waited_out() {
    let name = parameter("old").await;
    let proxy = proxy(Rule::new(refusal("ThrottlingException")).operation("PutParameter").first(2));
    let done = swap(&tool(&["--ssm", &name, "--value", "new"]).endpoint(proxy.url()).run());
    assert_eq!((done["action"].as_str(), proxy.count("Answer")), (Some("swapped"), 2));
}

#[tokio::test]
async fn a_refusal_is_a_reject_with_the_service_s_words() {
    for (code, kind, retryable) in
        [("TooManyUpdates", "throttled", true), ("HierarchyTypeMismatchException", "refused", false)]
    {
        let name = parameter("old").await;
        let proxy = proxy(Rule::new(refusal(code)).operation("PutParameter"));
        let output = tool(&["--ssm", &name, "--value", "new"]).endpoint(proxy.url()).run();
        let (found, message) = rejected(&output);
        assert_eq!(found, kind);
        assert_eq!(output.rejects()[0]["error"]["retryable"], retryable);
        assert_eq!(message, format!("PutParameter {name}: {code}: words"));
    }
}

#[tokio::test]
async fn a_move_that_is_refused_leaves_no_label() {
    let name = secret(DB).await;
    let before = stages(&name).await;
    let proxy =
        proxy(Rule::new(refusal("InvalidRequestException")).operation("UpdateSecretVersionStage").first(1));
    let args = ["--secret", &name, "--pointer", "/host", "--value", "new"];
    assert_eq!(rejected(&tool(&args).endpoint(proxy.url()).run()).0, "refused");
    assert_eq!(stages(&name).await, before);
}

#[tokio::test]
async fn who_may_not_is_told_at_once_and_by_record_for_an_undo() {
    let (name, old) = (secret(DB).await, parameter("old").await);
    let log = tool(&["--ssm", &old, "--value", "new"]).run().stdout;
    for (target, operation) in [
        (["--secret", &name], "DescribeSecret"),
        (["--secret", &name], "GetSecretValue"),
        (["--secret", &name], "PutSecretValue"),
        (["--ssm", &old], "GetParameter"),
        (["--ssm", &old], "DescribeParameters"),
    ] {
        let proxy = proxy(Rule::new(refusal("AccessDeniedException")).operation(operation));
        let output = tool(&target).args(["--value", "x"]).endpoint(proxy.url()).run();
        let error = output.assert_code(1).stderr.lines().find(|line| line.contains("error: ")).unwrap();
        assert!(error.contains(operation) && error.contains("permissions"), "{error}");
    }
    let proxy = proxy(Rule::new(refusal("AccessDeniedException")).operation("GetParameter"));
    assert_eq!(rejected(&tool(&["--undo"]).endpoint(proxy.url()).stdin(log).run()).0, "access-denied");
}

#[tokio::test]
async fn credentials_that_nobody_knows_end_the_run() {
    let name = parameter("old").await;
    let proxy = proxy(Rule::new(refusal("UnrecognizedClientException")));
    let output = tool(&["--undo"]).endpoint(proxy.url()).stdin(
        json!({"swap": {"action": "swapped", "store": "ssm", "name": name, "version_id": 2,
            "previous_version_id": 1, "time": "2026-11-25T10:00:00Z"}})
        .to_string(),
    );
    assert!(output.run().assert_code(1).stderr.contains("UnrecognizedClientException"));
}
