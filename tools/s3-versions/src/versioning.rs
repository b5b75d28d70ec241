//! Whether a bucket keeps what is overwritten: without that, this listing is less than it seems.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::BucketVersioningStatus;
use common::aws::{Trouble, probe_retries};

/// Asks whether versioning is enabled and warns where it is not.
///
/// # Errors
/// When the bucket does not exist or cannot be reached, or nobody is known who asks: few and quick tries, since this
/// is a run's first request. A store that merely does not tell is a warning.
pub async fn check(client: &Client, bucket: &str) -> Result<(), Trouble> {
    let quick = aws_sdk_s3::config::Builder::new().retry_config(probe_retries());
    let answer =
        client.get_bucket_versioning().bucket(bucket).customize().config_override(quick).send().await;
    let danger = "a write now destroys the null version of its key";
    match answer.map_err(|err| Trouble::new(&format!("GetBucketVersioning s3://{bucket}"), &err)) {
        Ok(answer) => match answer.status() {
            Some(BucketVersioningStatus::Enabled) => {}
            Some(BucketVersioningStatus::Suspended) => {
                tracing::warn!("versioning of s3://{bucket} is suspended: {danger}");
            }
            _ => tracing::warn!("versioning of s3://{bucket} was never enabled: {danger}"),
        },
        Err(trouble) if trouble.is_fatal() || trouble.code == "NoSuchBucket" => return Err(trouble),
        Err(trouble) => {
            tracing::warn!(
                "whether versioning of s3://{bucket} is enabled is not known: {}",
                trouble.message
            );
        }
    }
    Ok(())
}
