//! One moto server for each test process, started at the first call and gone with the process.
//!
//! moto answers about 200 requests a second: keep the data of a test small.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

use crate::{client, sandbox};

/// Holds the child, which ends with its stdin.
struct Moto {
    endpoint: String,
    _child: Child,
}

/// The URL of the server, such as `http://127.0.0.1:34567`. It serves every AWS service that moto knows.
///
/// # Panics
/// If the sandbox cannot be made or moto does not start.
pub fn endpoint() -> &'static str {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    &MOTO.get_or_init(start).endpoint
}

/// A client for the set-up of a test. Each test needs its own, since a client is bound to the runtime of its
/// first call.
pub fn s3() -> Client {
    client::s3(endpoint())
}

/// Creates a bucket with versioning enabled and a name that starts with the hint and is unique in this
/// process.
///
/// # Panics
/// If moto refuses, for example because of a hint that is no valid bucket name.
pub async fn bucket(name_hint: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("{name_hint}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let s3 = s3();
    s3.create_bucket().bucket(&name).send().await.expect("moto creates a bucket");
    s3.put_bucket_versioning()
        .bucket(&name)
        .versioning_configuration(
            VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build(),
        )
        .send()
        .await
        .expect("moto enables versioning");
    name
}

fn start() -> Moto {
    let mut child = sandbox::server("moto_server.py").spawn().expect("the sandbox's python starts");
    let mut endpoint = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut endpoint).expect("moto says its address");
    let endpoint = endpoint.trim().to_owned();
    assert!(!endpoint.is_empty(), "moto did not start");
    Moto { endpoint, _child: child }
}
