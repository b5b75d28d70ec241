//! Whether anybody is connected: DatabaseConnections of CloudWatch, minute by minute and instance by instance.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, StatusCode};
use aws_smithy_types::DateTime;
use common::aws::Trouble;
use jiff::Timestamp;

/// Seconds of one value.
const MINUTE: i64 = 60;
/// How old the newest value may be, in seconds: CloudWatch shows a minute a few minutes after it.
const LAG: i64 = 300;

/// What CloudWatch counted of one instance: for the first second of a minute, the most connections in that minute.
type Counted = BTreeMap<i64, f64>;

/// What is known of the connections to some instances.
#[derive(Debug, Default)]
pub struct Connections {
    /// The most that one instance had at once; nothing where no instance has a value.
    pub max: Option<u64>,
    /// Why this is not quiet: one sentence for each instance.
    pub reasons: Vec<String>,
}

/// Asks CloudWatch for the connections to these instances.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn connections(
    client: &Client,
    instances: &[&str],
    now: Timestamp,
    quiet_for: Duration,
) -> Result<Connections, Trouble> {
    let mut found = Connections::default();
    if instances.is_empty() {
        return Ok(found);
    }
    let mut counted = vec![Counted::new(); instances.len()];
    let start = now.as_second() - seconds(quiet_for) - LAG - MINUTE;
    let request = client
        .get_metric_data()
        .set_metric_data_queries(Some(instances.iter().enumerate().map(query).collect()))
        .start_time(DateTime::from_secs(start))
        .end_time(DateTime::from_secs(now.as_second()));
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Trouble::new("GetMetricData of DatabaseConnections", &error))?;
        for result in page.metric_data_results() {
            let index = result.id().and_then(|id| id.strip_prefix('i')?.parse::<usize>().ok());
            let usable = matches!(result.status_code(), Some(StatusCode::Complete | StatusCode::PartialData));
            if let Some(counted) = index.and_then(|index| counted.get_mut(index)).filter(|_| usable) {
                counted.extend(result.timestamps().iter().map(DateTime::secs).zip(result.values().to_vec()));
            }
        }
    }
    for (name, counted) in instances.iter().zip(&counted) {
        found.max = counted.values().map(|&most| whole(most)).chain(found.max).max();
        found.reasons.extend(reason(name, counted, now, quiet_for));
    }
    Ok(found)
}

fn query((index, instance): (usize, &&str)) -> MetricDataQuery {
    let metric = Metric::builder()
        .namespace("AWS/RDS")
        .metric_name("DatabaseConnections")
        .dimensions(Dimension::builder().name("DBInstanceIdentifier").value(*instance).build());
    let stat = MetricStat::builder().metric(metric.build()).period(60).stat("Maximum");
    MetricDataQuery::builder().id(format!("i{index}")).metric_stat(stat.build()).build()
}

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}

/// Why an instance does not count as quiet; nothing where every minute of the time has a value, and all are 0.
fn reason(name: &str, counted: &Counted, now: Timestamp, quiet_for: Duration) -> Option<String> {
    let minutes = seconds(quiet_for) / MINUTE;
    let Some((&newest, _)) = counted.last_key_value() else {
        return Some(format!("connections to {name} are unknown: CloudWatch has no value"));
    };
    let oldest = newest - (minutes - 1) * MINUTE;
    if let Some((&at, &most)) = counted.range(oldest..).rev().find(|&(_, &most)| most > 0.0) {
        return Some(format!("{name} had {most} connections at {}", time(at)));
    }
    if now.as_second() - (newest + MINUTE) > LAG {
        return Some(format!("connections to {name} are unknown since {}", time(newest + MINUTE)));
    }
    let missing = (0..minutes).filter(|minute| !counted.contains_key(&(oldest + minute * MINUTE))).count();
    (missing > 0).then(|| format!("connections to {name} are unknown for {missing} of {minutes} minutes"))
}

/// A count that came as a floating-point number, as all of CloudWatch's do.
fn whole(count: f64) -> u64 {
    format!("{count:.0}").parse().unwrap_or(0)
}

fn time(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_795_176_000;
    const QUARTER: Duration = Duration::from_secs(900);

    /// `reason` with a value for each of these minutes before noon.
    fn at_noon(values: impl IntoIterator<Item = (i64, f64)>) -> Option<String> {
        let counted = values.into_iter().map(|(minute, most)| (NOON - minute * MINUTE, most)).collect();
        reason("db-1", &counted, Timestamp::from_second(NOON).unwrap(), QUARTER)
    }

    #[test]
    fn quiet_is_a_zero_in_every_minute() {
        assert_eq!(at_noon((1..=15).map(|minute| (minute, 0.0))), None);
        assert_eq!(at_noon((6..=20).map(|minute| (minute, 0.0))), None, "as late as CloudWatch may be");
        let before = (1..=15).map(|minute| (minute, 0.0)).chain([(16, 9.0)]);
        assert_eq!(at_noon(before), None, "what was before is past");
    }

    #[test]
    fn one_connection_is_enough() {
        for busy in [1, 7, 15] {
            let reason = at_noon((1..=15).map(|minute| (minute, if minute == busy { 3.0 } else { 0.0 })));
            assert!(
                reason.is_some_and(|reason| reason.starts_with("db-1 had 3 connections at 2026-11-20T11:"))
            );
        }
    }

    #[test]
    fn what_is_not_known_is_not_quiet() {
        for (values, expected) in [
            (0..0, "no value"),
            (7..22, "unknown since 2026-11-20T11:54:00Z"),
            (1..15, "unknown for 1 of 15 minutes"),
            (1..3, "unknown for 13 of 15 minutes"),
        ] {
            let reason = at_noon(values.map(|minute| (minute, 0.0)));
            assert!(
                reason.as_ref().is_some_and(|reason| reason.contains(expected)),
                "{expected}: {reason:?}"
            );
        }
        let gap = (1..=15).filter(|&minute| minute != 8).map(|minute| (minute, 0.0));
        assert!(at_noon(gap).is_some());
    }
}
