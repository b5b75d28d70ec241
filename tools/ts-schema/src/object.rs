//! One object of a schema, wanted or found.

use common::{Record, Reject, Usage};
use serde_json::Value;

use crate::kind::Kind;

/// An object that is wanted, or that a cluster has.
#[derive(Clone, Debug)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name or id; a key's description; what a limit limits.
    pub name: String,
    /// The collection that it belongs to.
    pub collection: Option<String>,
    /// The object as it came.
    pub raw: String,
    /// The same, to look into.
    pub value: Value,
}

impl Object {
    /// Reads one object of a section.
    ///
    /// # Errors
    /// A reject when it is no object or has no name.
    pub fn new(kind: Kind, collection: Option<&str>, raw: &str) -> Result<Self, Reject> {
        let value: Value =
            serde_json::from_str(raw).map_err(|error| Reject::bad_record(error.to_string()))?;
        let name = match kind.identity() {
            Some(member) => value.get(member).and_then(Value::as_str).map(str::to_owned),
            None if !value.is_object() => None,
            None if kind == Kind::Key => {
                Some(value.get("description").and_then(Value::as_str).unwrap_or_default().to_owned())
            }
            None => Some(limited(&value)),
        };
        let name = name.ok_or_else(|| {
            let member = kind.identity().unwrap_or("description");
            Reject::bad_record(format!("{}: an object with a {member} is expected", kind.section()))
        })?;
        Ok(Self { kind, name, collection: collection.map(str::to_owned), raw: raw.to_owned(), value })
    }

    /// A member that is text, or nothing of it.
    pub fn text(&self, member: &str) -> &str {
        self.value.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// As people name it: `synonym coats of people`.
    pub fn title(&self) -> String {
        let of = self.collection.as_ref().map(|collection| format!(" of {collection}")).unwrap_or_default();
        format!("{} {}{of}", self.kind.word(), self.name)
    }
}

/// What a limit limits, without the keys.
fn limited(limit: &Value) -> String {
    let action = limit.get("action").and_then(Value::as_str).unwrap_or_default();
    let entities =
        ["ip_addresses", "api_keys_env"].into_iter().filter_map(|name| limit.get(name)?.as_array());
    let names: Vec<_> = entities.flatten().filter_map(Value::as_str).collect();
    let names = if names.is_empty() { "keys".to_owned() } else { names.join(", ") };
    format!("{action} {names}")
}

/// A file of one object.
///
/// # Errors
/// The object is not JSON.
pub fn alone(kind: Kind, collection: Option<&str>, raw: &str) -> Result<Record, Usage> {
    let list = format!("[{raw}]");
    let section = match collection {
        Some(collection) => format!("{{{}:{list}}}", Value::from(collection)),
        None => list,
    };
    Record::parse(format!("{{{}:{section}}}", Value::from(kind.section()))).map_err(Usage::Wrong)
}
