//! CloudWatch alarms on metrics of the table. An alarm's name is unique, so that the new table's have names of their own.

use std::collections::HashSet;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmInputBuilder;
use aws_sdk_cloudwatch::types::{AlarmType, Dimension, Metric, MetricAlarm, MetricDataQuery};
use common::aws::Trouble;
use serde_json::{Value, json};

use super::change::Change;
use super::{Pair, Setting, Step};

/// The namespace of DynamoDB's metrics, and the dimension that names the table (Developer Guide, "DynamoDB metrics and
/// dimensions").
const NAMESPACE: &str = "AWS/DynamoDB";
const TABLE: &str = "TableName";
/// Alarms that Application Auto Scaling makes for its own policies, and makes anew for the new table's.
const OF_SCALING: &str = "TargetTracking-table/";

/// How many alarms can be asked for by name at once (API reference, DescribeAlarms).
const NAMES: usize = 100;

/// One step for each alarm.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let client = &pair.clients.cloudwatch;
    let of_source = alarms(client, pair.from()).await?;
    let names =
        names(of_source.iter().map(|alarm| alarm.alarm_name().unwrap_or_default()), pair.from(), pair.to);
    let there = named(client, &names).await?;
    let steps = of_source.iter().zip(&names).map(|(alarm, name)| {
        let wanted = about(putting(alarm).alarm_name(name), pair.from(), pair.to);
        let there = there.iter().find(|other| other.alarm_name() == Some(name));
        if there.is_some_and(|there| !watches(there, pair.to)) {
            let message = format!("an alarm of the name {name} is there already and watches something else");
            return Step::refused(Setting::Alarms, Some(name), message);
        }
        let found = there.map(putting);
        let change = (found.as_ref() != Some(&wanted)).then(|| Change::Alarm(Box::new(wanted.clone())));
        let found = found.as_ref().map_or(Value::Null, shown);
        Step::new(Setting::Alarms, Some(name), found, shown(&wanted), change)
    });
    Ok(steps.collect())
}

fn shown(alarm: &PutMetricAlarmInputBuilder) -> Value {
    let comparison = alarm.get_comparison_operator().as_ref().map(|comparison| comparison.as_str());
    json!({
        "metric": alarm.get_metric_name(),
        "comparison": comparison,
        "threshold": alarm.get_threshold(),
        "actions": alarm.get_alarm_actions(),
    })
}

/// The names of the copies: one for each, whatever the names of the others become.
fn names<'a>(all: impl Iterator<Item = &'a str>, from: &str, to: &str) -> Vec<String> {
    let mut taken = HashSet::new();
    all.map(|name| {
        let mut name = renamed(name, from, to);
        while !taken.insert(name.clone()) {
            name = format!("{name}-{to}");
        }
        name
    })
    .collect()
}

/// The name with the new table's in place of the old one's where that is not a part of a longer word, or else with the
/// new one's at its end.
fn renamed(name: &str, from: &str, to: &str) -> String {
    let mut other = String::new();
    let mut done = 0;
    for (at, _) in name.match_indices(from) {
        let end = at + from.len();
        let mut beside = name[..at].chars().next_back().into_iter().chain(name[end..].chars().next());
        if !beside.any(char::is_alphanumeric) {
            other += &name[done..at];
            other += to;
            done = end;
        }
    }
    if done == 0 { format!("{name}-{to}") } else { other + &name[done..] }
}

/// Whether it watches a metric of this table.
fn watches(alarm: &MetricAlarm, table: &str) -> bool {
    let of_table = |dimensions: &[Dimension]| {
        dimensions.iter().any(|one| one.name() == Some(TABLE) && one.value() == Some(table))
    };
    let by_math = alarm.metrics().iter().filter_map(metric);
    (alarm.namespace() == Some(NAMESPACE) && of_table(alarm.dimensions()))
        || by_math
            .filter(|metric| metric.namespace() == Some(NAMESPACE))
            .any(|metric| of_table(metric.dimensions()))
}

fn metric(query: &MetricDataQuery) -> Option<&Metric> {
    query.metric_stat().and_then(|stat| stat.metric())
}

/// The request that would make this alarm.
fn putting(alarm: &MetricAlarm) -> PutMetricAlarmInputBuilder {
    let alarm = alarm.clone();
    PutMetricAlarmInputBuilder::default()
        .set_alarm_name(alarm.alarm_name)
        .set_alarm_description(alarm.alarm_description)
        .set_actions_enabled(alarm.actions_enabled)
        .set_ok_actions(alarm.ok_actions)
        .set_alarm_actions(alarm.alarm_actions)
        .set_insufficient_data_actions(alarm.insufficient_data_actions)
        .set_metric_name(alarm.metric_name)
        .set_namespace(alarm.namespace)
        .set_statistic(alarm.statistic)
        .set_extended_statistic(alarm.extended_statistic)
        .set_dimensions(alarm.dimensions)
        .set_period(alarm.period)
        .set_unit(alarm.unit)
        .set_evaluation_periods(alarm.evaluation_periods)
        .set_datapoints_to_alarm(alarm.datapoints_to_alarm)
        .set_threshold(alarm.threshold)
        .set_comparison_operator(alarm.comparison_operator)
        .set_treat_missing_data(alarm.treat_missing_data)
        .set_evaluate_low_sample_count_percentile(alarm.evaluate_low_sample_count_percentile)
        .set_metrics(alarm.metrics)
        .set_threshold_metric_id(alarm.threshold_metric_id)
        .set_evaluation_window(alarm.evaluation_window)
        .set_warm_up_configuration(alarm.warm_up_configuration)
        .set_evaluation_criteria(alarm.evaluation_criteria)
        .set_evaluation_interval(alarm.evaluation_interval)
        .set_action_configuration(alarm.action_configuration)
}

/// The same alarm about the other table.
fn about(alarm: PutMetricAlarmInputBuilder, from: &str, to: &str) -> PutMetricAlarmInputBuilder {
    let other = |dimensions: Option<Vec<Dimension>>| {
        let other = |one: Dimension| {
            let is_it = one.name() == Some(TABLE) && one.value() == Some(from);
            if is_it { Dimension::builder().name(TABLE).value(to).build() } else { one }
        };
        dimensions.map(|dimensions| dimensions.into_iter().map(other).collect::<Vec<_>>())
    };
    let dimensions = other(alarm.get_dimensions().clone());
    let metrics = alarm.get_metrics().clone().map(|mut queries| {
        let stats = queries.iter_mut().filter_map(|query| query.metric_stat.as_mut()?.metric.as_mut());
        for metric in stats {
            metric.dimensions = other(metric.dimensions.take());
        }
        queries
    });
    alarm.set_dimensions(dimensions).set_metrics(metrics)
}

/// Those that watch this table, by their names, so that their copies are named alike in every run. CloudWatch can only be
/// asked for all alarms: the others are not kept.
async fn alarms(client: &Client, table: &str) -> Result<Vec<MetricAlarm>, Trouble> {
    let request = client.describe_alarms().alarm_types(AlarmType::MetricAlarm);
    let mut pages = request.into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Trouble::new("DescribeAlarms", &error))?;
        let of_scaling =
            |alarm: &MetricAlarm| alarm.alarm_name().is_some_and(|name| name.starts_with(OF_SCALING));
        let page = page.metric_alarms.unwrap_or_default().into_iter();
        all.extend(page.filter(|alarm| watches(alarm, table) && !of_scaling(alarm)));
    }
    all.sort_by(|one, other| one.alarm_name().cmp(&other.alarm_name()));
    Ok(all)
}

/// Those of these names.
async fn named(client: &Client, names: &[String]) -> Result<Vec<MetricAlarm>, Trouble> {
    let mut all = Vec::new();
    for names in names.chunks(NAMES) {
        let request = client.describe_alarms().alarm_types(AlarmType::MetricAlarm);
        let request = request.set_alarm_names(Some(names.to_vec())).max_records(100);
        let page = request.send().await.map_err(|error| Trouble::new("DescribeAlarms", &error))?;
        all.extend(page.metric_alarms.unwrap_or_default());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_alarm_gets_the_new_tables_name() {
        for (name, from, to, expected) in [
            ("rate_limits-throttled", "rate_limits", "rate_limits_2", "rate_limits_2-throttled"),
            ("throttled", "rate_limits", "rate_limits_2", "throttled-rate_limits_2"),
            // A short name is found in words that have nothing to do with it.
            ("ad-load", "ad", "ads", "ads-load"),
            ("load of ad and ad", "ad", "new", "load of new and new"),
            ("loads", "ad", "new", "loads-new"),
        ] {
            assert_eq!(renamed(name, from, to), expected);
        }
    }

    proptest! {
        #[test]
        fn no_two_copies_have_one_name(
            all in prop::collection::btree_set("(old|new|x)(-(old|new|x)){0,3}", 1..20),
            (from, to) in ("old|x", "new|x-new|old-new"),
        ) {
            let names = names(all.iter().map(String::as_str), &from, &to);
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), all.len());
            prop_assert!(names.iter().all(|name| name.contains(&to)));
        }

        #[test]
        fn a_name_made_around_the_tables_is_made_around_the_new_one(
            before in "([a-z]{0,5}[-_ .])?", after in "([-_ .][a-z]{0,5})?", to in "[A-Z]{3,9}",
        ) {
            let other = renamed(&format!("{before}TABLE{after}"), "TABLE", &to);
            prop_assert_eq!(other, format!("{before}{to}{after}"));
        }
    }

    #[test]
    fn metrics_of_both_kinds_are_about_the_new_table() {
        let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let metric = |table: &str| {
            let metric = Metric::builder().namespace(NAMESPACE).dimensions(dimension(TABLE, table));
            metric.dimensions(dimension("Operation", "Scan")).build()
        };
        let query = |table: &str| {
            let stat = aws_sdk_cloudwatch::types::MetricStat::builder().metric(metric(table)).build();
            MetricDataQuery::builder().id("m").metric_stat(stat).build()
        };
        let plain = |table: &str| {
            let alarm = MetricAlarm::builder().namespace(NAMESPACE).dimensions(dimension("Operation", "old"));
            alarm.dimensions(dimension(TABLE, table)).build()
        };
        let math = |table: &str| MetricAlarm::builder().metrics(query(table)).metrics(query("other")).build();
        for alarm in [&plain as &dyn Fn(&str) -> MetricAlarm, &math] {
            assert!(watches(&alarm("old"), "old") && !watches(&alarm("old"), "new"));
            assert_eq!(about(putting(&alarm("old")), "old", "new"), putting(&alarm("new")));
        }
        let elsewhere = MetricAlarm::builder().namespace("Mine").dimensions(dimension(TABLE, "old")).build();
        assert!(!watches(&elsewhere, "old"));
    }
}
