//! Swaps in Parameter Store.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aws_sdk_ssm::types::{ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType};
use serde_json::json;
use tempfile::TempDir;
use testkit::fault::{Fault, Plan, Proxy, Rule, Seen};
use testkit::moto;
use tokio::runtime::Runtime;

use crate::bench::{gate, go, label, parameter, put, rejected, ssm, swap, tool, unique, value, wait_begun};

#[tokio::test]
async fn a_switch_is_thrown_without_stdin() {
    let name = parameter("false").await;
    let mut running = tool(&["--ssm", &name, "--value", "true"]).spawn();
    // stdin is open and says nothing.
    let line = running.line().unwrap();
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    running.wait().assert_code(0);
    let done = &record["swap"];
    assert_eq!(record.as_object().unwrap().len(), 1);
    assert_eq!((done["action"].as_str(), done["store"].as_str()), (Some("swapped"), Some("ssm")));
    assert_eq!((&done["version_id"], &done["previous_version_id"]), (&json!(2), &json!(1)));
    assert_eq!(done["arn"], format!("arn:aws:ssm:us-east-1:123456789012:parameter{name}"));
    assert_eq!(value(&name).await, (2, "true".into()));
    let again = swap(&tool(&["--ssm", &name, "--value", "true"]).run());
    assert_eq!((again["action"].as_str(), &again["version_id"]), (Some("already"), &json!(2)));
    assert_eq!(value(&name).await.0, 2);
}

#[tokio::test]
async fn a_rehearsal_writes_nothing() {
    let name = parameter("false").await;
    let done = swap(&tool(&["--ssm", &name, "--value", "true", "--dry-run"]).run());
    assert_eq!(done["dry_run"], true);
    assert_eq!((&done["version_id"], &done["previous_version_id"]), (&json!(null), &json!(1)));
    assert_eq!(value(&name).await, (1, "false".into()));
}

#[tokio::test]
async fn json_in_a_parameter_is_edited_like_a_secret() {
    let name = parameter(r#"{ "db": {"host": "old" , "n": 1.10} }"#).await;
    let done = swap(&tool(&["--ssm", &name, "--pointer", "/db/host", "--value", "new"]).run());
    assert_eq!(done["pointer"], "/db/host");
    assert_eq!(value(&name).await.1, r#"{ "db": {"host": "new" , "n": 1.10} }"#);
}

async fn metadata(name: &str) -> ParameterMetadata {
    let filter = ParameterStringFilter::builder().key("Name").values(name).build().unwrap();
    let answer = ssm().describe_parameters().parameter_filters(filter).send().await.unwrap();
    answer.parameters()[0].clone()
}

#[tokio::test]
async fn everything_but_the_value_is_kept() {
    let name = unique("kept");
    let put = ssm().put_parameter().name(&name).value("old").r#type(ParameterType::SecureString);
    let put =
        put.key_id("alias/app").tier(ParameterTier::Advanced).description("d").allowed_pattern("^[a-z]+$");
    put.send().await.unwrap();
    let before = metadata(&name).await;
    let (url, sent) = overheard();
    swap(&tool(&["--ssm", &name, "--value-env", "NEW"]).env("NEW", "new").endpoint(&url).run());
    let after = metadata(&name).await;
    assert_eq!(value(&name).await, (2, "new".into()));
    assert_eq!((before.key_id(), before.tier()), (after.key_id(), after.tier()));
    // moto keeps by itself what PutParameter of Parameter Store sets to a default, so the request must tell.
    let sent = String::from_utf8_lossy(&sent.lock().unwrap()).into_owned();
    for kept in [
        r#""Type":"SecureString""#,
        r#""KeyId":"alias/app""#,
        r#""Tier":"Advanced""#,
        r#""Description":"d""#,
        r#""AllowedPattern":"^[a-z]+$""#,
        r#""DataType":"text""#,
    ] {
        assert!(sent.contains(kept), "{kept} is not in\n{sent}");
    }
}

/// Passes connections on to moto and keeps what is sent there.
fn overheard() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&sent);
    // Both directions end with their connections, and the listener with the test process.
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut server = TcpStream::connect(moto::endpoint().trim_start_matches("http://")).unwrap();
            let (mut answers, mut back) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            let keep = Arc::clone(&keep);
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = client.read(&mut bytes) {
                    keep.lock().unwrap().extend_from_slice(&bytes[..length]);
                    server.write_all(&bytes[..length]).unwrap();
                }
            });
        }
    });
    (url, sent)
}

#[tokio::test]
async fn who_is_faster_keeps_the_parameter() {
    let name = parameter("old").await;
    let folder = TempDir::new().unwrap();
    let running = tool(&["--ssm", &name, "--value", "ours", "--check", &gate(folder.path())]).spawn();
    wait_begun(folder.path());
    put(&name, "theirs").await;
    go(folder.path());
    assert_eq!(rejected(&running.wait()).0, "changed-since");
    assert_eq!(value(&name).await, (2, "theirs".into()));
}

/// A proxy that lets somebody else write right before a version is put.
fn rival(name: &str) -> Proxy {
    let name = name.to_owned();
    let theirs = move |seen: &Seen| {
        if seen.operation == "PutParameter" {
            let name = name.clone();
            let write = move || Runtime::new().unwrap().block_on(put(&name, "theirs"));
            std::thread::spawn(write).join().unwrap();
        }
        false
    };
    Proxy::start(moto::endpoint(), Plan::new(1).rule(Rule::new(Fault::Hang).matching(theirs)))
}

#[tokio::test]
async fn who_wrote_in_the_last_moment_is_named() {
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    let proxy = rival(&name);
    let output = tool(&["--ssm", &name, "--label", "live", "--value", "ours"]).endpoint(proxy.url()).run();
    let (kind, message) = rejected(&output);
    assert_eq!(kind, "overwrote");
    assert!(message.contains("version 2") && message.contains("version 3"), "{message}");
    assert!(!message.contains("theirs"), "{message}");
    assert_eq!(value(&name).await, (3, "ours".into()));
    assert_eq!(value(&format!("{name}:live")).await.0, 1);
}

#[tokio::test]
async fn a_label_moves_to_the_new_version() {
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    let done = swap(&tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run());
    assert_eq!((done["label"].as_str(), &done["version_id"]), (Some("live"), &json!(2)));
    let live = format!("{name}:live");
    assert_eq!(value(&live).await, (2, "new".into()));
    let again = swap(&tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run());
    assert_eq!(again["action"], "already");
    assert_eq!(value(&name).await.0, 2);
}

#[tokio::test]
async fn what_was_put_and_not_labelled_is_labelled() {
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    put(&name, "new").await;
    let done = swap(&tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run());
    assert_eq!((done["action"].as_str(), &done["version_id"]), (Some("swapped"), &json!(2)));
    assert_eq!(done["previous_version_id"], json!(1));
    assert_eq!((value(&name).await.0, value(&format!("{name}:live")).await.0), (2, 2));
}

#[tokio::test]
async fn a_version_that_no_label_reader_has_seen_is_not_passed_over() {
    let name = parameter("old").await;
    label(&name, 1, "live").await;
    put(&name, "not yet released").await;
    let (kind, message) = rejected(&tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run());
    assert_eq!(kind, "unlabelled-version");
    assert!(
        message.contains("version 1") && message.contains('2') && !message.contains("released"),
        "{message}"
    );
    assert_eq!(value(&name).await.0, 2);
}

#[tokio::test]
async fn a_label_that_no_version_has_is_an_error() {
    let name = parameter("old").await;
    let output = tool(&["--ssm", &name, "--label", "live", "--value", "new"]).run();
    assert!(output.assert_code(1).stderr.contains("no version has the label live"), "{}", output.stderr);
    assert_eq!(value(&name).await.0, 1);
}

#[tokio::test]
async fn a_label_on_the_oldest_of_a_hundred_versions_is_told_with_the_remedy() {
    let name = parameter("0").await;
    label(&name, 1, "first").await;
    for version in 1..100 {
        put(&name, &version.to_string()).await;
    }
    let (kind, message) = rejected(&tool(&["--ssm", &name, "--value", "new"]).run());
    assert_eq!(kind, "refused");
    assert!(
        message.contains("ParameterMaxVersionLimitExceeded") && message.contains("move the label"),
        "{message}"
    );
}
