//! What CloudWatch counted, minute by minute.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat, StatusCode};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use crate::aws::Trouble;

/// Seconds of one value.
pub const MINUTE: i64 = 60;
/// Queries in one request (API reference, GetMetricData).
const QUERIES: usize = 500;

/// The values of one metric, each at the first second of its minute since 1970.
pub type Counted = BTreeMap<i64, f64>;

/// One metric of one thing.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Such as `AWS/RDS`.
    pub namespace: &'a str,
    /// Such as `DatabaseConnections`.
    pub metric: &'a str,
    /// Names and values.
    pub dimensions: &'a [(&'a str, &'a str)],
    /// Such as `Maximum`.
    pub stat: &'a str,
}

/// Asks for the values between two instants in seconds since 1970: one answer for each series, in the same order. A minute
/// without a value is missing.
///
/// # Errors
/// A request that failed after all its tries.
pub async fn counted(
    client: &Client,
    series: &[Series<'_>],
    start: i64,
    end: i64,
) -> Result<Vec<Counted>, Trouble> {
    let mut all = Vec::with_capacity(series.len());
    for part in series.chunks(QUERIES) {
        let mut counted = vec![Counted::new(); part.len()];
        let request = client
            .get_metric_data()
            .set_metric_data_queries(Some(part.iter().enumerate().map(query).collect()))
            .start_time(DateTime::from_secs(start))
            .end_time(DateTime::from_secs(end));
        let what = format!("GetMetricData of {}", part[0].metric);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            for result in page.map_err(|error| Trouble::new(&what, &error))?.metric_data_results() {
                let index = result.id().and_then(|id| id.strip_prefix('i')?.parse::<usize>().ok());
                let usable =
                    matches!(result.status_code(), Some(StatusCode::Complete | StatusCode::PartialData));
                if let Some(counted) = index.and_then(|index| counted.get_mut(index)).filter(|_| usable) {
                    let times = result.timestamps().iter().map(DateTime::secs);
                    counted.extend(times.zip(result.values().to_vec()));
                }
            }
        }
        all.append(&mut counted);
    }
    Ok(all)
}

fn query((index, series): (usize, &Series<'_>)) -> MetricDataQuery {
    let dimension = |&(name, value): &(&str, &str)| Dimension::builder().name(name).value(value).build();
    let metric = Metric::builder()
        .namespace(series.namespace)
        .metric_name(series.metric)
        .set_dimensions(Some(series.dimensions.iter().map(dimension).collect()));
    let stat = MetricStat::builder().metric(metric.build()).period(60).stat(series.stat);
    MetricDataQuery::builder().id(format!("i{index}")).metric_stat(stat.build()).build()
}

/// A second since 1970 as messages show it.
pub fn shown(second: i64) -> String {
    Timestamp::from_second(second).map_or_else(|_| second.to_string(), |time| time.to_string())
}
