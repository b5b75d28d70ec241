//! Secrets: a member `NAME_env` takes the value of `NAME` from the environment variable that it names.

use std::borrow::Cow;

use common::Reject;
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::kind::Kind;
use crate::object::Object;

/// Members whose values are secrets. In the file each stands with `_env` behind its name.
const SECRETS: [&str; 8] = [
    "value",
    "api_keys",
    "api_key",
    "access_token",
    "refresh_token",
    "client_id",
    "client_secret",
    "project_id",
];

/// Stands for any key in a rate limit, and is no secret.
pub const ANY_KEY: &str = ".*";

/// The secret that a member `value_env` names: `value`.
fn named(member: &str) -> Option<&'static str> {
    let name = member.strip_suffix("_env")?;
    SECRETS.into_iter().find(|secret| *secret == name)
}

/// Where objects of a kind can hold secrets.
fn can_hold(kind: Kind) -> bool {
    matches!(kind, Kind::Key | Kind::Limit | Kind::Collection)
}

/// The name of a secret that stands in the file itself, if one does.
pub fn in_plain(kind: Kind, object: &Value) -> Option<&'static str> {
    let model_secrets = || {
        let fields = object.get("fields").and_then(Value::as_array).into_iter().flatten();
        let configs = fields.filter_map(|field| field.get("embed")?.get("model_config"));
        configs.flat_map(|config| SECRETS.into_iter().filter(|secret| config.get(secret).is_some())).next()
    };
    let is_key = |key: &Value| key.as_str() != Some(ANY_KEY);
    match kind {
        Kind::Key => object.get("value").is_some().then_some("value"),
        Kind::Limit => {
            let keys = object.get("api_keys").and_then(Value::as_array);
            keys.is_some_and(|keys| keys.iter().any(is_key)).then_some("api_keys")
        }
        Kind::Collection => model_secrets(),
        _ => None,
    }
}

/// An object in this form with its secrets, as it is sent to the server and shown to nobody.
///
/// # Errors
/// A reject that names a variable that is not set.
pub fn filled<'a>(object: &Object, raw: &'a str) -> Result<Cow<'a, str>, Reject> {
    if !can_hold(object.kind) || !raw.contains("_env\"") {
        return Ok(Cow::Borrowed(raw));
    }
    let named =
        |reject: Reject| Reject { message: format!("{}: {}", object.title(), reject.message), ..reject };
    fill(raw).map(Cow::Owned).map_err(named)
}

fn fill(raw: &str) -> Result<String, Reject> {
    let broken = |error: serde_json::Error| Reject::bad_record(error.to_string());
    if raw.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(broken)?;
        let items: Vec<_> = items.into_iter().map(|item| fill(item.get())).collect::<Result<_, _>>()?;
        return Ok(format!("[{}]", items.join(",")));
    }
    if !raw.starts_with('{') {
        return Ok(raw.to_owned());
    }
    let members: IndexMap<Cow<'_, str>, &RawValue> = serde_json::from_str(raw).map_err(broken)?;
    let member = |(name, value): (Cow<'_, str>, &RawValue)| {
        let (name, value) = match named(&name) {
            Some(secret) => (Cow::Borrowed(secret), from_environment(secret, value.get())?),
            None => (name, fill(value.get())?),
        };
        Ok(format!("{}:{value}", Value::from(name)))
    };
    let members: Vec<_> = members.into_iter().map(member).collect::<Result<_, Reject>>()?;
    Ok(format!("{{{}}}", members.join(",")))
}

/// The values of one variable or of a list of them, as JSON of the same form.
fn from_environment(secret: &str, names: &str) -> Result<String, Reject> {
    let value = |name: &Value| {
        let name = name.as_str().ok_or_else(|| {
            Reject::bad_record(format!("{secret}_env: expected the name of an environment variable"))
        })?;
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Value::from(value)),
            _ => Err(Reject::new(
                "no-value",
                format!("{secret}_env: the environment variable {name} is not set: set it to the {secret}"),
            )),
        }
    };
    match serde_json::from_str(names) {
        Ok(Value::Array(names)) => {
            Ok(Value::Array(names.iter().map(value).collect::<Result<_, _>>()?).to_string())
        }
        Ok(name) => Ok(value(&name)?.to_string()),
        Err(error) => Err(Reject::bad_record(error.to_string())),
    }
}

/// The name of an environment variable of these words: `TS_KEY_SEARCH_ONLY_WEB`.
pub fn variable(words: &[&str]) -> String {
    let upper = words.join(" ").to_ascii_uppercase();
    let words = upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

type Members = IndexMap<String, Box<RawValue>>;

/// Fields of a collection with variables in place of the credentials of their embedding models, which the server masks.
///
/// # Errors
/// They are no fields.
pub fn named_in_models(fields: &str) -> Result<String, serde_json::Error> {
    if !fields.contains("\"model_config\"") {
        return Ok(fields.to_owned());
    }
    let mut fields: Vec<Members> = serde_json::from_str(fields)?;
    for embed in fields.iter_mut().filter_map(|field| field.get_mut("embed")) {
        let mut members: Members = serde_json::from_str(embed.get())?;
        if let Some(config) = members.get_mut("model_config") {
            *config = serde_json::value::to_raw_value(&named_in_model(config.get())?)?;
        }
        *embed = serde_json::value::to_raw_value(&members)?;
    }
    serde_json::to_string(&fields)
}

fn named_in_model(config: &str) -> Result<Members, serde_json::Error> {
    let config: Members = serde_json::from_str(config)?;
    let model =
        config.get("model_name").map_or(Ok(String::new()), |name| serde_json::from_str(name.get()))?;
    // As the services themselves name them: openai/text-embedding-3-small has its key in OPENAI_API_KEY.
    let service = model.split('/').next().unwrap_or_default();
    let member = |(name, value): (String, Box<RawValue>)| {
        if SECRETS.contains(&name.as_str()) {
            let variable = serde_json::value::to_raw_value(&variable(&[service, &name]))?;
            return Ok((format!("{name}_env"), variable));
        }
        Ok((name, value))
    };
    config.into_iter().map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_in_the_file_is_found_wherever_it_can_stand() {
        let config = json!({"fields":[{"name":"v","embed":{"model_config":{"api_key":"k"}}}]});
        for (kind, object, expected) in [
            (Kind::Key, json!({"value":"k"}), Some("value")),
            (Kind::Key, json!({"value_env":"K","value_prefix":"k"}), None),
            (Kind::Limit, json!({"api_keys":[".*","k"]}), Some("api_keys")),
            (Kind::Limit, json!({"api_keys":[".*"]}), None),
            (Kind::Collection, config, Some("api_key")),
            (Kind::Preset, json!({"name":"p","value":{"q":"*"}}), None),
        ] {
            assert_eq!(in_plain(kind, &object), expected, "{object}");
        }
    }

    #[test]
    fn values_come_from_the_environment_and_all_else_stays() {
        // Cargo sets these for every test.
        let name = env!("CARGO_PKG_NAME");
        let raw = r#"{"value_env":"CARGO_PKG_NAME","n":1.10,"m":[{"api_keys_env":["CARGO_PKG_NAME"]}],"x_env":"y"}"#;
        let expected =
            format!(r#"{{"value":"{name}","n":1.10,"m":[{{"api_keys":["{name}"]}}],"x_env":"y"}}"#);
        let object = |kind| Object::new(kind, None, r#"{"name":"n"}"#).unwrap();
        assert_eq!(filled(&object(Kind::Key), raw).unwrap(), expected);
        assert_eq!(filled(&object(Kind::Preset), raw).unwrap(), raw);
        let missing =
            filled(&object(Kind::Collection), r#"{"value_env":"TS_NOT_SET_ANYWHERE"}"#).unwrap_err();
        assert_eq!(missing.kind, "no-value");
        let expected = "collection n: value_env: the environment variable TS_NOT_SET_ANYWHERE is not set";
        assert!(missing.message.starts_with(expected), "{}", missing.message);
    }

    #[test]
    fn credentials_of_models_are_named_and_come_back() {
        let field = |config: &str| {
            format!(r#"[{{"name":"v","embed":{{"from":["a"],"model_config":{{{config}}}}},"n":1.10}}]"#)
        };
        let shown = field(r#""api_key":"sk-a****","model_name":"openai/m-3""#);
        let named = field(r#""api_key_env":"OPENAI_API_KEY","model_name":"openai/m-3""#);
        assert_eq!(named_in_models(&shown).unwrap(), named);
        let collection = serde_json::from_str(&format!(r#"{{"fields":{named}}}"#)).unwrap();
        assert_eq!(in_plain(Kind::Collection, &collection), None);
    }
}
