//! Changes of the new table, and how they are made.

use std::time::Duration;

use anyhow::Result;
use aws_sdk_applicationautoscaling::operation::put_scaling_policy::builders::PutScalingPolicyInputBuilder;
use aws_sdk_applicationautoscaling::operation::put_scheduled_action::builders::PutScheduledActionInputBuilder;
use aws_sdk_applicationautoscaling::operation::register_scalable_target::builders::RegisterScalableTargetInputBuilder;
use aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmInputBuilder;
use aws_sdk_dynamodb::operation::enable_kinesis_streaming_destination::builders::EnableKinesisStreamingDestinationInputBuilder;
use aws_sdk_dynamodb::operation::put_resource_policy::builders::PutResourcePolicyInputBuilder;
use aws_sdk_dynamodb::operation::tag_resource::builders::TagResourceInputBuilder;
use aws_sdk_dynamodb::operation::update_continuous_backups::builders::UpdateContinuousBackupsInputBuilder;
use aws_sdk_dynamodb::operation::update_contributor_insights::builders::UpdateContributorInsightsInputBuilder;
use aws_sdk_dynamodb::operation::update_kinesis_streaming_destination::builders::UpdateKinesisStreamingDestinationInputBuilder;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::operation::update_time_to_live::builders::UpdateTimeToLiveInputBuilder;
use common::aws::Trouble;
use common::retry::Backoff;

use crate::clients::Clients;
use crate::ready::Ready;

/// Codes of a table, or of what belongs to it, that is being changed already.
const BUSY: [&str; 4] = [
    "ConcurrentUpdateException",
    "ContinuousBackupsUnavailableException",
    "ResourceInUseException",
    "TableInUseException",
];
/// How often a change is tried that is busy whenever it is made.
const TRIES: u32 = 8;
/// Time between these.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(20) };

/// One request.
#[derive(Debug)]
pub enum Change {
    Table(Box<UpdateTableInputBuilder>),
    ScalableTarget(Box<RegisterScalableTargetInputBuilder>),
    ScalingPolicy(Box<PutScalingPolicyInputBuilder>),
    ScheduledAction(Box<PutScheduledActionInputBuilder>),
    Tags(TagResourceInputBuilder),
    Kinesis(EnableKinesisStreamingDestinationInputBuilder),
    KinesisPrecision(UpdateKinesisStreamingDestinationInputBuilder),
    Insights(UpdateContributorInsightsInputBuilder),
    Alarm(Box<PutMetricAlarmInputBuilder>),
    Recovery(UpdateContinuousBackupsInputBuilder),
    Policy(PutResourcePolicyInputBuilder),
    Ttl(UpdateTimeToLiveInputBuilder),
}

impl Change {
    /// Makes it when the table is ACTIVE, and again when that was busy after all.
    ///
    /// # Errors
    /// The outer one ends the run: the table is gone, or the run was stopped. The inner one is the service's.
    pub async fn make(self, clients: &Clients, ready: &Ready<'_>) -> Result<Result<(), Trouble>> {
        let mut tried = 0;
        loop {
            ready.table().await?;
            match self.send(clients).await {
                Err(trouble) if BUSY.contains(&trouble.code.as_str()) && tried + 1 < TRIES => {
                    tracing::debug!("{}", trouble.message);
                    AGAIN.pause(tried, ready.halted()).await;
                }
                answered => return Ok(answered),
            }
            tried += 1;
        }
    }

    async fn send(&self, clients: &Clients) -> Result<(), Trouble> {
        let Clients { dynamodb, autoscaling, cloudwatch, .. } = clients;
        /// Sends one of many kinds of requests, and names it in its trouble.
        macro_rules! send {
            ($input:expr, $client:expr, $operation:literal, $of:expr) => {{
                let of = $of.as_deref().unwrap_or_default();
                let what = format!("{} {of}", $operation);
                let answer = $input.clone().send_with($client).await;
                answer.map(drop).map_err(|error| Trouble::new(&what, &error))
            }};
        }
        match self {
            Self::Table(input) => send!(input, dynamodb, "UpdateTable", input.get_table_name()),
            Self::ScalableTarget(input) => {
                send!(input, autoscaling, "RegisterScalableTarget", input.get_resource_id())
            }
            Self::ScalingPolicy(input) => {
                send!(input, autoscaling, "PutScalingPolicy", input.get_policy_name())
            }
            Self::ScheduledAction(input) => {
                send!(input, autoscaling, "PutScheduledAction", input.get_scheduled_action_name())
            }
            Self::Tags(input) => send!(input, dynamodb, "TagResource", input.get_resource_arn()),
            Self::Kinesis(input) => {
                send!(input, dynamodb, "EnableKinesisStreamingDestination", input.get_table_name())
            }
            Self::KinesisPrecision(input) => {
                send!(input, dynamodb, "UpdateKinesisStreamingDestination", input.get_table_name())
            }
            Self::Insights(input) => {
                send!(input, dynamodb, "UpdateContributorInsights", input.get_table_name())
            }
            Self::Alarm(input) => send!(input, cloudwatch, "PutMetricAlarm", input.get_alarm_name()),
            Self::Recovery(input) => {
                send!(input, dynamodb, "UpdateContinuousBackups", input.get_table_name())
            }
            Self::Policy(input) => send!(input, dynamodb, "PutResourcePolicy", input.get_resource_arn()),
            Self::Ttl(input) => send!(input, dynamodb, "UpdateTimeToLive", input.get_table_name()),
        }
    }
}
