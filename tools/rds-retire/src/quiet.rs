//! Whether anybody is connected: DatabaseConnections of CloudWatch, minute by minute and instance by instance.

use std::time::Duration;

use aws_sdk_cloudwatch::Client;
use common::aws::Trouble;
use common::cloudwatch::{Counted, MINUTE, Series, counted, shown};
use jiff::Timestamp;

/// How old the newest value may be, in seconds: CloudWatch shows a minute a few minutes after it.
const LAG: i64 = 300;

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
    let dimensions: Vec<_> = instances.iter().map(|&instance| [("DBInstanceIdentifier", instance)]).collect();
    let series = dimensions.iter().map(|dimensions| Series {
        namespace: "AWS/RDS",
        metric: "DatabaseConnections",
        dimensions,
        stat: "Maximum",
    });
    let start = now.as_second() - seconds(quiet_for) - LAG - MINUTE;
    let all = counted(client, &series.collect::<Vec<_>>(), start, now.as_second()).await?;
    for (name, counted) in instances.iter().zip(&all) {
        found.max = counted.values().map(|&most| whole(most)).chain(found.max).max();
        found.reasons.extend(reason(name, counted, now, quiet_for));
    }
    Ok(found)
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
        return Some(format!("{name} had {most} connections at {}", shown(at)));
    }
    if now.as_second() - (newest + MINUTE) > LAG {
        return Some(format!("connections to {name} are unknown since {}", shown(newest + MINUTE)));
    }
    let missing = (0..minutes).filter(|minute| !counted.contains_key(&(oldest + minute * MINUTE))).count();
    (missing > 0).then(|| format!("connections to {name} are unknown for {missing} of {minutes} minutes"))
}

/// A count that came as a floating-point number, as all of CloudWatch's do.
fn whole(count: f64) -> u64 {
    format!("{count:.0}").parse().unwrap_or(0)
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
