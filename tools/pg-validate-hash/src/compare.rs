//! Whether two copies of a table are the same, and how they differ.

use std::collections::HashMap;

use anyhow::Result;
use common::{Record, Reject};

use crate::board::{Finished, Wanted};
use crate::find::Found;
use crate::record::{Against, Change, RowRecord, TableRecord};
use crate::tables::Table;

/// Compares the record of a table with that of the other copy.
///
/// # Errors
/// A reject that says how they differ, or why they cannot be compared.
pub fn tables(ours: &mut TableRecord, theirs: &TableRecord) -> Result<(), Reject> {
    let incomparable = |why: String| Err(Reject::new("not-comparable", format!("{}: {why}", ours.table)));
    if ours.hash.is_some() && theirs.hash.is_none() {
        return incomparable("the other copy was only counted".into());
    }
    if ours.hash.is_some() && ours.algorithm != theirs.algorithm {
        return incomparable("the other copy has another kind of hash".into());
    }
    if ours.condition != theirs.condition {
        return incomparable("the other copy was hashed under another --where".into());
    }
    if ours.hash.is_some() && ours.portable != theirs.portable {
        return incomparable("one copy was hashed with --portable and the other was not".into());
    }
    if ours.hash.is_some() && ours.columns != theirs.columns {
        let without = |one: &[String], other: &[String]| {
            let columns = one.iter().filter(|column| !other.contains(column)).cloned();
            columns.collect::<Vec<_>>().join(", ")
        };
        let (more, less) = (without(&ours.columns, &theirs.columns), without(&theirs.columns, &ours.columns));
        let why = format!("the columns differ: only here [{more}], only in the other copy [{less}]");
        return Err(Reject::new("columns-differ", format!("{}: {why}", ours.table)));
    }
    if ours.rows == theirs.rows && (ours.hash.is_none() || ours.hash == theirs.hash) {
        ours.matches = Some(true);
        return Ok(());
    }
    ours.matches = Some(false);
    ours.against = Some(Against { rows: theirs.rows, hash: theirs.hash.clone() });
    let how = if ours.rows == theirs.rows {
        format!("{} rows in both copies, with other contents", ours.rows)
    } else {
        format!("{} rows, and {} in the other copy", ours.rows, theirs.rows)
    };
    Err(Reject::new("differs", format!("{} differs: {how}", ours.table)))
}

/// The rows in which two copies differ, as records: those that the second scan found, with how often each was wanted.
///
/// # Errors
/// A record cannot be written.
pub fn rows(table: &Table, scanned: Finished, wanted: &Wanted) -> Result<Vec<Record>> {
    let mut sides = scanned.sides.into_iter().map(|side| side.found);
    let (ours, theirs) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
    if table.key.is_empty() {
        return whole(table, ours.iter().chain(&theirs), wanted);
    }
    let mut theirs: HashMap<String, Found> =
        theirs.into_iter().map(|found| (found.key.get().to_owned(), found)).collect();
    let mut records = Vec::new();
    let mut put = |found: &Found, change, columns| {
        let key = Some(&*found.key);
        let row = RowRecord { table: &table.name, key, row: None, change, columns, count: None };
        Record::from_value(&row).map(|record| records.push(record))
    };
    for found in &ours {
        match theirs.remove(found.key.get()) {
            Some(other) => {
                let pairs = found.columns.iter().zip(&other.columns).zip(&table.columns);
                let columns = pairs.filter(|((one, other), _)| one != other);
                put(found, Change::Changed, columns.map(|(_, column)| column.name.as_str()).collect())?;
            }
            None => put(found, Change::Extra, Vec::new())?,
        }
    }
    for found in theirs.values() {
        put(found, Change::Missing, Vec::new())?;
    }
    Ok(records)
}

/// The same row can be in several leaves, and is told once.
fn whole<'a>(table: &Table, all: impl Iterator<Item = &'a Found>, wanted: &Wanted) -> Result<Vec<Record>> {
    let once: HashMap<_, _> = all.map(|found| (found.fingerprint, found)).collect();
    once.iter()
        .map(|(fingerprint, found)| {
            let count = wanted.get(fingerprint).copied().unwrap_or_default();
            let change = if count > 0 { Change::Extra } else { Change::Missing };
            let row = RowRecord {
                table: &table.name,
                key: None,
                row: Some(&found.key),
                change,
                columns: Vec::new(),
                count: Some(count.unsigned_abs()),
            };
            Record::from_value(&row)
        })
        .collect()
}
