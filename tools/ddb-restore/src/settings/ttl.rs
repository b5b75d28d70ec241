//! Time to live: the last of all, since expired items come back with a restore and it deletes them again.

use aws_sdk_dynamodb::operation::update_time_to_live::builders::UpdateTimeToLiveInputBuilder;
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use common::aws::Trouble;
use common::dynamodb::ttl_attribute;
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step};

/// On, by the same attribute.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let client = &pair.clients.dynamodb;
    let Some(wanted) = ttl_attribute(client, pair.from()).await? else { return Ok(Vec::new()) };
    let found = match pair.target {
        Some(_) => ttl_attribute(client, pair.to).await?,
        None => None,
    };
    let change = (found.as_ref() != Some(&wanted)).then(|| {
        let on = TimeToLiveSpecification::builder().enabled(true).attribute_name(&wanted).build().ok();
        let input = UpdateTimeToLiveInputBuilder::default().table_name(pair.to);
        Change::Ttl(input.set_time_to_live_specification(on))
    });
    Ok(vec![Step::new(Setting::Ttl, None, json!(found), json!(wanted), change)])
}
