//! Whether a bucket keeps what is overwritten: without that, this listing is less than it seems.

use aws_sdk_s3::Client;
use common::aws::Trouble;
use common::s3::{Versioning, versioning};

/// Warns where versioning is not enabled.
///
/// # Errors
/// When the bucket does not exist or cannot be reached, or nobody is known who asks.
pub async fn check(client: &Client, bucket: &str) -> Result<(), Trouble> {
    let danger = "a write now destroys the null version of its key";
    match versioning(client, bucket).await? {
        Versioning::Enabled => {}
        Versioning::Suspended => tracing::warn!("versioning of s3://{bucket} is suspended: {danger}"),
        Versioning::Never => tracing::warn!("versioning of s3://{bucket} was never enabled: {danger}"),
        Versioning::Unknown(why) => {
            tracing::warn!("whether versioning of s3://{bucket} is enabled is not known: {why}");
        }
    }
    Ok(())
}
