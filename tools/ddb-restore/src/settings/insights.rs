//! CloudWatch Contributor Insights, of the table and of each index.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_contributor_insights::builders::UpdateContributorInsightsInputBuilder;
use aws_sdk_dynamodb::types::{
    ContributorInsightsAction, ContributorInsightsMode, ContributorInsightsStatus,
};
use common::aws::Trouble;
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step};

/// One step for each that is on.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let client = &pair.clients.dynamodb;
    let mut steps = Vec::new();
    for index in std::iter::once(None).chain(pair.indexes().into_iter().map(Some)) {
        let Some(wanted) = mode(client, pair.from(), index).await? else { continue };
        let found = match pair.target {
            Some(_) => mode(client, pair.to, index).await?,
            None => None,
        };
        let change = (found.as_ref() != Some(&wanted)).then(|| {
            let input = UpdateContributorInsightsInputBuilder::default().table_name(pair.to);
            let input = input.set_index_name(index.map(str::to_owned));
            let input = input.contributor_insights_action(ContributorInsightsAction::Enable);
            Change::Insights(input.contributor_insights_mode(wanted.clone()))
        });
        let found = json!(found.as_ref().map(ContributorInsightsMode::as_str));
        steps.push(Step::new(Setting::ContributorInsights, index, found, json!(wanted.as_str()), change));
    }
    Ok(steps)
}

/// What it counts, where it is on.
async fn mode(
    client: &Client,
    table: &str,
    index: Option<&str>,
) -> Result<Option<ContributorInsightsMode>, Trouble> {
    let request = client.describe_contributor_insights().table_name(table);
    let answer = request.set_index_name(index.map(str::to_owned)).send().await;
    let what = format!("DescribeContributorInsights of {table}");
    let answer = match answer.map_err(|error| Trouble::new(&what, &error)) {
        Ok(answer) => answer,
        Err(trouble) if trouble.code == "ResourceNotFoundException" => return Ok(None),
        Err(trouble) => return Err(trouble),
    };
    let is_on = matches!(
        answer.contributor_insights_status,
        Some(ContributorInsightsStatus::Enabled | ContributorInsightsStatus::Enabling)
    );
    let mode = answer.contributor_insights_mode;
    Ok(is_on.then(|| mode.unwrap_or(ContributorInsightsMode::AccessedAndThrottledKeys)))
}
