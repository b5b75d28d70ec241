//! Kinesis streams that changes of items are sent to.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::enable_kinesis_streaming_destination::builders::EnableKinesisStreamingDestinationInputBuilder;
use aws_sdk_dynamodb::operation::update_kinesis_streaming_destination::builders::UpdateKinesisStreamingDestinationInputBuilder;
use aws_sdk_dynamodb::types::{
    ApproximateCreationDateTimePrecision, DestinationStatus, EnableKinesisStreamingConfiguration,
    KinesisDataStreamDestination, UpdateKinesisStreamingConfiguration,
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
        let change = match there {
            None => Some(enabling(&wanted, pair.to)),
            Some(there) if precision(there) != precision(&wanted) => Some(updating(&wanted, pair.to)),
            Some(_) => None,
        };
        let found = there.map_or(json!(null), shown);
        Step::new(Setting::Kinesis, arn, found, shown(&wanted), change)
    });
    Ok(steps.collect())
}

fn enabling(wanted: &KinesisDataStreamDestination, to: &str) -> Change {
    let configuration = EnableKinesisStreamingConfiguration::builder();
    let configuration = configuration.approximate_creation_date_time_precision(precision(wanted));
    let input = EnableKinesisStreamingDestinationInputBuilder::default().table_name(to);
    let input = input.set_stream_arn(wanted.stream_arn.clone());
    Change::Kinesis(input.enable_kinesis_streaming_configuration(configuration.build()))
}

fn updating(wanted: &KinesisDataStreamDestination, to: &str) -> Change {
    let configuration = UpdateKinesisStreamingConfiguration::builder();
    let configuration = configuration.approximate_creation_date_time_precision(precision(wanted));
    let input = UpdateKinesisStreamingDestinationInputBuilder::default().table_name(to);
    let input = input.set_stream_arn(wanted.stream_arn.clone());
    Change::KinesisPrecision(input.update_kinesis_streaming_configuration(configuration.build()))
}

/// Milliseconds where nothing is told.
fn precision(destination: &KinesisDataStreamDestination) -> ApproximateCreationDateTimePrecision {
    let told = destination.approximate_creation_date_time_precision().cloned();
    told.unwrap_or(ApproximateCreationDateTimePrecision::Millisecond)
}

fn shown(destination: &KinesisDataStreamDestination) -> serde_json::Value {
    json!({ "precision": precision(destination).as_str() })
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
