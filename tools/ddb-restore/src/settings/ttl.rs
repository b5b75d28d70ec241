//! Time to live: the last of all, since expired items come back with a restore and it deletes them again.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_time_to_live::builders::UpdateTimeToLiveInputBuilder;
use aws_sdk_dynamodb::types::{TimeToLiveSpecification, TimeToLiveStatus};
use common::aws::Trouble;
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step};

/// On, by the same attribute.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let client = &pair.clients.dynamodb;
    let Some(wanted) = attribute(client, pair.from()).await? else { return Ok(Vec::new()) };
    let found = match pair.target {
        Some(_) => attribute(client, pair.to).await?,
        None => None,
    };
    let change = (found.as_ref() != Some(&wanted)).then(|| {
        let on = TimeToLiveSpecification::builder().enabled(true).attribute_name(&wanted).build().ok();
        let input = UpdateTimeToLiveInputBuilder::default().table_name(pair.to);
        Change::Ttl(input.set_time_to_live_specification(on))
    });
    Ok(vec![Step::new(Setting::Ttl, None, json!(found), json!(wanted), change)])
}

async fn attribute(client: &Client, table: &str) -> Result<Option<String>, Trouble> {
    let answer = client.describe_time_to_live().table_name(table).send().await;
    let answer = answer.map_err(|error| Trouble::new(&format!("DescribeTimeToLive of {table}"), &error))?;
    let ttl = answer.time_to_live_description.filter(|ttl| {
        matches!(ttl.time_to_live_status(), Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
    });
    Ok(ttl.and_then(|ttl| ttl.attribute_name))
}
