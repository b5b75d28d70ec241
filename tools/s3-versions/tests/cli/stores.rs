//! Stores that are older than S3 is today, and addresses.

use serde_json::Value;
use testkit::s3::{Options, Put, Server};
use testkit::tool::Tool;

use super::{clock, delete, list, put, server, server_with, texts, tool};

/// A history with ties, on a store with these options.
fn history(options: Options) -> (Server, Vec<Value>) {
    let server = server_with(options);
    for key in ["a b", "c", "d+"] {
        put(&server, key, "1", "10:00:00");
        delete(&server, key, "10:00:00");
        put(&server, key, "2", "10:00:00");
        delete(&server, key, "10:00:01");
        put(&server, key, "3", "10:00:01");
    }
    let records = list(&server, &["s3://photos"]);
    (server, records)
}

#[test]
fn every_store_shows_the_same_history() {
    let shape = |records: &[Value]| -> Vec<_> {
        records
            .iter()
            .map(|r| (r["key"].clone(), r["delete_marker"].clone(), r["is_latest"].clone()))
            .collect()
    };
    let (_, today) = history(Options::default());
    assert_eq!(today.len(), 15);
    for options in [
        Options { split_lists: true, ..Options::default() },
        Options { late_markers: true, ..Options::default() },
        Options { no_encoding_type: true, ..Options::default() },
        Options { no_checksums: true, no_tagging: true, ..Options::default() },
    ] {
        let (_, records) = history(options.clone());
        assert_eq!(shape(&records), shape(&today), "{options:?}");
    }
}

#[test]
fn times_finer_than_a_second_are_kept_and_compared() {
    let server = server_with(Options { fine_timestamps: true, ..Options::default() });
    server.put("photos", "a", Put::bytes("1").at("2026-11-20T10:00:00.25Z"));
    server.put("photos", "a", Put::bytes("2").at("2026-11-20T10:00:00.75Z"));
    let at = |time: &str| list(&server, &["--at", time, "s3://photos"]).len();
    assert_eq!(at("2026-11-20T10:00:00.5Z"), 1);
    assert_eq!(at("2026-11-20T10:00:00.75Z"), 0);
    assert!(texts(&list(&server, &["s3://photos"]), "last_modified")[0].contains("00.75"));
}

#[test]
fn a_missing_encoding_is_told_once() {
    let server = server_with(Options { no_encoding_type: true, ..Options::default() });
    for n in 0..1500 {
        put(&server, &format!("{n}"), "x", "10:00:00");
    }
    let output = tool(&server).arg("s3://photos").run();
    output.assert_code(0);
    assert_eq!(output.stderr.matches("does not encode keys").count(), 1);
}

#[tokio::test]
async fn a_bucket_without_versioning_is_warned_of() {
    use aws_sdk_s3::types::{BucketVersioningStatus::Suspended, VersioningConfiguration};

    let server = server();
    let enabled = tool(&server).arg("s3://photos").run();
    assert!(!enabled.stderr.contains("warning"), "{}", enabled.stderr);
    let client = server.client();
    client.create_bucket().bucket("plain").send().await.unwrap();
    let never = tool(&server).arg("s3://plain").run();
    assert!(never.assert_code(0).stderr.contains("warning: versioning of s3://plain was never enabled"));
    let suspended = VersioningConfiguration::builder().status(Suspended).build();
    client.put_bucket_versioning().bucket("plain").versioning_configuration(suspended).send().await.unwrap();
    let suspended = tool(&server).arg("s3://plain").run();
    assert!(suspended.assert_code(0).stderr.contains("warning: versioning of s3://plain is suspended"));
}

#[test]
fn the_endpoint_and_region_come_from_flags_variables_and_profiles() {
    let server = server();
    put(&server, "a", "x", "10:00:00");
    let bare = || Tool::new("s3-versions").arg("s3://photos");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let text = format!("[profile dr]\nregion = eu-west-1\nendpoint_url = {}\n", server.url());
    std::fs::write(&config, text).unwrap();
    for tool in [
        bare().args(["--endpoint-url", server.url()]),
        bare().env("AWS_ENDPOINT_URL", server.url()),
        bare().env("AWS_ENDPOINT_URL_S3", server.url()),
        bare().env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_ENDPOINT_URL_S3", server.url()),
        bare().env("AWS_PROFILE", "dr").env("AWS_CONFIG_FILE", &config).env_remove("AWS_REGION"),
        bare().args(["--endpoint-url", server.url(), "--region", "eu-west-1"]).env_remove("AWS_REGION"),
    ] {
        let output = tool.run();
        output.assert_code(0);
        assert_eq!(texts(&output.records(), "key"), ["a"]);
    }
    // A profile that is named goes before credentials in the environment.
    let credentials = folder.path().join("credentials");
    std::fs::write(&credentials, "[dr]\naws_access_key_id = good\naws_secret_access_key = x\n").unwrap();
    let other = || {
        bare()
            .env("AWS_CONFIG_FILE", &config)
            .env("AWS_SHARED_CREDENTIALS_FILE", &credentials)
            .env("AWS_ACCESS_KEY_ID", "bad")
    };
    other().args(["--profile", "dr"]).run().assert_code(0);
    other().env("AWS_ENDPOINT_URL", server.url()).run().assert_code(1);
    let output = bare().args(["--endpoint-url", server.url()]).env_remove("AWS_REGION").run();
    assert!(output.assert_code(1).stderr.contains("no AWS region: give --region"), "{}", output.stderr);
    let region = |request: &testkit::s3::Logged| {
        request
            .headers
            .iter()
            .any(|(name, value)| name == "authorization" && value.contains("/eu-west-1/s3/"))
    };
    assert!(server.requests().iter().any(region));
    assert_eq!(list(&server, &["--at", &clock("11:00:00"), "s3://photos"]).len(), 0);
}
