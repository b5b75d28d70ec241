//! Rate limits: rules without a name, shown in another form than that in which they are posted.

use anyhow::Result;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::kind::release::Release;
use crate::object::Object;

#[derive(Deserialize)]
struct Requests<'a> {
    #[serde(borrow)]
    minute_threshold: Option<&'a RawValue>,
    #[serde(borrow)]
    hour_threshold: Option<&'a RawValue>,
}

/// A rule that the server shows, in the form in which `POST /limits` takes it (`parse_rule` of the server's source;
/// the limit of a minute was renamed in 0.25).
///
/// # Errors
/// It is no rule.
pub fn as_posted(shown: &str, release: Release) -> Result<String> {
    let rule: IndexMap<&str, &RawValue> = serde_json::from_str(shown)?;
    let mut posted = IndexMap::new();
    for (name, value) in rule {
        match name {
            "id" | "entity_type" => {}
            "max_requests" => {
                let requests: Requests<'_> = serde_json::from_str(value.get())?;
                let minute = if release.line < 25 { "max_requests_60s" } else { "max_requests_1m" };
                posted.extend(requests.minute_threshold.map(|limit| (minute, limit)));
                posted.extend(requests.hour_threshold.map(|limit| ("max_requests_1h", limit)));
            }
            _ => {
                posted.insert(name, value);
            }
        }
    }
    Ok(serde_json::to_string(&posted)?)
}

/// The rule that limits what this one limits: the same one, or else one for any of the same keys or addresses.
pub fn find<'a>(rules: &'a [Object], wanted: &Object) -> Option<&'a Object> {
    let shared = |rule: &&Object| {
        let shared = |member| shared(&rule.value, &wanted.value, member);
        shared("api_keys") + shared("ip_addresses")
    };
    let found = rules.iter().max_by_key(shared)?;
    (shared(&found) > 0).then_some(found)
}

fn shared(a: &Value, b: &Value, member: &str) -> usize {
    let list = |rule: &Value| rule.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
    let other = list(b);
    list(a).iter().filter(|entity| other.contains(entity)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use common::typesense::Version;

    #[test]
    fn what_is_shown_can_be_posted() {
        let shown = r#"{"action":"throttle","api_keys":["k"],"entity_type":"api_key","id":3,"max_requests":{"hour_threshold":100,"minute_threshold":1.0e1},"auto_ban_num_days":1}"#;
        for (major, minor, name) in
            [(0, 24, "max_requests_60s"), (0, 25, "max_requests_1m"), (30, 0, "max_requests_1m")]
        {
            let posted = as_posted(shown, Version { major, minor }.into()).unwrap();
            let expected = format!(
                r#"{{"action":"throttle","api_keys":["k"],"{name}":1.0e1,"max_requests_1h":100,"auto_ban_num_days":1}}"#
            );
            assert_eq!(posted, expected);
        }
    }

    #[test]
    fn a_rule_is_known_by_what_it_limits() {
        let rule = |text: &str| Object::new(Kind::Limit, None, text).unwrap();
        let rules = [
            rule(r#"{"action":"block","ip_addresses":["10.0.0.1"]}"#),
            rule(r#"{"action":"throttle","ip_addresses":["10.0.0.2","10.0.0.3"]}"#),
        ];
        let found = |text: &str| find(&rules, &rule(text)).map(|rule| rule.name.clone());
        assert_eq!(
            found(r#"{"ip_addresses":["10.0.0.3","10.0.0.2"]}"#),
            Some("throttle 10.0.0.2, 10.0.0.3".into())
        );
        assert_eq!(found(r#"{"ip_addresses":["10.0.0.1","10.0.0.9"]}"#), Some("block 10.0.0.1".into()));
        assert_eq!(found(r#"{"api_keys":["10.0.0.1"]}"#), None);
    }
}
