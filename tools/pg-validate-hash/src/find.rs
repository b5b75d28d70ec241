//! The second scan of a comparison: rows that the other side does not have, by their keys.

use std::collections::HashMap;

use anyhow::{Result, anyhow};
use common::digest::sketch::Fingerprint;
use serde_json::value::RawValue;
use tokio_postgres::Client;

use crate::scan::tuple::field;
use crate::tables::{Leaf, Table};

/// Bytes of a ctid as the last field of a tuple, with its length.
const PLACE: usize = 4 + 6;

/// Rows whose keys are asked for in one statement.
const BATCH: usize = 1000;

/// A row that the second scan met.
#[derive(Debug)]
pub struct Candidate {
    /// How often it was met.
    pub count: u64,
    place: String,
    columns: Vec<[u8; 16]>,
}

impl Candidate {
    /// A row at a place, not counted yet.
    pub fn new(place: String, row: &[u8]) -> Self {
        let mut columns = Vec::new();
        let mut at = 2;
        while let Some((value, next)) = field(row, at) {
            let mut hasher = blake3::Hasher::new();
            // A null and an empty value are two things.
            hasher.update(&[u8::from(value.is_some())]).update(value.unwrap_or_default());
            columns.push(*hasher.finalize().as_bytes().first_chunk().unwrap_or(&[0; 16]));
            at = next;
        }
        Self { count: 0, place, columns }
    }
}

/// A row that one side has and the other has not.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it was found by.
    pub fingerprint: Fingerprint,
    /// Its primary key as a JSON object, or the whole row where the table has none.
    pub key: Box<RawValue>,
    /// A hash of each value, in the order of the table's columns.
    pub columns: Vec<[u8; 16]>,
}

/// A tuple without the ctid at its end, which is given as SQL writes it.
pub fn split(tuple: &[u8]) -> Option<(Vec<u8>, String)> {
    let (row, place) = tuple.split_at_checked(tuple.len().checked_sub(PLACE)?)?;
    let count = i16::from_be_bytes(*row.first_chunk()?).checked_sub(1)?;
    let (block, rest) = place.get(4..)?.split_first_chunk::<4>()?;
    let item = u16::from_be_bytes(*rest.first_chunk()?);
    let mut row = row.to_vec();
    row.get_mut(..2)?.copy_from_slice(&count.to_be_bytes());
    Some((row, format!("({},{item})", u32::from_be_bytes(*block))))
}

/// Asks for the keys of candidates, in as few statements as their number allows.
///
/// # Errors
/// The server's answer, or a row that is not where it was.
pub async fn named(
    client: &Client,
    table: &Table,
    leaf: &Leaf,
    candidates: HashMap<Fingerprint, Candidate>,
) -> Result<Vec<Found>> {
    let candidates: Vec<_> = candidates.into_iter().collect();
    let all: Vec<_> = table.columns.iter().map(|column| column.quoted.clone()).collect();
    let columns = if table.key.is_empty() { &all } else { &table.key }.join(", ");
    let sql = format!(
        "select ctid::text, (select row_to_json(k)::text from (select {columns}) k) from only {} \
         where ctid = any($1::text[]::tid[])",
        leaf.name
    );
    let mut found = Vec::with_capacity(candidates.len());
    for batch in candidates.chunks(BATCH) {
        let places: Vec<&str> = batch.iter().map(|(_, candidate)| candidate.place.as_str()).collect();
        let rows = client.query(&sql, &[&places]).await?;
        let keys = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let mut keys: HashMap<String, String> = keys.collect::<Result<_>>()?;
        for (fingerprint, candidate) in batch {
            let key = keys.remove(&candidate.place);
            let key = key.ok_or_else(|| anyhow!("{}: a row is not where it was", leaf.name))?;
            found.push(Found {
                fingerprint: *fingerprint,
                // Values of type json keep their line ends, and those stand between tokens only.
                key: RawValue::from_string(key.replace(['\n', '\r'], " "))?,
                columns: candidate.columns.clone(),
            });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ctid_is_taken_off_the_end() {
        let tuple = b"\0\x02\0\0\0\x01a\0\0\0\x06\0\x01\0\0\0\x07";
        let (row, place) = split(tuple).unwrap();
        assert_eq!((&row[..], place.as_str()), (&b"\0\x01\0\0\0\x01a"[..], "(65536,7)"));
        assert_eq!(split(b"\0\x01\0"), None);
    }

    #[test]
    fn each_value_has_its_own_hash() {
        let row = b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0";
        let columns = Candidate::new(String::new(), row).columns;
        assert_eq!(columns.len(), 3);
        assert!(columns[0] != columns[1] && columns[1] != columns[2]);
    }
}
