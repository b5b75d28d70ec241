//! One moto server for each test process, started at the first call and gone with the process.
//!
//! moto answers about 200 requests a second: keep the data of a test small.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

use crate::client;
use crate::sandbox::{self, Script};

struct Moto {
    endpoint: String,
    _script: Script,
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
    let (script, endpoint) = Script::start(&mut sandbox::server("moto_server.py"));
    Moto { endpoint, _script: script }
}
