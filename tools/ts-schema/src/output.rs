//! Records: what became of each object.

use anyhow::Result;
use common::Record;
use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::object::Object;

/// What was done, or would be.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It was as it is wanted.
    Already,
    /// It was made.
    Created,
    /// It differs: a new collection was made beside it.
    Migrated,
    /// It differed, and was overwritten.
    Replaced,
    /// An alias points elsewhere now.
    Swapped,
    /// An alias is gone that was not there before.
    Deleted,
}

/// What became of an object: the field `schema` of its record.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// What was done.
    pub action: Action,
    /// The collection that stands for this one, where its name is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Where an alias points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_name: Option<String>,
    /// What was there before and was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// How many documents the collection has that a swap is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_documents: Option<u64>,
    /// Whether an earlier run did it, and the journal says so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// Whether nothing was changed, because that was not wanted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Why the journal did not take what was done.
    #[serde(skip)]
    pub unjournaled: Option<anyhow::Error>,
}

/// What was there before.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Previous {
    /// The collection that an alias pointed to; none where there was no alias.
    Target(Option<String>),
    /// The object that was overwritten.
    Object(Box<serde_json::value::RawValue>),
}

impl Outcome {
    /// An outcome that needs no more words.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            collection: None,
            collection_name: None,
            previous: None,
            num_documents: None,
            replayed: false,
            dry_run: false,
            unjournaled: None,
        }
    }
}

#[derive(Serialize)]
struct Line<'a> {
    kind: Kind,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    collection: Option<&'a str>,
    schema: &'a Outcome,
}

/// The record of an object.
///
/// # Errors
/// Never in practice: it is all text.
pub fn record(object: &Object, schema: &Outcome) -> Result<Record> {
    let Object { kind, name, collection, .. } = object;
    Record::from_value(&Line { kind: *kind, name, collection: collection.as_deref(), schema })
}

/// The record of an alias.
///
/// # Errors
/// As [`record`].
pub fn alias(name: &str, schema: &Outcome) -> Result<Record> {
    Record::from_value(&Line { kind: Kind::Alias, name, collection: None, schema })
}
