//! Kinesis streams that changes of items are sent to.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::enable_kinesis_streaming_destination::builders::EnableKinesisStreamingDestinationInputBuilder;
use aws_sdk_dynamodb::types::{
    DestinationStatus, EnableKinesisStreamingConfiguration, KinesisDataStreamDestination,
};
use common::aws::Trouble;
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step};

/// One step for each stream.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let client = &pair.clients.dynamodb;
    let wanted = destinations(client, pair.from()).await?;
    let found = match pair.target {
        Some(_) if !wanted.is_empty() => destinations(client, pair.to).await?,
        _ => Vec::new(),
    };
    let steps = wanted.into_iter().map(|wanted| {
        let arn = wanted.stream_arn();
        let there = found.iter().find(|found| found.stream_arn() == arn);
        let precision = wanted.approximate_creation_date_time_precision().cloned();
        let change = there.is_none().then(|| {
            let configuration = precision.map(|precision| {
                let builder = EnableKinesisStreamingConfiguration::builder();
                builder.approximate_creation_date_time_precision(precision).build()
            });
            let input = EnableKinesisStreamingDestinationInputBuilder::default().table_name(pair.to);
            let input = input.set_stream_arn(arn.map(str::to_owned));
            Change::Kinesis(input.set_enable_kinesis_streaming_configuration(configuration))
        });
        let found = there.map_or(json!(null), shown);
        Step::new(Setting::Kinesis, arn, found, shown(&wanted), change)
    });
    Ok(steps.collect())
}

fn shown(destination: &KinesisDataStreamDestination) -> serde_json::Value {
    let precision = destination.approximate_creation_date_time_precision();
    json!({ "precision": precision.map(|precision| precision.as_str()) })
}

/// Those that are in use, or soon will be.
async fn destinations(client: &Client, table: &str) -> Result<Vec<KinesisDataStreamDestination>, Trouble> {
    let answer = client.describe_kinesis_streaming_destination().table_name(table).send().await;
    let what = format!("DescribeKinesisStreamingDestination of {table}");
    let answer = answer.map_err(|error| Trouble::new(&what, &error))?;
    let mut all = answer.kinesis_data_stream_destinations.unwrap_or_default();
    all.retain(|one| {
        use DestinationStatus::{Active, Enabling, Updating};
        matches!(one.destination_status(), Some(Active | Enabling | Updating))
    });
    Ok(all)
}
