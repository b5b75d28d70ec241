//! CloudWatch alarms on the table.

use anyhow::Result;
use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{
    ComparisonOperator, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat, Statistic,
};
use serde_json::json;
use testkit::client;

use crate::{Incident, record, steps};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:pager";

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

impl Incident {
    fn alarm(&self, name: &str) -> String {
        let name = format!("{}-{name}", self.table);
        self.cloudwatch.alarm(&name, &self.table);
        name
    }

    async fn described(&self, cloudwatch: &Client, name: &str) -> Result<MetricAlarm> {
        let all = cloudwatch.describe_alarms().alarm_names(name).send().await?;
        assert_eq!(all.metric_alarms().len(), 1, "{name}");
        Ok(all.metric_alarms()[0].clone())
    }

    fn client(&self) -> Client {
        Client::new(&client::sdk(self.cloudwatch.url()))
    }
}

#[tokio::test]
async fn an_alarm_is_made_anew_for_the_new_table() -> Result<()> {
    let incident = Incident::new();
    let cloudwatch = incident.client();
    let put = |table: &str| {
        let alarm = cloudwatch
            .put_metric_alarm()
            .alarm_name(format!("{table}-throttled"))
            .alarm_description("wake up");
        let alarm =
            alarm.namespace("AWS/DynamoDB").metric_name("ReadThrottleEvents").statistic(Statistic::Sum);
        let alarm =
            alarm.dimensions(dimension("TableName", table)).dimensions(dimension("Operation", "Query"));
        let alarm = alarm.period(60).evaluation_periods(5).datapoints_to_alarm(3).threshold(2.5);
        let alarm =
            alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).actions_enabled(false);
        alarm.alarm_actions(TOPIC).ok_actions(TOPIC).treat_missing_data("notBreaching")
    };
    put(&incident.table).send().await?;
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "alarms");
    let name = format!("{}-throttled", incident.to());
    let shown = json!({ "metric": "ReadThrottleEvents", "comparison": "GreaterThanThreshold", "threshold": 2.5,
        "actions": [TOPIC] });
    let expected =
        json!({ "setting": "alarms", "of": name, "found": null, "wanted": shown, "action": "set" });
    assert_eq!(step, expected);
    let made = incident.described(&cloudwatch, &name).await?;
    put(&incident.to()).send().await?;
    assert_eq!(made, incident.described(&cloudwatch, &name).await?);
    assert_eq!(incident.step(&record(incident.run(&[]).assert_code(0)), "alarms")["action"], "already");

    put(&incident.to()).threshold(9.0).send().await?;
    let step = incident.step(&record(incident.run(&[]).assert_code(0)), "alarms");
    assert_eq!((&step["action"], &step["found"]["threshold"]), (&json!("set"), &json!(9.0)));
    assert_eq!(incident.described(&cloudwatch, &name).await?, made);
    Ok(())
}

#[tokio::test]
async fn metric_math_is_about_the_new_table() -> Result<()> {
    let incident = Incident::new();
    let cloudwatch = incident.client();
    let queries = |table: &str| {
        let metric = Metric::builder().namespace("AWS/DynamoDB").metric_name("ConsumedReadCapacityUnits");
        let metric = metric.dimensions(dimension("TableName", table)).build();
        let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
        let rate = MetricDataQuery::builder().id("rate").expression("units/60").return_data(true).build();
        vec![MetricDataQuery::builder().id("units").metric_stat(stat).return_data(false).build(), rate]
    };
    let put = cloudwatch.put_metric_alarm().alarm_name("rate").evaluation_periods(1).threshold(100.0);
    let put = put.comparison_operator(ComparisonOperator::GreaterThanThreshold);
    put.set_metrics(Some(queries(&incident.table))).send().await?;
    record(incident.run(&[]).assert_code(0));
    let made = incident.described(&cloudwatch, &format!("rate-{}", incident.to())).await?;
    assert_eq!(made.metrics(), queries(&incident.to()));
    Ok(())
}

#[test]
fn only_alarms_of_the_table_that_somebody_made_are_copied_from_any_page() {
    let incident = Incident::new();
    for n in 0..120 {
        incident.cloudwatch.alarm(&format!("other-{n}"), "other");
    }
    let scaling = format!("TargetTracking-table/{}-AlarmHigh-1", incident.table);
    incident.cloudwatch.alarm(&scaling, &incident.table);
    let name = incident.alarm("last");
    let told = record(incident.run(&[]).assert_code(0));
    let copy = name.replace(&incident.table, &incident.to());
    assert_eq!(incident.step(&told, "alarms")["of"], copy.as_str());
    let alarms = incident.cloudwatch.alarms();
    assert_eq!((alarms.len(), alarms.last()), (123, Some(&copy)));
}

#[test]
fn the_name_of_another_alarm_is_not_taken() {
    let incident = Incident::new();
    let taken = incident.alarm("load").replace(&incident.table, &incident.to());
    let free = incident.alarm("size").replace(&incident.table, &incident.to());
    incident.cloudwatch.alarm(&taken, "other");
    let output = incident.run(&[]);
    let told = record(output.assert_code(3));
    let steps = steps(&told, "alarms");
    let shown: Vec<_> =
        steps.iter().map(|step| (step["of"].as_str().unwrap(), step["action"].as_str().unwrap())).collect();
    assert_eq!(shown, [(taken.as_str(), "refused"), (free.as_str(), "set")]);
    assert!(steps[0]["message"].as_str().unwrap().contains("watches something else"), "{told}");
    assert_eq!(output.rejects()[0]["error"]["kind"], "setting-refused");
}

#[test]
fn two_alarms_do_not_become_one() {
    let incident = Incident::new();
    incident.cloudwatch.alarm(&format!("load-{}", incident.table), &incident.table);
    incident.cloudwatch.alarm("load", &incident.table);
    for action in ["set", "already"] {
        let told = record(incident.run(&[]).assert_code(0));
        let steps = steps(&told, "alarms");
        assert_eq!(
            steps.iter().map(|step| step["action"].as_str().unwrap()).collect::<Vec<_>>(),
            [action; 2]
        );
        assert_ne!(steps[0]["of"], steps[1]["of"]);
    }
    assert_eq!(incident.cloudwatch.alarms().len(), 4);
}

#[test]
fn alarms_that_cannot_be_read_are_one_reject_and_can_be_skipped() {
    let incident = Incident::new();
    incident.alarm("load");
    incident.cloudwatch.refuse("AccessDenied");
    let output = incident.run(&[]);
    let step = incident.step(&record(output.assert_code(3)), "alarms");
    assert!(step["message"].as_str().unwrap().starts_with("DescribeAlarms: AccessDenied"), "{step}");
    assert_eq!(output.rejects().len(), 1);
    let asked = incident.cloudwatch.requests();
    record(incident.run(&["--skip", "alarms"]).assert_code(0));
    assert_eq!(incident.cloudwatch.requests(), asked);
}
