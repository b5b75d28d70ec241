//! What is written: a record for each table, and one for each row that differs.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::board::Side;
use crate::tables::Table;

/// The name of the hash that records have in `algorithm`.
pub const ALGORITHM: &str = "pgvh1";

/// What a table's hash begins with, for columns given by name and type in the order of the tuples' fields: the name of the
/// hash; the number of columns; for each its name and its type, each after its length in bytes. Numbers have 32 bits and
/// are little-endian.
fn head<'a>(columns: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let mut head = ALGORITHM.as_bytes().to_vec();
    head.extend(length(columns.len()));
    for (name, kind) in columns {
        for text in [name, kind] {
            head.extend(length(text.len()));
            head.extend(text.as_bytes());
        }
    }
    head
}

/// How tables are hashed in this run, as far as it decides whether two hashes can be compared.
#[derive(Clone, Debug, Default)]
pub struct How {
    /// Rows are only counted.
    pub counts: bool,
    /// The condition of `--where`.
    pub condition: Option<String>,
    /// Whether ids of types were erased.
    pub portable: bool,
}

/// A table, and what it holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TableRecord {
    /// Schema and name as SQL takes them.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// The hash over all of them; nothing where they were only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// How it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// The columns that are in the hash, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Columns that are in the hash as text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text_columns: Vec<String>,
    /// The condition for rows, if there was one.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Whether ids of types were erased.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub portable: bool,
    /// Bytes of the rows as the server sent them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// Whether the other copy holds the same; nothing where there was no other.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub matches: Option<bool>,
    /// What the other copy holds, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
}

/// The other copy of a table.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Against {
    /// How many rows it has.
    pub rows: u64,
    /// Its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl TableRecord {
    /// The record of what one side has in a table.
    pub fn new(table: &Table, side: &Side, how: &How) -> Self {
        let names = |text_only: bool| {
            let columns = table.columns.iter().filter(|column| !text_only || column.is_text);
            columns.map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        let columns = table.columns.iter().map(|column| (column.name.as_str(), column.kind.as_str()));
        let hashed = !how.counts;
        Self {
            table: table.name.clone(),
            rows: side.digest.count(),
            hash: hashed.then(|| side.digest.close(&head(columns))),
            algorithm: hashed.then(|| ALGORITHM.to_owned()),
            columns: if hashed { names(false) } else { Vec::new() },
            text_columns: if hashed { names(true) } else { Vec::new() },
            condition: how.condition.clone(),
            portable: how.portable,
            bytes: side.bytes,
            matches: None,
            against: None,
        }
    }
}

/// How a row differs, as seen from the database that is validated.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the other database has it.
    Missing,
    /// Only this database has it.
    Extra,
    /// Both have a row of this key, with other values.
    Changed,
}

/// A row that differs.
#[derive(Clone, Debug, Serialize)]
pub struct RowRecord<'a> {
    /// The table.
    pub table: &'a str,
    /// Its primary key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a RawValue>,
    /// The whole row, where the table has no primary key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<&'a RawValue>,
    /// How it differs.
    pub change: Change,
    /// The columns whose values differ, where both have the row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<&'a str>,
    /// How many such rows there are more on one side, where there can be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_of_columns_show() {
        let head = |columns: &[(&'static str, &'static str)]| head(columns.iter().copied());
        let all = [
            head(&[]),
            head(&[("a", "text")]),
            head(&[("a", "bytea")]),
            head(&[("at", "ext")]),
            head(&[("a", "text"), ("", "")]),
        ];
        for (n, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(n));
        }
    }
}
