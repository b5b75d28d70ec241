//! Application Auto Scaling of a table in provisioned units, and of its index.

use anyhow::Result;
use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::types::{
    MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ScalableTargetAction,
    ServiceNamespace, TargetTrackingScalingPolicyConfiguration,
};
use aws_smithy_types::DateTime;
use serde_json::{Value, json};
use testkit::{client, moto};

use crate::{Incident, hour_ago, record, steps};

const INDEX: &str = "/index/by_user";

fn client() -> Client {
    Client::new(&client::sdk(moto::endpoint()))
}

/// What moto has of one resource: `min..max` of its targets, `name=value` of its policies, names of its actions.
async fn there(scaling: &Client, id: &str) -> Result<Vec<String>> {
    let dynamodb = ServiceNamespace::Dynamodb;
    let targets = scaling
        .describe_scalable_targets()
        .service_namespace(dynamodb.clone())
        .resource_ids(id)
        .send()
        .await?;
    let targets = targets
        .scalable_targets()
        .iter()
        .map(|one| format!("{}..{}", one.min_capacity(), one.max_capacity()));
    let policies = scaling
        .describe_scaling_policies()
        .service_namespace(dynamodb.clone())
        .resource_id(id)
        .send()
        .await?;
    let policies = policies.scaling_policies().iter().filter(|one| one.resource_id() == id).map(|one| {
        let tracking = one.target_tracking_scaling_policy_configuration();
        format!(
            "{}={}",
            one.policy_name(),
            tracking.map(|tracking| tracking.target_value()).unwrap_or_default()
        )
    });
    let actions =
        scaling.describe_scheduled_actions().service_namespace(dynamodb).resource_id(id).send().await?;
    let actions = actions.scheduled_actions().iter().map(|one| one.scheduled_action_name().to_owned());
    Ok(targets.chain(policies).chain(actions).collect())
}

impl Incident {
    /// Reads of the table between 5 and 50 at 70 %, reads of its index between 2 and 20 at 60 %, and a scheduled action.
    async fn scale(&self, scaling: &Client) -> Result<()> {
        use ScalableDimension::{DynamoDbIndexReadCapacityUnits, DynamoDbTableReadCapacityUnits};
        let id = format!("table/{}", self.table);
        for (id, dimension, (min, max), percent) in [
            (id.clone(), DynamoDbTableReadCapacityUnits, (5, 50), 70.0),
            (format!("{id}{INDEX}"), DynamoDbIndexReadCapacityUnits, (2, 20), 60.0),
        ] {
            register(scaling, &id, dimension.clone(), min, max).await?;
            let metric = MetricType::DynamoDbReadCapacityUtilization;
            let metric = PredefinedMetricSpecification::builder().predefined_metric_type(metric).build()?;
            let tracking = TargetTrackingScalingPolicyConfiguration::builder().target_value(percent);
            let tracking = tracking.predefined_metric_specification(metric).scale_in_cooldown(90).build()?;
            let put =
                scaling.put_scaling_policy().service_namespace(ServiceNamespace::Dynamodb).resource_id(&id);
            let put = put
                .scalable_dimension(dimension)
                .policy_name("reads")
                .policy_type(PolicyType::TargetTrackingScaling);
            put.target_tracking_scaling_policy_configuration(tracking).send().await?;
        }
        let now = hour_ago().as_second() + 3600;
        for (name, end) in [("morning", now + 86_400), ("over", now - 86_400)] {
            let put =
                scaling.put_scheduled_action().service_namespace(ServiceNamespace::Dynamodb).resource_id(&id);
            let put = put.scalable_dimension(DynamoDbTableReadCapacityUnits).scheduled_action_name(name);
            let put = put
                .schedule("cron(0 6 * * ? *)")
                .timezone("Europe/Berlin")
                .end_time(DateTime::from_secs(end));
            put.scalable_target_action(ScalableTargetAction::builder().min_capacity(20).build())
                .send()
                .await?;
        }
        Ok(())
    }
}

async fn register(
    scaling: &Client,
    id: &str,
    dimension: ScalableDimension,
    min: i32,
    max: i32,
) -> Result<()> {
    let put =
        scaling.register_scalable_target().service_namespace(ServiceNamespace::Dynamodb).resource_id(id);
    put.scalable_dimension(dimension).min_capacity(min).max_capacity(max).send().await?;
    Ok(())
}

/// What each step is of, and its action.
fn shown(record: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    steps(record, "autoscaling").iter().map(|step| (text(&step["of"]), text(&step["action"]))).collect()
}

#[tokio::test]
async fn targets_policies_and_actions_are_those_of_the_source() -> Result<()> {
    let (incident, scaling) = (Incident::provisioned(), client());
    incident.scale(&scaling).await?;
    let expected = |action: &str| {
        [
            "table dynamodb:table:ReadCapacityUnits",
            "index/by_user dynamodb:index:ReadCapacityUnits",
            "table policy reads",
            "index/by_user policy reads",
            "table action morning",
        ]
        .map(|of| (of.to_owned(), action.to_owned()))
    };
    assert_eq!(shown(&record(incident.run(&["-n"]).assert_code(0))), expected("to-set"));
    let id = format!("table/{}", incident.to());
    assert_eq!(there(&scaling, &id).await?, [""; 0]);
    let told = record(incident.run(&[]).assert_code(0));
    assert_eq!(shown(&told), expected("set"));
    let first = &steps(&told, "autoscaling")[0];
    assert_eq!((&first["found"], &first["wanted"]), (&Value::Null, &json!({ "min": 5, "max": 50 })));
    assert_eq!(there(&scaling, &id).await?, ["5..50", "reads=70", "morning"]);
    assert_eq!(there(&scaling, &format!("{id}{INDEX}")).await?, ["2..20", "reads=60"]);
    assert_eq!(shown(&record(incident.run(&[]).assert_code(0))), expected("already"));

    let reads = ScalableDimension::DynamoDbTableReadCapacityUnits;
    register(&scaling, &id, reads, 1, 50).await?;
    let told = record(incident.run(&[]).assert_code(0));
    let first = &steps(&told, "autoscaling")[0];
    assert_eq!((&first["action"], &first["found"]["min"]), (&json!("set"), &json!(1)));
    assert_eq!(there(&scaling, &id).await?[0], "5..50");
    Ok(())
}

#[tokio::test]
async fn what_is_not_restored_or_on_demand_is_not_scaled() -> Result<()> {
    let (incident, scaling) = (Incident::provisioned(), client());
    incident.scale(&scaling).await?;
    let told = record(incident.run(&["--without-indexes", "-n"]).assert_code(0));
    assert!(shown(&told).iter().all(|(of, _)| of.starts_with("table")) && shown(&told).len() == 3, "{told}");
    let told = record(incident.run(&["--billing-mode", "PAY_PER_REQUEST"]).assert_code(0));
    assert_eq!(shown(&told), []);
    assert_eq!(there(&scaling, &format!("table/{}", incident.to())).await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn units_that_autoscaling_chose_are_left_to_it() -> Result<()> {
    let (incident, scaling) = (Incident::provisioned(), client());
    incident.scale(&scaling).await?;
    record(incident.run(&[]).assert_code(0));
    incident.front.state().log.clear();
    let units = |write: u32| json!({ "ReadCapacityUnits": 33, "WriteCapacityUnits": write });
    incident.front.show(&incident.to(), "ProvisionedThroughput", units(6));
    let told = record(incident.run(&[]).assert_code(0));
    assert_eq!(incident.step(&told, "capacity")["action"], "already");
    assert_eq!(incident.front.count("UpdateTable"), 0);
    // Writes are not scaled.
    incident.front.show(&incident.to(), "ProvisionedThroughput", units(1));
    record(incident.run(&[]).assert_code(0));
    assert_eq!(incident.front.state().sent("UpdateTable")[0]["ProvisionedThroughput"], units(6));
    Ok(())
}

#[tokio::test]
async fn a_service_that_refuses_is_a_reject_for_each() -> Result<()> {
    let (incident, scaling) = (Incident::provisioned(), client());
    incident.scale(&scaling).await?;
    let denying = testkit::answering::Server::start((), |(), _, _| {
        let body = r#"{"__type":"AccessDeniedException","message":"not allowed"}"#;
        testkit::answering::Answer::new(400, &[("content-type", "application/x-amz-json-1.1")], body)
    });
    let output = incident.tool().env("AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING", denying.url()).run();
    let told = record(output.assert_code(3));
    let step = incident.step(&told, "autoscaling");
    let message = step["message"].as_str().unwrap();
    assert!(
        message.starts_with("DescribeScalableTargets of ") && message.contains("AccessDenied"),
        "{message}"
    );
    assert_eq!(incident.step(&told, "pitr")["action"], "set");
    assert_eq!(shown(&record(incident.run(&[]).assert_code(0))).len(), 5);
    Ok(())
}
