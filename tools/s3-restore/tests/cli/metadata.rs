//! What a copy keeps of its version besides the content.

use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockMode};
use aws_smithy_types::base64;
use tempfile::TempDir;
use testkit::s3::{Put, Server, Sse};

use crate::bench::{BUCKET, Eyes, lines, message, planned, rejected, restored, run, server, tool, wanted};

const FUTURE: &str = "2999-01-01T00:00:00Z";

/// The MD5 of a key of 32 bytes of 7, from `md5sum`.
const MD5_OF_SEVENS: &str = "y4HAEFCYWuvAXWFTtA1Qpg==";

fn rich() -> Put {
    dressed(Put::bytes("good"))
}

fn dressed(put: Put) -> Put {
    put.header("content-type", "image/webp; q=1")
        .header("cache-control", "public, max-age=60")
        .header("content-disposition", "attachment; filename=\"a b.jpg\"")
        .header("content-encoding", "identity")
        .header("content-language", "de-CH")
        .header("expires", "next Tuesday")
        .header("x-amz-meta-camera", "no 7")
        .header("x-amz-tagging", "rights=all%20reserved&album%2Fno=1%2B1")
        .header("x-amz-website-redirect-location", "/moved.html")
        .header("x-amz-object-lock-mode", "GOVERNANCE")
        .header("x-amz-object-lock-retain-until-date", FUTURE)
        .header("x-amz-object-lock-legal-hold", "ON")
        .storage_class("STANDARD_IA")
}

/// Puts a version and another one over it, and restores the first.
fn restore(server: &Server, put: Put, args: &[&str]) -> Eyes {
    let old = server.put(BUCKET, "a.jpg", put);
    server.put(BUCKET, "a.jpg", Put::bytes("bad!!"));
    run(server.url(), args, &[wanted("a.jpg", &old)]).assert_code(0);
    Eyes::on(server)
}

fn tags(eyes: &Eyes) -> Vec<(String, String)> {
    eyes.with(async |s3| {
        let answer = s3.get_object_tagging().bucket(BUCKET).key("a.jpg").send().await.unwrap();
        let mut tags: Vec<_> = answer.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect();
        tags.sort();
        tags
    })
}

/// Everything of [`rich`] but its content.
fn assert_rich(eyes: &Eyes) {
    let head = eyes.head("a.jpg");
    assert_eq!(head.content_type(), Some("image/webp; q=1"));
    assert_eq!(head.cache_control(), Some("public, max-age=60"));
    assert_eq!(head.content_disposition(), Some("attachment; filename=\"a b.jpg\""));
    assert_eq!(head.content_encoding(), Some("identity"));
    assert_eq!(head.content_language(), Some("de-CH"));
    assert_eq!(head.expires_string(), Some("next Tuesday"));
    assert_eq!(head.metadata().unwrap()["camera"], "no 7");
    assert_eq!(head.website_redirect_location(), Some("/moved.html"));
    assert_eq!(head.storage_class().unwrap().as_str(), "STANDARD_IA");
    assert_eq!(head.object_lock_mode(), Some(&ObjectLockMode::Governance));
    assert_eq!(head.object_lock_retain_until_date().unwrap().to_string(), FUTURE);
    assert_eq!(head.object_lock_legal_hold_status(), Some(&ObjectLockLegalHoldStatus::On));
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags(eyes), [pair("album/no", "1+1"), pair("rights", "all reserved")]);
}

#[test]
fn everything_arrives_as_it_was() {
    let server = server();
    assert_rich(&restore(&server, rich(), &[]));
}

#[test]
fn everything_arrives_through_a_copy_in_parts_too() {
    let server = server();
    let old = server.put(BUCKET, "a.jpg", dressed(Put::synthetic(6 << 30)));
    let new = server.put(BUCKET, "a.jpg", Put::bytes("bad!!"));
    let output = run(server.url(), &[], &[planned("a.jpg", &old, "copy", &new)]);
    output.assert_code(0);
    assert_eq!(server.count("CopyObject"), 0);
    assert_rich(&Eyes::on(&server));
}

#[test]
fn a_retention_that_is_over_is_not_set_again() {
    let put = Put::bytes("good")
        .header("x-amz-object-lock-mode", "COMPLIANCE")
        .header("x-amz-object-lock-retain-until-date", "2020-01-01T00:00:00Z");
    let server = server();
    let head = restore(&server, put, &[]).head("a.jpg");
    assert_eq!(head.object_lock_mode(), None);
    assert_eq!(head.object_lock_retain_until_date(), None);
}

#[test]
fn the_encryption_is_that_of_the_version_and_not_of_the_bucket() {
    let server = server();
    let kms = Sse::Kms { key_id: Some("bucket-key".into()), bucket_key: false };
    server.set_default_encryption(BUCKET, kms);
    let plain = Put::bytes("good").header("x-amz-server-side-encryption", "AES256");
    let eyes = restore(&server, plain, &[]);
    assert_eq!(eyes.head("a.jpg").server_side_encryption().unwrap().as_str(), "AES256");

    let own_key = Put::bytes("good")
        .header("x-amz-server-side-encryption", "aws:kms")
        .header("x-amz-server-side-encryption-aws-kms-key-id", "own-key")
        .header("x-amz-server-side-encryption-bucket-key-enabled", "true");
    let head = restore(&server, own_key, &[]).head("a.jpg");
    assert_eq!(head.server_side_encryption().unwrap().as_str(), "aws:kms");
    assert_eq!(head.ssekms_key_id(), Some("own-key"));
    assert_eq!(head.bucket_key_enabled(), Some(true));
}

fn customer(put: Put) -> Put {
    let family = "x-amz-server-side-encryption-customer";
    put.header(&format!("{family}-algorithm"), "AES256")
        .header(&format!("{family}-key"), &base64::encode([7; 32]))
        .header(&format!("{family}-key-md5"), MD5_OF_SEVENS)
}

#[test]
fn a_customers_key_comes_from_a_file_or_the_environment() {
    let server = server();
    let folder = TempDir::new().unwrap();
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    std::fs::write(&right, [7; 32]).unwrap();
    std::fs::write(&wrong, base64::encode([8; 32])).unwrap();
    let old = server.put(BUCKET, "a.jpg", customer(Put::bytes("good")));
    let new = server.put(BUCKET, "a.jpg", customer(Put::bytes("bad!!")));
    let record = || lines(&[planned("a.jpg", &old, "copy", &new)]);

    let output = tool(server.url()).stdin(record()).run();
    assert_eq!(rejected(&output), "sse-c-key");
    assert!(message(&output).contains("--sse-c-key-file"));
    let output = tool(server.url()).arg("--sse-c-key-file").arg(&wrong).stdin(record()).run();
    assert_eq!(rejected(&output), "sse-c-key");

    let output = tool(server.url()).arg("--sse-c-key-file").arg(&right).stdin(record()).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");
    assert_eq!(restored(&output)["verified"], "checksum");
    let output = tool(server.url()).env("DRKIT_SSE_C_KEY", base64::encode([7; 32])).stdin(record()).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "already");
    let (key, text) = (base64::encode([7; 32]), format!("{}{}", output.text(), output.stderr));
    assert!(!text.contains(&key));

    let large = server.put(BUCKET, "large", customer(Put::synthetic(6 << 30)));
    server.put(BUCKET, "large", Put::bytes("new"));
    let output =
        tool(server.url()).arg("--sse-c-key-file").arg(&right).stdin(lines(&[wanted("large", &large)])).run();
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");

    std::fs::write(&wrong, "no key").unwrap();
    let output = tool(server.url()).arg("--sse-c-key-file").arg(&wrong).stdin(record()).run();
    output.assert_code(2);
    assert!(output.stderr.contains("no SSE-C key"), "{}", output.stderr);
}

#[test]
fn the_acl_is_kept_where_asked() {
    let public = || Put::bytes("good").header("x-amz-acl", "public-read");
    let readers = |eyes: &Eyes| {
        eyes.with(async |s3| {
            let acl = s3.get_object_acl().bucket(BUCKET).key("a.jpg").send().await.unwrap();
            acl.grants().iter().filter(|grant| grant.permission().unwrap().as_str() == "READ").count()
        })
    };
    let server = server();
    assert_eq!(readers(&restore(&server, public(), &[])), 0);
    assert_eq!(readers(&restore(&server, public(), &["--acl"])), 1);

    // Without its ACL the same content is not as wanted.
    let old = server.put(BUCKET, "b", public());
    let new = server.put(BUCKET, "b", Put::bytes("good"));
    let record = [planned("b", &old, "copy", &new)];
    assert_eq!(restored(&run(server.url(), &[], &record))["action"], "already");
    assert_eq!(restored(&run(server.url(), &["--acl"], &record))["action"], "copy");
    assert_eq!(restored(&run(server.url(), &["--acl"], &record))["action"], "already");
}

#[test]
fn another_storage_class_where_asked() {
    let server = server();
    let eyes = restore(&server, rich(), &["--storage-class", "INTELLIGENT_TIERING"]);
    assert_eq!(eyes.head("a.jpg").storage_class().unwrap().as_str(), "INTELLIGENT_TIERING");
    let output = tool("http://127.0.0.1:9").args(["--storage-class", "WARM"]).run();
    output.assert_code(2);
}

#[test]
fn replace_takes_what_the_flags_give_and_nothing_else() {
    let args = [
        "--metadata-directive",
        "REPLACE",
        "--content-type",
        "text/x",
        "--cache-control",
        "no-store",
        "--content-disposition",
        "inline",
        "--content-encoding",
        "gzip",
        "--content-language",
        "fr",
        "--expires",
        "2030-01-02T03:04:05Z",
        "--metadata",
        "a=1=2",
        "--metadata",
        "B=3",
    ];
    let server = server();
    let eyes = restore(&server, rich(), &args);
    let head = eyes.head("a.jpg");
    assert_eq!(head.content_type(), Some("text/x"));
    assert_eq!(head.cache_control(), Some("no-store"));
    assert_eq!(head.content_disposition(), Some("inline"));
    assert_eq!(head.content_encoding(), Some("gzip"));
    assert_eq!(head.content_language(), Some("fr"));
    assert_eq!(head.expires_string(), Some("Wed, 02 Jan 2030 03:04:05 GMT"));
    let metadata = head.metadata().unwrap();
    assert_eq!((metadata.len(), &*metadata["a"], &*metadata["b"]), (2, "1=2", "3"));
    assert_eq!(head.website_redirect_location(), Some("/moved.html"));
    assert_eq!(tags(&eyes).len(), 2);

    let oldest = eyes.versions("a.jpg").pop().unwrap();
    let again = run(server.url(), &args, &[wanted("a.jpg", &oldest)]);
    assert_eq!(restored(&again)["action"], "already");
}

#[test]
fn a_bare_replace_loses_all_metadata_as_the_help_says() {
    let server = server();
    let head = restore(&server, rich(), &["--metadata-directive", "REPLACE"]).head("a.jpg");
    assert_eq!((head.cache_control(), head.content_language()), (None, None));
    assert!(head.metadata().is_none_or(|metadata| metadata.is_empty()));
    let help = tool("http://127.0.0.1:9").arg("--help").run();
    assert!(help.text().contains("loses ALL of the metadata"));
}

#[test]
fn metadata_without_replace_is_a_usage_error() {
    let flags = [
        ["--content-type", "a/b"],
        ["--cache-control", "x"],
        ["--content-disposition", "x"],
        ["--content-encoding", "x"],
        ["--content-language", "x"],
        ["--expires", "@0"],
        ["--metadata", "a=b"],
    ];
    for [flag, value] in flags {
        let output = tool("http://127.0.0.1:9").args([flag, value]).run();
        output.assert_code(2);
        assert!(output.stderr.contains(flag) && output.stderr.contains("REPLACE"), "{}", output.stderr);
    }
    let output =
        tool("http://127.0.0.1:9").args(["--metadata-directive", "REPLACE", "--metadata", "novalue"]).run();
    output.assert_code(2);
}
