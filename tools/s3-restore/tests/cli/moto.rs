//! Against moto, a server that is not ours.

use serde_json::{Value, json};
use testkit::moto;
use testkit::s3control::S3Control;
use testkit::tool::Tool;

use crate::bench::{lines, tool};

#[test]
fn plans_and_plain_records_are_carried_out() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (bucket, copied, undeleted) = runtime.block_on(async {
        let bucket = moto::bucket("restore").await;
        let s3 = moto::s3();
        let put = async |key: &str, body: &'static [u8]| {
            let put = s3.put_object().bucket(&bucket).key(key).content_type("image/jpeg").tagging("a=1");
            put.body(body.to_vec().into()).send().await.unwrap().version_id.unwrap()
        };
        let copied = put("copied é+%20.jpg", b"good").await;
        put("copied é+%20.jpg", b"bad").await;
        let undeleted = put("undeleted", b"good").await;
        s3.delete_object().bucket(&bucket).key("undeleted").send().await.unwrap();
        (bucket, copied, undeleted)
    });
    let records = [
        json!({"bucket": bucket, "key": "copied é+%20.jpg", "version_id": copied}),
        json!({"bucket": bucket, "key": "undeleted", "version_id": undeleted}),
    ];
    let output = tool(moto::endpoint()).stdin(lines(&records)).run();
    output.assert_code(0);
    let act = |key: &str| -> Value {
        output.records().iter().find(|record| record["key"] == key).unwrap()["restore"]["action"].clone()
    };
    assert_eq!((act("copied é+%20.jpg"), act("undeleted")), (json!("copy"), json!("undelete")));
    runtime.block_on(async {
        let s3 = moto::s3();
        for key in ["copied é+%20.jpg", "undeleted"] {
            let got = s3.get_object().bucket(&bucket).key(key).send().await.unwrap();
            assert_eq!(got.content_type(), Some("image/jpeg"));
            assert_eq!(got.body.collect().await.unwrap().to_vec(), b"good");
            let tags = s3.get_object_tagging().bucket(&bucket).key(key).send().await.unwrap();
            assert_eq!(tags.tag_set().len(), 1);
        }
    });
    let again = tool(moto::endpoint()).stdin(lines(&records)).run();
    assert!(
        again.records().iter().all(|record| record["restore"]["action"] == "already"),
        "{}",
        again.text()
    );
}

#[test]
fn a_job_copies_what_its_manifest_names() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (bucket, ops, records) = runtime.block_on(async {
        let (bucket, ops) = (moto::bucket("batch").await, moto::bucket("ops").await);
        let s3 = moto::s3();
        let mut records = Vec::new();
        for key in ["a b+c é%20.jpg", "b"] {
            let put = async |body: &'static [u8]| {
                let put = s3.put_object().bucket(&bucket).key(key).content_type("image/jpeg").tagging("a=1");
                put.body(body.to_vec().into()).send().await.unwrap().version_id.unwrap()
            };
            let old = put(b"good").await;
            put(b"worse").await;
            records.push(json!({"bucket": bucket, "key": key, "version_id": old}));
        }
        (bucket, ops, records)
    });
    let control = S3Control::start(moto::endpoint());
    let output = Tool::new("s3-restore")
        .endpoint(moto::endpoint())
        .env("AWS_ENDPOINT_URL_S3_CONTROL", control.url())
        .args(["--batch", &format!("s3://{ops}/"), "--batch-role", "arn:aws:iam::123456789012:role/batch"])
        .args(["--confirm", "--wait"])
        .stdin(lines(&records))
        .run();
    output.assert_code(0);
    assert_eq!(output.records().len(), 2);
    runtime.block_on(async {
        let s3 = moto::s3();
        for record in output.records() {
            let got =
                s3.get_object().bucket(&bucket).key(record["key"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(
                (got.content_type(), got.version_id()),
                (Some("image/jpeg"), record["restore"]["version_id"].as_str())
            );
            assert_eq!(got.body.collect().await.unwrap().to_vec(), b"good");
        }
    });
}

#[test]
fn results_of_a_journal_are_held_against_the_present() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (bucket, mut records) = runtime.block_on(async { (moto::bucket("replayed").await, Vec::new()) });
    let put = |key: &str, body: &'static [u8]| {
        let put = async {
            let put = moto::s3().put_object().bucket(&bucket).key(key).body(body.to_vec().into());
            put.send().await.unwrap().version_id.unwrap()
        };
        runtime.block_on(put)
    };
    for key in ["a", "b/1", "b/2", "c é+%20"] {
        records.push(json!({"bucket": bucket, "key": key, "version_id": put(key, b"good")}));
        put(key, b"bad");
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let run = || tool(moto::endpoint()).arg("--journal").arg(&journal).stdin(lines(&records)).run();
    run().assert_code(0);
    let again = run();
    again.assert_code(0);
    assert!(again.records().iter().all(|record| record["restore"]["replayed"] == true), "{}", again.text());
    put("b/1", b"theirs");
    let output = run();
    output.assert_code(3);
    assert_eq!((output.records().len(), output.rejects().len()), (3, 1));
    assert_eq!(output.rejects()[0]["record"]["key"], "b/1");
}
