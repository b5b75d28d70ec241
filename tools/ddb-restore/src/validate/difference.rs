//! The items in which two tables differ, by their keys.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, anyhow};
use common::{Record, Reject};
use serde::Serialize;
use serde_json::value::RawValue;

use super::canonical;

/// An item that one table has and the other has not, or not so.
pub struct Found {
    /// The canonical form of its key.
    id: Vec<u8>,
    /// Its key as DynamoDB JSON.
    key: Box<RawValue>,
    /// A hash of the value of each attribute.
    attributes: BTreeMap<String, [u8; 32]>,
}

/// How an item differs, as seen from the table that is validated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Missing,
    Extra,
    Changed,
}

#[derive(Serialize)]
struct ItemRecord<'a> {
    from: &'a str,
    to: &'a str,
    key: &'a RawValue,
    change: Change,
    /// The attributes that differ, where both tables have the item.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<&'a str>,
}

impl Found {
    /// What is kept of an item, given as DynamoDB JSON, of a table with this key.
    ///
    /// # Errors
    /// It is no item, or has no such key.
    pub fn of(item: &str, key: &[(String, String)]) -> Result<Self> {
        let values: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_str(item).context("an item cannot be read")?;
        let mut id = Vec::new();
        let mut pairs = Vec::new();
        for (name, _) in key {
            let value = values
                .get(name.as_str())
                .ok_or_else(|| anyhow!("an item has no {name}, which is its key"))?;
            canonical::value(value.get(), &mut id)?;
            pairs.push(format!("{}:{}", serde_json::to_string(name)?, value.get()));
        }
        let hashed = |(name, value): (Cow<'_, str>, &RawValue)| {
            let mut bytes = Vec::new();
            canonical::value(value.get(), &mut bytes)?;
            Ok((name.into_owned(), *blake3::hash(&bytes).as_bytes()))
        };
        let key = RawValue::from_string(format!("{{{}}}", pairs.join(",")))?;
        Ok(Self { id, key, attributes: values.into_iter().map(hashed).collect::<Result<_>>()? })
    }

    /// The names of attributes that are not the same in both.
    fn differing<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
        let names: BTreeSet<&str> =
            self.attributes.keys().chain(other.attributes.keys()).map(String::as_str).collect();
        names.into_iter().filter(|name| self.attributes.get(*name) != other.attributes.get(*name)).collect()
    }
}

/// What is told of each item that differs between two tables: what only `from` has, what only `to` has, and what both
/// have under one key, in the order of the keys' bytes.
///
/// # Errors
/// A record cannot be written.
pub fn told(from: (&str, Vec<Found>), to: (&str, Vec<Found>)) -> Result<Vec<(Reject, Record)>> {
    let by_id = |found: Vec<Found>| found.into_iter().map(|found| (found.id.clone(), found)).collect();
    let (source, ours): (BTreeMap<_, Found>, BTreeMap<_, Found>) = (by_id(from.1), by_id(to.1));
    let (from, to) = (from.0, to.0);
    let ids: BTreeSet<&Vec<u8>> = source.keys().chain(ours.keys()).collect();
    let told = ids.into_iter().filter_map(|id| match (source.get(id), ours.get(id)) {
        (Some(theirs), Some(ours)) => {
            let attributes = theirs.differing(ours);
            let message = format!("an item has other values in {to} than in {from}");
            // An item that was written meanwhile may be the same by now.
            (!attributes.is_empty()).then_some((ours, Change::Changed, attributes, "item-changed", message))
        }
        (Some(theirs), None) => {
            let message = format!("an item of {from} is missing in {to}");
            Some((theirs, Change::Missing, Vec::new(), "item-missing", message))
        }
        (None, Some(ours)) => {
            let message = format!("an item of {to} is not in {from}");
            Some((ours, Change::Extra, Vec::new(), "item-extra", message))
        }
        (None, None) => None,
    });
    let written = told.map(|(found, change, attributes, kind, message)| {
        let record = Record::from_value(&ItemRecord { from, to, key: &found.key, change, attributes })?;
        Ok((Reject::new(kind, message), record))
    });
    written.collect()
}
