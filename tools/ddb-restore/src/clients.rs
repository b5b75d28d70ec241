//! The services that know something of a table.

use anyhow::Result;
use common::aws::AwsArgs;

/// One client for each, in one region.
pub struct Clients {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub autoscaling: aws_sdk_applicationautoscaling::Client,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// The region that they ask.
    pub region: String,
}

impl Clients {
    /// Those that the flags and the environment lead to.
    ///
    /// # Errors
    /// As [`AwsArgs::load`].
    pub async fn new(aws: &AwsArgs) -> Result<Self> {
        let config = aws.load().await?;
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
        })
    }
}
