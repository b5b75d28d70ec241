//! All that a cluster has, as a file that `apply` takes and people can read and commit.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Result, anyhow};
use common::Ctx;
use common::pipe::Out;
use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli;
use crate::document::VERSION;
use crate::kind::Kind;
use crate::layout::laid_out;
use crate::object::Object;
use crate::secret;
use crate::view::View;

/// Writes the file to stdout.
///
/// # Errors
/// The cluster does not tell something: a file that lacks what nobody knows of is worse than none.
pub async fn export(flags: cli::Export, ctx: Ctx) -> Result<()> {
    let mut view = View::new(flags.cluster.connect(&ctx).await?).await?;
    let out = Out::start()?;
    let document = document(&mut view, &ctx).await?;
    // Not sent where stdout is closed, and finishing says so.
    let _ = out.lines().send(laid_out(&document).into_bytes()).await;
    out.finish().await
}

async fn document(view: &mut View, ctx: &Ctx) -> Result<String> {
    let names = Names::new(view.list(Kind::Key, None).await?);
    let release = view.release;
    let mut sections = vec![format!("{}:{}", Value::from(VERSION), Value::from(release.to_string()))];
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_in(release)) {
        let section = if kind.is_within_collection() {
            let mut lists = BTreeMap::new();
            for collection in collections(view).await? {
                let list = view.list(kind, Some(&collection)).await?;
                count(ctx, list);
                if !list.is_empty() {
                    lists.insert(collection, array(list, &names)?);
                }
            }
            let lists: Vec<_> =
                lists.iter().map(|(name, list)| format!("{}:{list}", Value::from(name.as_str()))).collect();
            format!("{{{}}}", lists.join(","))
        } else {
            let list = view.list(kind, None).await?;
            count(ctx, list);
            array(list, &names)?
        };
        sections.push(format!("{}:{section}", Value::from(kind.section())));
        if ctx.stop.is_cancelled() {
            return Err(anyhow!("stopped before everything was read"));
        }
    }
    Ok(format!("{{{}}}", sections.join(",")))
}

fn count(ctx: &Ctx, list: &[Object]) {
    ctx.counts.read(list.len() as u64);
    ctx.counts.done(list.len() as u64);
}

/// The names of all collections.
///
/// # Errors
/// The cluster does not tell.
pub async fn collections(view: &mut View) -> Result<Vec<String>> {
    Ok(view.list(Kind::Collection, None).await?.iter().map(|collection| collection.name.clone()).collect())
}

/// Objects by name, so that two exports differ only where the cluster does.
fn array(objects: &[Object], names: &Names) -> Result<String> {
    let mut objects: Vec<_> = objects.iter().collect();
    objects.sort_by_key(|object| (&object.name, object.value.get("id").and_then(Value::as_u64)));
    let objects: Vec<_> = objects.into_iter().map(|object| exported(object, names)).collect::<Result<_>>()?;
    Ok(format!("[{}]", objects.join(",")))
}

/// An object as the file has it: without what counts or numbers it in this cluster alone, and without secrets.
///
/// # Errors
/// It is no object.
pub fn exported(object: &Object, names: &Names) -> Result<String> {
    if !matches!(object.kind, Kind::Collection | Kind::Key | Kind::Limit) {
        return Ok(object.raw.clone());
    }
    let mut members: IndexMap<String, Box<RawValue>> = serde_json::from_str(&object.raw)?;
    match object.kind {
        Kind::Collection => {
            members.retain(|name, _| !matches!(name.as_str(), "created_at" | "num_documents"));
            if let Some(fields) = members.get_mut("fields") {
                *fields = RawValue::from_string(secret::named_in_models(fields.get())?)?;
            }
        }
        Kind::Key => {
            members.shift_remove("id");
            members.insert("value_env".to_owned(), raw(names.of_key(object).into())?);
        }
        _ => {
            let keys = object.value.get("api_keys").and_then(Value::as_array);
            if let Some(variables) = keys.and_then(|keys| names.of_limited(keys)) {
                members.shift_remove("api_keys");
                members.insert("api_keys_env".to_owned(), raw(variables.into())?);
            }
        }
    }
    Ok(serde_json::to_string(&members)?)
}

fn raw(value: Value) -> Result<Box<RawValue>> {
    Ok(RawValue::from_string(value.to_string())?)
}

/// The environment variables in which `apply` will look for the values of a cluster's keys.
pub struct Names {
    /// The prefix of a key's value, its number in the cluster, and its variable.
    keys: Vec<(String, u64, String)>,
}

impl Names {
    /// A variable for each key, named for its description; of keys with the same one, the newer have a number.
    pub fn new(keys: &[Object]) -> Self {
        let number = |key: &Object| key.value.get("id").and_then(Value::as_u64).unwrap_or_default();
        let mut keys: Vec<_> = keys.iter().collect();
        keys.sort_by_key(|key| number(key));
        let mut taken = HashSet::new();
        let keys = keys.into_iter().map(|key| {
            let start = secret::variable(&["TS_KEY", &key.name]);
            let mut name = start.clone();
            for count in 2.. {
                if taken.insert(name.clone()) {
                    break;
                }
                name = format!("{start}_{count}");
            }
            (key.text("value_prefix").to_owned(), number(key), name)
        });
        Self { keys: keys.collect() }
    }

    fn of_key(&self, key: &Object) -> &str {
        let number = key.value.get("id").and_then(Value::as_u64).unwrap_or_default();
        self.keys.iter().find(|(_, other, _)| *other == number).map_or("", |(_, _, name)| name)
    }

    /// The variables of the keys in a limit, or none where all of them may be shown.
    fn of_limited(&self, values: &[Value]) -> Option<Vec<Value>> {
        if values.iter().all(|value| value.as_str() == Some(secret::ANY_KEY)) {
            return None;
        }
        let name = |value: &Value| {
            let value = value.as_str().unwrap_or_default();
            let mut alike =
                self.keys.iter().filter(|(prefix, _, _)| !prefix.is_empty() && value.starts_with(prefix));
            match (alike.next(), alike.next()) {
                (Some((_, _, name)), None) => name.as_str(),
                // Of which key it is, four characters do not say.
                _ => "TS_KEY_OF_LIMIT",
            }
        };
        Some(values.iter().map(|value| name(value).into()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: Kind, raw: &str) -> Object {
        Object::new(kind, None, raw).unwrap()
    }

    fn key(id: u64, description: &str, prefix: &str) -> Object {
        let key = serde_json::json!({"id":id,"description":description,"value_prefix":prefix});
        object(Kind::Key, &key.to_string())
    }

    #[test]
    fn keys_of_one_description_have_variables_of_their_own() {
        let keys =
            [key(3, "Search-only (web)", "cccc"), key(1, "search only web", "aaaa"), key(2, "", "bbbb")];
        let names = Names::new(&keys);
        let of: Vec<_> = keys.iter().map(|key| names.of_key(key)).collect();
        assert_eq!(of, ["TS_KEY_SEARCH_ONLY_WEB_2", "TS_KEY_SEARCH_ONLY_WEB", "TS_KEY"]);
        let exported = exported(&keys[1], &names).unwrap();
        assert_eq!(
            exported,
            r#"{"description":"search only web","value_prefix":"aaaa","value_env":"TS_KEY_SEARCH_ONLY_WEB"}"#
        );
    }

    #[test]
    fn no_key_of_a_limit_is_shown() {
        let names = Names::new(&[key(0, "a", "aaaa"), key(1, "b", "bbbb"), key(2, "c", "bbbb")]);
        for (keys, expected) in [
            (r#"[".*"]"#, r#""api_keys":[".*"]"#),
            (r#"["aaaa1","bbbb2"]"#, r#""api_keys_env":["TS_KEY_A","TS_KEY_OF_LIMIT"]"#),
        ] {
            let limit = object(Kind::Limit, &format!(r#"{{"action":"throttle","api_keys":{keys}}}"#));
            assert_eq!(exported(&limit, &names).unwrap(), format!(r#"{{"action":"throttle",{expected}}}"#));
        }
    }

    #[test]
    fn a_collection_keeps_all_but_its_counts() {
        let raw = r#"{"created_at":1,"fields":[{"n":1.10}],"name":"c","num_documents":7,"z":123456789012345678901234567890}"#;
        let exported = exported(&object(Kind::Collection, raw), &Names::new(&[])).unwrap();
        assert_eq!(exported, r#"{"fields":[{"n":1.10}],"name":"c","z":123456789012345678901234567890}"#);
    }
}
