//! What outlives the table and has nothing to do any more: told, and left as it is.

use aws_sdk_cloudwatch::types::{Dimension, MetricAlarm};
use aws_sdk_dynamodb::types::TableDescription;
use common::aws::Trouble;
use common::dynamodb;
use serde::{Deserialize, Serialize};

/// Alarms and autoscaling targets of a table and its indexes.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Left {
    pub alarms: Vec<String>,
    /// Each as `table/old dynamodb:table:ReadCapacityUnits 5-100`.
    pub scalable_targets: Vec<String>,
}

impl Left {
    /// Whether there is anything.
    pub fn is_empty(&self) -> bool {
        self.alarms.is_empty() && self.scalable_targets.is_empty()
    }
}

/// The names of the alarms on any metric of the table.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn alarms(client: &aws_sdk_cloudwatch::Client, table: &str) -> Result<Vec<String>, Trouble> {
    let mut names = Vec::new();
    let mut pages = client.describe_alarms().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Trouble::new("DescribeAlarms", &error))?;
        let of_table = page.metric_alarms.unwrap_or_default().into_iter().filter(|alarm| is_of(alarm, table));
        names.extend(of_table.filter_map(|alarm| alarm.alarm_name));
    }
    Ok(names)
}

/// An alarm has one metric, or an expression over several.
fn is_of(alarm: &MetricAlarm, table: &str) -> bool {
    let has = |dimensions: &[Dimension]| {
        dimensions.iter().any(|one| one.name() == Some("TableName") && one.value() == Some(table))
    };
    let metrics = alarm.metrics().iter().filter_map(|query| query.metric_stat()?.metric());
    has(alarm.dimensions()) || metrics.into_iter().any(|metric| has(metric.dimensions()))
}

/// The autoscaling targets of the table and its indexes.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn scalable_targets(
    client: &aws_sdk_applicationautoscaling::Client,
    table: &TableDescription,
) -> Result<Vec<String>, Trouble> {
    let name = table.table_name().unwrap_or_default();
    let indexes = table.global_secondary_indexes().iter().filter_map(|index| index.index_name());
    let targets = dynamodb::scalable_targets(client, name, indexes).await?;
    let shown = targets.into_iter().map(|target| {
        format!(
            "{} {} {}-{}",
            target.resource_id, target.scalable_dimension, target.min_capacity, target.max_capacity
        )
    });
    Ok(shown.collect())
}
