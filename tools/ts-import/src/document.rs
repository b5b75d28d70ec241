//! The id of a document.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What a document has as its id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Id<'a> {
    /// A string with something in it.
    Text(Cow<'a, str>),
    /// Nothing.
    Missing,
    /// Something that Typesense takes for no id.
    Wrong,
}

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
}

/// Also a `null` is there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The id in the JSON text of a document.
///
/// # Errors
/// It is there twice.
pub fn id_of(text: &str) -> Result<Id<'_>, String> {
    let identified: Identified<'_> = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        message.split(" at line ").next().unwrap_or_default().to_owned()
    })?;
    let Some(id) = identified.id else {
        return Ok(Id::Missing);
    };
    Ok(match serde_json::from_str::<Text<'_>>(id.get()) {
        Ok(Text(id)) if !id.is_empty() => Id::Text(id),
        _ => Id::Wrong,
    })
}

/// The document in words for a message: by its id, where it has one.
pub fn named(text: &str) -> String {
    match id_of(text) {
        Ok(Id::Text(id)) => format!("document {id:?}"),
        _ => "a document without id".to_owned(),
    }
}
