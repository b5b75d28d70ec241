//! The resource-based policy of the table, which names the table by its ARN.

use aws_sdk_dynamodb::operation::put_resource_policy::builders::PutResourcePolicyInputBuilder;
use common::aws::Trouble;
use common::dynamodb::resource_policy;
use serde_json::{Value, json};

use super::change::Change;
use super::{Pair, Setting, Step};

/// The policy of the source, about the new table.
pub async fn steps(pair: Pair<'_>) -> Result<Vec<Step>, Trouble> {
    let client = &pair.clients.dynamodb;
    let from_arn = pair.source.table_arn().unwrap_or_default();
    let to_arn = pair.to_arn();
    let Some(policy) = resource_policy(client, from_arn).await? else { return Ok(Vec::new()) };
    let wanted = about(&policy, from_arn, &to_arn);
    let found = match pair.target {
        Some(_) => resource_policy(client, &to_arn).await?,
        None => None,
    };
    // The service may write a policy otherwise than it was given.
    let is_same = found.as_deref().is_some_and(|found| read(found) == read(&wanted));
    let change = (!is_same).then(|| {
        let input = PutResourcePolicyInputBuilder::default().resource_arn(&to_arn);
        Change::Policy(input.policy(&wanted))
    });
    Ok(vec![Step::new(Setting::ResourcePolicy, None, json!(found), json!(wanted), change)])
}

fn read(policy: &str) -> Option<Value> {
    serde_json::from_str(policy).ok()
}

/// The same policy with another table's ARN, where the whole ARN stands or an index or stream of it.
fn about(policy: &str, from_arn: &str, to_arn: &str) -> String {
    let mut parts = policy.split(from_arn);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(if part.starts_with(['"', '/', '*']) { to_arn } else { from_arn });
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_this_table_is_renamed() {
        let arn = |name: &str| format!("arn:aws:dynamodb:us-east-1:1:table/{name}");
        let policy = |name: &str| {
            let (own, longer, other) = (arn(name), arn("t_old"), arn("u"));
            format!(r#"{{"Resource":["{own}","{own}/index/*","{longer}"],"A":"{other}"}}"#)
        };
        assert_eq!(about(&policy("t"), &arn("t"), &arn("t_new")), policy("t_new"));
        assert_eq!(about("{}", &arn("t"), &arn("t_new")), "{}");
    }

    proptest! {
        #[test]
        fn whatever_else_a_policy_names_stays(
            from in "[a-z_.-]{3,6}", to in "[a-z_.-]{3,6}", others in prop::collection::vec("[a-z_.-]{0,6}", 0..6),
        ) {
            let arn = |name: &str| format!("arn:aws:dynamodb:us-east-1:1:table/{name}");
            let policy = |name: &str| {
                let others = others.iter().map(|other| arn(&format!("{from}{other}")));
                let others: Vec<_> = others.filter(|other| *other != arn(&from)).collect();
                let own = [String::new(), "/index/*".into(), "/stream/*".into(), "*".into()];
                json!({ "Others": others, "Own": own.map(|own| format!("{}{own}", arn(name))) }).to_string()
            };
            prop_assert_eq!(about(&policy(&from), &arn(&from), &arn(&to)), policy(&to));
        }
    }
}
