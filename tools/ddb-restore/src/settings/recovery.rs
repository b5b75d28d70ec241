//! Point-in-time recovery of the new table itself.

use aws_sdk_dynamodb::operation::update_continuous_backups::builders::UpdateContinuousBackupsInputBuilder;
use aws_sdk_dynamodb::types::PointInTimeRecoverySpecification;
use common::aws::Trouble;
use common::dynamodb::{recovery, recovery_days};
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step};

/// On for as many days as that of the source reaches back.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let days = async |table: &str| -> Result<Option<i32>, Trouble> {
        Ok(recovery(&pair.clients.dynamodb, table).await?.as_ref().map(recovery_days))
    };
    let Some(wanted) = days(pair.from()).await? else { return Ok(Vec::new()) };
    let found = match pair.target {
        Some(_) => days(pair.to).await?,
        None => None,
    };
    let change = (found != Some(wanted)).then(|| {
        let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true);
        let on = on.recovery_period_in_days(wanted).build().ok();
        let input = UpdateContinuousBackupsInputBuilder::default().table_name(pair.to);
        Change::Recovery(input.set_point_in_time_recovery_specification(on))
    });
    Ok(vec![Step::new(Setting::Pitr, None, json!(found), json!(wanted), change)])
}
