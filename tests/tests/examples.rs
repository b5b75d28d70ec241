//! The shell examples of the READMEs and of the tools' own help, run by bash as they stand.
//!
//! Examples speak of the bucket `photos`, the distribution `EABC123` and a few files; a sandbox has them, and the
//! distribution is the one that moto named.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::Path;

use testkit::examples::Example;
use testkit::s3::{Options, Put, Server};
use testkit::s3control::S3Control;
use testkit::tool::Tool;
use testkit::{cloudfront, examples, moto, tool};

/// What an earlier s3-restore wrote where nothing was left to do.
const LOG: &str = r#"{"bucket":"photos","key":"originals/c.jpg","version_id":"v","restore":{"action":"already","version_id":"v","previous_version_id":null}}
"#;

/// What examples are about: originals that were good at the time they name, and damaged since.
fn photos() -> Server {
    let server = Server::start(Options::default());
    server.create_bucket("photos");
    server.create_bucket("scratch");
    server.create_bucket("ops");
    for key in ["originals/a.jpg", "originals/b.jpg"] {
        server.put(
            "photos",
            key,
            Put::bytes("good").at("2026-11-20T09:00:00Z").version_id(&format!("v-{key}")),
        );
    }
    server.put("photos", "originals/a.jpg", Put::bytes("worse").at("2026-11-20T11:00:00Z"));
    server.put("photos", "originals/b.jpg", Put::marker());
    server
}

fn files(folder: &Path) {
    let record =
        |key: &str| format!("{{\"bucket\":\"photos\",\"key\":\"{key}\",\"version_id\":\"v-{key}\"}}\n");
    let records = record("originals/a.jpg") + &record("originals/b.jpg");
    for (name, content) in [
        ("keys.txt", "originals/a.jpg\noriginals/b.jpg\n".to_owned()),
        ("keys.csv", "key,version_id\noriginals/a.jpg,v-originals/a.jpg\n".to_owned()),
        ("plan.jsonl", records.clone()),
        ("versions.jsonl", records.clone()),
        ("restored.jsonl", records),
        ("log.jsonl", LOG.to_owned()),
    ] {
        fs::write(folder.join(name), content).expect("a file for the examples");
    }
}

async fn works(example: &Example) {
    let server = photos();
    let control = S3Control::start(server.url());
    let folder = tempfile::tempdir().expect("a folder");
    files(folder.path());
    let Example { page, script } = example;
    let output = Tool::bash(&script.replace("EABC123", &cloudfront::distribution().await))
        .env("AWS_ENDPOINT_URL_S3", server.url())
        .env("AWS_ENDPOINT_URL_S3_CONTROL", control.url())
        .env("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
        .cwd(folder.path())
        .run();
    assert_eq!(output.code, Some(0), "{page}:\n{script}\n--- stderr\n{}", output.stderr);
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The tools of the first pipeline are run here; every other tool runs its examples in tests of its own, where it has
/// the servers for them.
#[tokio::test]
async fn every_example_works() {
    for example in examples::of_readme("README.md") {
        works(&example).await;
    }
    for tool in tool::all() {
        if root().join(format!("tools/{tool}/tests/cli/examples.rs")).exists() {
            continue;
        }
        for example in examples::of(&tool) {
            works(&example).await;
        }
    }
}

#[test]
fn a_readme_fits_its_bounds() {
    for tool in tool::all() {
        let path = root().join(format!("tools/{tool}/README.md"));
        let lines = fs::read_to_string(path).expect("a README").lines().count();
        assert!(lines <= 60, "tools/{tool}/README.md has {lines} lines");
    }
}
