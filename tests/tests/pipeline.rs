//! The tools together: `s3-versions | s3-restore | cf-purge`, as an operator types it.

use aws_sdk_s3::Client;
use serde_json::Value;
use testkit::s3::{Options, Put, Server};
use testkit::tool::{Output, Tool};
use testkit::{cloudfront, moto};

const AT: &str = "2026-11-20T10:00:00Z";

/// A bucket whose good state was at [`AT`], and has been damaged in every way since.
fn damaged() -> Server {
    let server = Server::start(Options::default());
    server.create_bucket("photos");
    let put =
        |key: &str, put: Put, time: &str| server.put("photos", key, put.at(&format!("2026-11-20T{time}Z")));
    for key in ["o/overwritten é.jpg", "o/deleted+.jpg", "o/both%20.jpg", "o/untouched.jpg"] {
        put(key, Put::bytes(format!("good {key}")).header("x-amz-meta-state", "good"), "09:00:00");
    }
    put("o/overwritten é.jpg", Put::bytes("bad"), "10:00:01");
    put("o/deleted+.jpg", Put::marker(), "10:00:01");
    put("o/both%20.jpg", Put::bytes("bad"), "10:00:01");
    put("o/both%20.jpg", Put::marker(), "10:00:01");
    put("o/new.jpg", Put::bytes("new"), "10:00:01");
    put("other.jpg", Put::bytes("good"), "09:00:00");
    put("other.jpg", Put::bytes("bad"), "10:00:01");
    server
}

async fn content(s3: &Client, key: &str) -> Option<String> {
    let got = s3.get_object().bucket("photos").key(key).send().await.ok()?;
    let bytes = got.body.collect().await.ok()?.into_bytes();
    String::from_utf8(bytes.to_vec()).ok()
}

fn run(server: &Server, script: &str) -> Output {
    Tool::bash(script)
        .env("AWS_ENDPOINT_URL_S3", server.url())
        .env("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
        .run()
}

#[tokio::test]
async fn the_objects_are_as_they_were_and_the_cdn_forgets_the_wrong_ones() {
    let server = damaged();
    let distribution = cloudfront::distribution().await;
    let script = format!(
        "s3-versions --at {AT} s3://photos/o/ | s3-restore --delete-newer | \
         cf-purge --distribution-id {distribution} --wait"
    );
    let output = run(&server, &script);
    output.assert_code(0);
    let mut paths: Vec<_> = output
        .records()
        .iter()
        .map(|receipt| receipt["path"].as_str().unwrap_or_default().to_owned())
        .collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/o/both%2520.jpg", "/o/deleted+.jpg", "/o/new.jpg", "/o/overwritten%20%C3%A9.jpg"]);
    let s3 = server.client();
    for key in ["o/overwritten é.jpg", "o/deleted+.jpg", "o/both%20.jpg", "o/untouched.jpg"] {
        assert_eq!(content(&s3, key).await, Some(format!("good {key}")));
    }
    assert_eq!(content(&s3, "o/new.jpg").await, None);
    assert_eq!(content(&s3, "other.jpg").await.as_deref(), Some("bad"));
}

#[tokio::test]
async fn a_second_run_changes_nothing_and_an_undo_brings_the_damage_back() {
    let server = damaged();
    let folder = tempfile::tempdir().expect("a folder");
    let script =
        |script: &str| Tool::bash(script).env("AWS_ENDPOINT_URL_S3", server.url()).cwd(folder.path()).run();
    let plan = format!("s3-versions --at {AT} s3://photos/o/");
    script(&format!("{plan} | s3-restore --delete-newer > log.jsonl")).assert_code(0);
    server.clear_requests();
    let again = script(&format!("{plan} | s3-restore --delete-newer"));
    again.assert_code(0);
    for operation in ["CopyObject", "DeleteObject", "PutObject"] {
        assert_eq!(server.count(operation), 0, "{operation}");
    }
    let actions: Vec<Value> =
        again.records().iter().map(|record| record["restore"]["action"].clone()).collect();
    assert!(actions.iter().all(|action| action == "already"), "{actions:?}");

    script("s3-restore --undo < log.jsonl").assert_code(0);
    let s3 = server.client();
    assert_eq!(content(&s3, "o/overwritten é.jpg").await.as_deref(), Some("bad"));
    assert_eq!(content(&s3, "o/deleted+.jpg").await, None);
    assert_eq!(content(&s3, "o/both%20.jpg").await, None);
    assert_eq!(content(&s3, "o/new.jpg").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn what_a_stage_rejects_is_not_acted_on_by_the_next() {
    let server = damaged();
    let distribution = cloudfront::distribution().await;
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "{{ s3-versions --deleted s3://photos/o/; echo '{{\"bucket\":\"photos\",\"key\":\"o/x\",\"version_id\":\"v\"}}'; }} |
         s3-restore --rejects rejects.jsonl | cf-purge --distribution-id {distribution}
         exit ${{PIPESTATUS[1]}}"
    );
    let output = Tool::bash(&script.replacen("{ s3", "set +e; { s3", 1))
        .env("AWS_ENDPOINT_URL_S3", server.url())
        .env("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
        .cwd(folder.path())
        .run();
    output.assert_code(3);
    let paths: Vec<_> = output.records().iter().map(|receipt| receipt["path"].clone()).collect();
    assert_eq!(paths.len(), 2, "{paths:?}");
    assert!(!paths.contains(&"/o/x".into()));
    let rejects = std::fs::read_to_string(folder.path().join("rejects.jsonl")).expect("rejects");
    assert_eq!(rejects.lines().count(), 1);
    assert!(rejects.contains(r#""record":{"bucket":"photos","key":"o/x","version_id":"v"}"#), "{rejects}");
}
