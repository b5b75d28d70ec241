//! Application Auto Scaling of the table and its indexes: scalable targets, their policies and scheduled actions.

use std::collections::BTreeSet;

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::operation::put_scaling_policy::builders::PutScalingPolicyInputBuilder;
use aws_sdk_applicationautoscaling::operation::put_scheduled_action::builders::PutScheduledActionInputBuilder;
use aws_sdk_applicationautoscaling::operation::register_scalable_target::builders::RegisterScalableTargetInputBuilder;
use aws_sdk_applicationautoscaling::types::{
    ScalableDimension, ScalableTarget, ScalingPolicy, ScheduledAction, ServiceNamespace,
};
use common::aws::Trouble;
use common::dynamodb::{scalable_id, scalable_targets};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::change::Change;
use super::{Pair, Setting, Step, capacity};
use crate::window::timestamp;

/// What Application Auto Scaling knows of one table.
#[derive(Default)]
struct Scaling {
    targets: Vec<ScalableTarget>,
    policies: Vec<ScalingPolicy>,
    actions: Vec<ScheduledAction>,
}

/// Which units of a table autoscaling chooses.
pub struct Scaled {
    table: String,
    targets: Vec<ScalableTarget>,
}

impl Scaled {
    /// Those of this table.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn of(client: &Client, table: &str, indexes: &BTreeSet<&str>) -> Result<Self, Trouble> {
        Ok(Self {
            table: table.to_owned(),
            targets: scalable_targets(client, table, indexes.iter().copied()).await?,
        })
    }

    /// Whether it chooses the read units of the table, or of this index.
    pub fn reads(&self, index: Option<&str>) -> bool {
        use ScalableDimension::{DynamoDbIndexReadCapacityUnits, DynamoDbTableReadCapacityUnits};
        self.has(index, [DynamoDbTableReadCapacityUnits, DynamoDbIndexReadCapacityUnits])
    }

    /// The same of write units.
    pub fn writes(&self, index: Option<&str>) -> bool {
        use ScalableDimension::{DynamoDbIndexWriteCapacityUnits, DynamoDbTableWriteCapacityUnits};
        self.has(index, [DynamoDbTableWriteCapacityUnits, DynamoDbIndexWriteCapacityUnits])
    }

    fn has(&self, index: Option<&str>, dimensions: [ScalableDimension; 2]) -> bool {
        let id = scalable_id(&self.table, index);
        self.targets.iter().any(|one| one.resource_id == id && dimensions.contains(&one.scalable_dimension))
    }
}

/// One step for each target, policy and action. A table on demand is scaled by DynamoDB itself.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    if !capacity::is_provisioned(pair) {
        return Ok(Vec::new());
    }
    let client = &pair.clients.autoscaling;
    let source = Scaling::of(client, pair.from(), &pair.indexes()).await?;
    let target = match pair.target {
        Some(_) if !source.targets.is_empty() => Scaling::of(client, pair.to, &pair.indexes()).await?,
        _ => Scaling::default(),
    };
    let renamed = |id: &str| {
        let rest = id.strip_prefix(&scalable_id(pair.from(), None)).unwrap_or_default();
        format!("{}{rest}", scalable_id(pair.to, None))
    };
    let same = |id: &str| id.to_owned();
    let of = |id: &Option<String>, what: &str| format!("{} {what}", shown_id(id, pair.to));

    let wanted = source.targets.iter().map(|one| {
        let wanted = registering(one, renamed);
        (of(wanted.get_resource_id(), one.scalable_dimension.as_str()), wanted)
    });
    let found = target.targets.iter().map(|one| registering(one, same)).collect();
    let is_its = |found: &RegisterScalableTargetInputBuilder, wanted: &RegisterScalableTargetInputBuilder| {
        found.get_resource_id() == wanted.get_resource_id()
            && found.get_scalable_dimension() == wanted.get_scalable_dimension()
    };
    let shown = |target: &RegisterScalableTargetInputBuilder| json!({ "min": target.get_min_capacity(), "max": target.get_max_capacity() });
    let mut steps = compared(wanted, found, is_its, shown, Change::ScalableTarget);

    let wanted = source.policies.iter().map(|one| {
        let wanted = putting(one, renamed);
        (of(wanted.get_resource_id(), &format!("policy {}", one.policy_name)), wanted)
    });
    let found = target.policies.iter().map(|one| putting(one, same)).collect();
    let is_its = |found: &PutScalingPolicyInputBuilder, wanted: &PutScalingPolicyInputBuilder| {
        found.get_resource_id() == wanted.get_resource_id()
            && found.get_scalable_dimension() == wanted.get_scalable_dimension()
            && found.get_policy_name() == wanted.get_policy_name()
    };
    let shown = |policy: &PutScalingPolicyInputBuilder| {
        let tracking = policy.get_target_tracking_scaling_policy_configuration().as_ref();
        let kind = policy.get_policy_type().as_ref().map(|kind| kind.as_str());
        json!({ "type": kind, "target_value": tracking.map(|tracking| tracking.target_value()) })
    };
    steps.extend(compared(wanted, found, is_its, shown, Change::ScalingPolicy));

    let now = Timestamp::now();
    let wanted = source.actions.iter().filter(|one| !is_over(one, now)).map(|one| {
        let wanted = scheduling(one, renamed);
        (of(wanted.get_resource_id(), &format!("action {}", one.scheduled_action_name)), wanted)
    });
    let found = target.actions.iter().map(|one| scheduling(one, same)).collect();
    let is_its = |found: &PutScheduledActionInputBuilder, wanted: &PutScheduledActionInputBuilder| {
        found.get_resource_id() == wanted.get_resource_id()
            && found.get_scalable_dimension() == wanted.get_scalable_dimension()
            && found.get_scheduled_action_name() == wanted.get_scheduled_action_name()
    };
    let shown = |action: &PutScheduledActionInputBuilder| json!({ "schedule": action.get_schedule() });
    steps.extend(compared(wanted, found, is_its, shown, Change::ScheduledAction));
    Ok(steps)
}

/// One step for each that is wanted, by its name for people, beside the one that the new table has in its place.
fn compared<T: Clone + PartialEq>(
    wanted: impl Iterator<Item = (String, T)>,
    found: Vec<T>,
    is_its: impl Fn(&T, &T) -> bool,
    shown: impl Fn(&T) -> Value,
    change: impl Fn(Box<T>) -> Change,
) -> Vec<Step> {
    let steps = wanted.map(|(of, wanted)| {
        let there = found.iter().find(|found| is_its(found, &wanted));
        let change = (there != Some(&wanted)).then(|| change(Box::new(wanted.clone())));
        let found = there.map(&shown).unwrap_or_default();
        Step::new(Setting::Autoscaling, Some(&of), found, shown(&wanted), change)
    });
    steps.collect()
}

/// The table or index that a resource id is of, within its table.
fn shown_id(id: &Option<String>, table: &str) -> String {
    let rest = id.as_deref().and_then(|id| id.strip_prefix(&scalable_id(table, None))).unwrap_or_default();
    if rest.is_empty() { "table".to_owned() } else { rest.trim_start_matches('/').to_owned() }
}

/// An action that can never happen any more is refused by the service.
fn is_over(action: &ScheduledAction, now: Timestamp) -> bool {
    action.end_time().and_then(timestamp).is_some_and(|end| end < now)
}

/// The role is that of the service itself, and is not given (API reference, RegisterScalableTarget).
fn registering(one: &ScalableTarget, name: impl Fn(&str) -> String) -> RegisterScalableTargetInputBuilder {
    RegisterScalableTargetInputBuilder::default()
        .service_namespace(one.service_namespace.clone())
        .resource_id(name(&one.resource_id))
        .scalable_dimension(one.scalable_dimension.clone())
        .min_capacity(one.min_capacity)
        .max_capacity(one.max_capacity)
        .set_suspended_state(one.suspended_state.clone())
}

fn putting(one: &ScalingPolicy, name: impl Fn(&str) -> String) -> PutScalingPolicyInputBuilder {
    PutScalingPolicyInputBuilder::default()
        .policy_name(&one.policy_name)
        .service_namespace(one.service_namespace.clone())
        .resource_id(name(&one.resource_id))
        .scalable_dimension(one.scalable_dimension.clone())
        .policy_type(one.policy_type.clone())
        .set_step_scaling_policy_configuration(one.step_scaling_policy_configuration.clone())
        .set_target_tracking_scaling_policy_configuration(
            one.target_tracking_scaling_policy_configuration.clone(),
        )
        .set_predictive_scaling_policy_configuration(one.predictive_scaling_policy_configuration.clone())
}

fn scheduling(one: &ScheduledAction, name: impl Fn(&str) -> String) -> PutScheduledActionInputBuilder {
    PutScheduledActionInputBuilder::default()
        .scheduled_action_name(&one.scheduled_action_name)
        .service_namespace(one.service_namespace.clone())
        .resource_id(name(&one.resource_id))
        .set_scalable_dimension(one.scalable_dimension.clone())
        .schedule(&one.schedule)
        .set_timezone(one.timezone.clone())
        .set_start_time(one.start_time)
        .set_end_time(one.end_time)
        .set_scalable_target_action(one.scalable_target_action.clone())
}

impl Scaling {
    async fn of(client: &Client, table: &str, indexes: &BTreeSet<&str>) -> Result<Self, Trouble> {
        let mut found = Self {
            targets: scalable_targets(client, table, indexes.iter().copied()).await?,
            ..Self::default()
        };
        let ids: BTreeSet<&String> = found.targets.iter().map(|target| &target.resource_id).collect();
        for id in ids {
            let request = client.describe_scaling_policies().service_namespace(ServiceNamespace::Dynamodb);
            let mut policies = request.resource_id(id).into_paginator().items().send();
            while let Some(one) = policies.next().await {
                let what = format!("DescribeScalingPolicies of {id}");
                let one = one.map_err(|error| Trouble::new(&what, &error))?;
                if one.resource_id == *id {
                    found.policies.push(one);
                }
            }
            let request = client.describe_scheduled_actions().service_namespace(ServiceNamespace::Dynamodb);
            let mut actions = request.resource_id(id).into_paginator().items().send();
            while let Some(one) = actions.next().await {
                let what = format!("DescribeScheduledActions of {id}");
                found.actions.push(one.map_err(|error| Trouble::new(&what, &error))?);
            }
        }
        Ok(found)
    }
}
