//! The S3 client, set up so that stores older than AWS's newest features answer too.

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_types::service_config::ServiceConfigKey;

/// A client for this configuration; `adjust` sees the builder last.
///
/// Checksums are sent and checked only where the operation requires them, and an endpoint that is not AWS's own is
/// addressed by path, since few stores elsewhere have a name for each bucket.
pub fn client(config: &SdkConfig, adjust: impl FnOnce(Builder) -> Builder) -> Client {
    let builder = aws_sdk_s3::config::Builder::from(config)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .force_path_style(endpoint(config).is_some_and(|url| !is_aws(&url)));
    Client::from_conf(adjust(builder).build())
}

fn endpoint(config: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id("S3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .ok()?;
    let of_service = config.service_config().and_then(|services| services.load_config(key));
    of_service.or_else(|| config.endpoint_url().map(str::to_owned))
}

fn is_aws(url: &str) -> bool {
    let host = url.split("://").last().unwrap_or(url).split(['/', ':']).next().unwrap_or_default();
    host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn")
}
