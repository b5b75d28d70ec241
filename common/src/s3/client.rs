//! The S3 client, set up so that stores older than AWS's newest features answer too.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};

use crate::aws;

/// A client for this configuration; `adjust` sees the builder last.
///
/// Checksums are sent and checked only where the operation requires them, and an endpoint that is not AWS's own is
/// addressed by path, since few stores elsewhere have a name for each bucket.
pub fn client(config: &SdkConfig, adjust: impl FnOnce(Builder) -> Builder) -> Client {
    let builder = aws_sdk_s3::config::Builder::from(config)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(aws::endpoint(config, "S3").is_some_and(|url| !is_aws(&url)));
    Client::from_conf(adjust(builder).build())
}

fn is_aws(url: &str) -> bool {
    let host = url.split("://").last().unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}
