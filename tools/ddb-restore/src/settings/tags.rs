//! Tags that can be set.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::tag_resource::builders::TagResourceInputBuilder;
use aws_sdk_dynamodb::types::Tag;
use common::aws::Trouble;
use common::dynamodb::{is_own_tag, tags};
use serde_json::json;

use super::change::Change;
use super::{Pair, Setting, Step};

/// All that the source has; what the new table has besides is left.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let client = &pair.clients.dynamodb;
    let wanted = own(client, pair.source.table_arn().unwrap_or_default()).await?;
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let found = match pair.target {
        Some(_) => Some(own(client, &pair.to_arn()).await?),
        None => None,
    };
    let missing: Vec<Tag> = wanted
        .iter()
        .filter(|(key, value)| found.as_ref().and_then(|found| found.get(*key)) != Some(value))
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    let change = (!missing.is_empty()).then(|| {
        let input = TagResourceInputBuilder::default().resource_arn(pair.to_arn());
        Change::Tags(input.set_tags(Some(missing)))
    });
    Ok(vec![Step::new(Setting::Tags, None, json!(found), json!(wanted), change)])
}

async fn own(client: &Client, arn: &str) -> Result<BTreeMap<String, String>, Trouble> {
    let mut own = tags(client, arn).await?;
    own.retain(|key, _| is_own_tag(key));
    Ok(own)
}
