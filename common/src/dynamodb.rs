//! What is asked of DynamoDB about one table, and of Application Auto Scaling about what scales it.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::{ScalableTarget, ServiceNamespace};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    BackupSummary, BackupTypeFilter, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
    TableDescription, Tag, TimeToLiveStatus,
};

use crate::aws::Trouble;

/// Days of point-in-time recovery where the answer names none (API reference, PointInTimeRecoveryDescription).
const DAYS: i32 = 35;

/// The table of this name, or nothing where there is none.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn table(client: &Client, name: &str) -> Result<Option<TableDescription>, Trouble> {
    let answer = client.describe_table().table_name(name).send().await;
    match answer.map_err(|error| Trouble::new(&format!("DescribeTable {name}"), &error)) {
        Ok(answer) => Ok(answer.table),
        Err(trouble) if trouble.code == "ResourceNotFoundException" => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// The point-in-time recovery of a table, where it is on.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn recovery(
    client: &Client,
    name: &str,
) -> Result<Option<PointInTimeRecoveryDescription>, Trouble> {
    let answer = client.describe_continuous_backups().table_name(name).send().await;
    let what = format!("DescribeContinuousBackups of {name}");
    let found = answer.map_err(|error| Trouble::new(&what, &error))?.continuous_backups_description;
    Ok(found.and_then(|found| found.point_in_time_recovery_description).filter(|recovery| {
        recovery.point_in_time_recovery_status() == Some(&PointInTimeRecoveryStatus::Enabled)
    }))
}

/// How many days a recovery reaches back.
pub fn recovery_days(recovery: &PointInTimeRecoveryDescription) -> i32 {
    recovery.recovery_period_in_days().unwrap_or(DAYS)
}

/// The newest backup of this kind that is wanted, of all tables that ever had this name.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn newest_backup(
    client: &Client,
    name: &str,
    kind: BackupTypeFilter,
    is_wanted: impl Fn(&BackupSummary) -> bool,
) -> Result<Option<BackupSummary>, Trouble> {
    let made = |one: &BackupSummary| one.backup_creation_date_time().map(|time| time.as_nanos());
    let mut newest: Option<BackupSummary> = None;
    let mut start = None;
    loop {
        let request = client.list_backups().table_name(name).backup_type(kind.clone());
        let page = request.set_exclusive_start_backup_arn(start).send().await;
        let page = page.map_err(|error| Trouble::new(&format!("ListBackups of {name}"), &error))?;
        for backup in page.backup_summaries.unwrap_or_default().into_iter().filter(&is_wanted) {
            if newest.as_ref().is_none_or(|newest| made(newest) <= made(&backup)) {
                newest = Some(backup);
            }
        }
        start = page.last_evaluated_backup_arn;
        if start.is_none() {
            return Ok(newest);
        }
    }
}

/// The tags of a table, those of AWS itself among them.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn tags(client: &Client, arn: &str) -> Result<BTreeMap<String, String>, Trouble> {
    let mut tags = BTreeMap::new();
    let mut next = None;
    loop {
        let page = client.list_tags_of_resource().resource_arn(arn).set_next_token(next).send().await;
        let page = page.map_err(|error| Trouble::new(&format!("ListTagsOfResource {arn}"), &error))?;
        tags.extend(page.tags.unwrap_or_default().into_iter().map(|Tag { key, value, .. }| (key, value)));
        next = page.next_token;
        if next.is_none() {
            return Ok(tags);
        }
    }
}

/// Whether a tag can be set: those of AWS itself cannot (API reference, Tag).
pub fn is_own_tag(key: &str) -> bool {
    !key.starts_with("aws:")
}

/// The attribute of time to live, where that is on or being turned on.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn ttl_attribute(client: &Client, table: &str) -> Result<Option<String>, Trouble> {
    let answer = client.describe_time_to_live().table_name(table).send().await;
    let answer = answer.map_err(|error| Trouble::new(&format!("DescribeTimeToLive of {table}"), &error))?;
    let ttl = answer.time_to_live_description.filter(|ttl| {
        matches!(ttl.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
    });
    Ok(ttl.and_then(|ttl| ttl.attribute_name))
}

/// The resource-based policy of a table, where it has one.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn resource_policy(client: &Client, arn: &str) -> Result<Option<String>, Trouble> {
    let answer = client.get_resource_policy().resource_arn(arn).send().await;
    match answer.map_err(|error| Trouble::new(&format!("GetResourcePolicy of {arn}"), &error)) {
        Ok(answer) => Ok(answer.policy),
        Err(trouble) if trouble.code == "PolicyNotFoundException" => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// The ARN of a table's stream, where it has one.
pub fn stream_arn(table: &TableDescription) -> Option<&str> {
    let is_on = table.stream_specification().is_some_and(|stream| stream.stream_enabled());
    table.latest_stream_arn().filter(|_| is_on)
}

/// What Application Auto Scaling calls a table, or an index of it (its User Guide, "DynamoDB and Application Auto
/// Scaling").
pub fn scalable_id(table: &str, index: Option<&str>) -> String {
    match index {
        Some(index) => format!("table/{table}/index/{index}"),
        None => format!("table/{table}"),
    }
}

/// The scalable targets of a table and of these indexes.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn scalable_targets<'a>(
    client: &aws_sdk_applicationautoscaling::Client,
    table: &str,
    indexes: impl Iterator<Item = &'a str>,
) -> Result<Vec<ScalableTarget>, Trouble> {
    let ids = std::iter::once(None).chain(indexes.map(Some)).map(|index| scalable_id(table, index)).collect();
    let request = client.describe_scalable_targets().service_namespace(ServiceNamespace::Dynamodb);
    let mut pages = request.set_resource_ids(Some(ids)).into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(one) = pages.next().await {
        let what = format!("DescribeScalableTargets of {table}");
        all.push(one.map_err(|error| Trouble::new(&what, &error))?);
    }
    Ok(all)
}
