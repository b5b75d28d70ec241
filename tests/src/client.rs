//! The AWS SDK as tests use it for their set-up and for what they check afterwards.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;

/// What every service's client can be made of, with the credentials `test`/`test` for the server at `url`:
/// `aws_sdk_rds::Client::new(&client::sdk(moto::endpoint()))`.
pub fn sdk(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
            "test", "test", None, None, "testkit",
        )))
        .endpoint_url(url)
        .build()
}

/// An S3 client with the credentials `test`/`test` for the server at `url`, with path-style addresses.
pub fn s3(url: &str) -> Client {
    Client::from_conf(config(url, "test").build())
}

/// The configuration behind [`s3`] with another access key, for a test that changes it further.
pub fn config(url: &str, access_key: &str) -> Builder {
    Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new(access_key, "test", None, None, "testkit"))
        .endpoint_url(url)
        .force_path_style(true)
}
