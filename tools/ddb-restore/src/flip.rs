//! `--flip`: whether the replica of a global table in another region can take over. Nothing is changed: the application is
//! led there by other means.

use std::time::Duration;

use anyhow::{Result, bail};
use aws_sdk_dynamodb::types::{MultiRegionConsistency, ReplicaDescription, ReplicaStatus, TableDescription};
use common::aws::Trouble;
use common::cloudwatch::{MINUTE, Series, counted, shown};
use common::input::Item;
use common::pipe::Lines;
use common::receipts::Receipts;
use common::reject::Rejects;
use common::{Ctx, Reject};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Cli;
use crate::clients::Clients;
use crate::explain::explained;
use crate::source;

/// How far back a latency still tells of now: CloudWatch is some minutes behind.
const MINUTES: i64 = 10;

#[derive(Debug, Serialize)]
struct Record<'a> {
    table: &'a str,
    region: &'a str,
    flip: Flip<'a>,
}

#[derive(Debug, Serialize)]
struct Flip<'a> {
    from_region: &'a str,
    replica_status: Option<&'a str>,
    replica_arn: Option<&'a str>,
    /// ReplicationLatency of the last minute that has one, in milliseconds.
    lag_ms: Option<f64>,
    lag_at: Option<Timestamp>,
    max_lag_ms: u128,
    healthy: bool,
}

/// Looks at the replica, and writes a record where it can take over, a reject where not.
///
/// # Errors
/// There is no such table or replica, or nobody can tell.
pub async fn run(
    cli: &Cli,
    region: &str,
    ctx: &Ctx,
    clients: &Clients,
    rejects: &Rejects,
    lines: Lines,
) -> Result<()> {
    let table = source::find(&clients.dynamodb, &cli.from).await?;
    let replica = replica(&table, region, &clients.region)?;
    let is_strong = table.multi_region_consistency() == Some(&MultiRegionConsistency::Strong);
    let lag = match is_strong {
        // What is written is in every region before it is acknowledged, and there is no such metric.
        true => None,
        false => lag(clients, &cli.from, region).await.map_err(explained)?,
    };
    let unhealthy = unhealthy(replica, lag, is_strong, cli.max_lag);
    let record = Record {
        table: &cli.from,
        region,
        flip: Flip {
            from_region: &clients.region,
            replica_status: replica.replica_status().map(ReplicaStatus::as_str),
            replica_arn: replica.replica_arn(),
            lag_ms: lag.map(|(_, lag)| lag),
            lag_at: lag.and_then(|(at, _)| Timestamp::from_second(at).ok()),
            max_lag_ms: cli.max_lag.as_millis(),
            healthy: unhealthy.is_none(),
        },
    };
    match unhealthy {
        Some((kind, why)) => {
            let message = format!("the replica of {} in {region} cannot take over: {why}", cli.from);
            let record = common::Record::from_value(&record)?;
            rejects.write(&Reject::retryable(kind, message), &Item::Record(record))
        }
        None => {
            ctx.counts.done(1);
            Receipts::new(ctx.clone(), lines).write(&[record]).await
        }
    }
}

fn replica<'a>(table: &'a TableDescription, region: &str, here: &str) -> Result<&'a ReplicaDescription> {
    let name = table.table_name().unwrap_or_default();
    if region == here {
        bail!(
            "--flip {region} is the region that is asked already: give that of the other replica, or another --region"
        );
    }
    let replicas = table.replicas();
    if let Some(replica) = replicas.iter().find(|replica| replica.region_name() == Some(region)) {
        return Ok(replica);
    }
    let regions: Vec<_> = replicas.iter().filter_map(|replica| replica.region_name()).collect();
    match regions[..] {
        [] => bail!("{name} has no replicas: it is no global table, or one of the version 2017.11.29"),
        _ => bail!("{name} has no replica in {region}: it has some in {}", regions.join(", ")),
    }
}

/// The last known ReplicationLatency, with its minute (Developer Guide, "DynamoDB metrics and dimensions").
async fn lag(clients: &Clients, table: &str, region: &str) -> Result<Option<(i64, f64)>, Trouble> {
    let now = Timestamp::now().as_second();
    let dimensions = [("TableName", table), ("ReceivingRegion", region)];
    let series = Series {
        namespace: "AWS/DynamoDB",
        metric: "ReplicationLatency",
        dimensions: &dimensions,
        stat: "Maximum",
    };
    let found = counted(&clients.cloudwatch, &[series], now - MINUTES * MINUTE, now).await?;
    Ok(found.into_iter().next().and_then(|mut counted| counted.pop_last()))
}

/// The kind of reject and why, where it cannot take over.
fn unhealthy(
    replica: &ReplicaDescription,
    lag: Option<(i64, f64)>,
    is_strong: bool,
    max: Duration,
) -> Option<(&'static str, String)> {
    let status = replica.replica_status().map_or("in no known state", ReplicaStatus::as_str);
    if replica.replica_status() != Some(&ReplicaStatus::Active) {
        let why = replica.replica_status_description().map(|why| format!(" ({why})")).unwrap_or_default();
        return Some(("replica-unhealthy", format!("it is {status}{why}")));
    }
    if let Some(since) = replica.replica_inaccessible_date_time() {
        return Some(("replica-unhealthy", format!("it cannot be reached since {}", shown(since.secs()))));
    }
    match lag {
        Some((at, lag)) if lag > max.as_secs_f64() * 1000.0 => Some((
            "replica-lags",
            format!("it was {lag} ms behind at {}, and --max-lag is {} ms", shown(at), max.as_millis()),
        )),
        None if !is_strong => Some((
            "lag-unknown",
            format!(
                "CloudWatch knows no ReplicationLatency of the last {MINUTES} minutes, as of a table that nobody writes: \
                 write an item and look again"
            ),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_takes_over_when_it_is_active_and_near() {
        let replica = |status: &str| {
            let replica = ReplicaDescription::builder().region_name("eu-west-1");
            replica.replica_status(ReplicaStatus::from(status))
        };
        let max = Duration::from_secs(5);
        let kind = |replica, lag, is_strong| unhealthy(&replica, lag, is_strong, max).map(|(kind, _)| kind);
        let active = || replica("ACTIVE").build();
        assert_eq!(kind(active(), Some((60, 5000.0)), false), None);
        assert_eq!(kind(active(), None, true), None);
        assert_eq!(kind(active(), Some((60, 5000.5)), false), Some("replica-lags"));
        assert_eq!(kind(active(), None, false), Some("lag-unknown"));
        assert_eq!(kind(replica("CREATING").build(), Some((60, 1.0)), false), Some("replica-unhealthy"));
        let lost = replica("ACTIVE").replica_inaccessible_date_time(aws_smithy_types::DateTime::from_secs(1));
        assert_eq!(kind(lost.build(), Some((60, 1.0)), false), Some("replica-unhealthy"));
    }
}
