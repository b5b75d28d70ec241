//! Records and the rows of a report brought together, in no order and in bounded memory: both are split by their keys into
//! parts on disk, and one part of the rows is held at a time.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};

use anyhow::{Context as _, Result};
use common::input::{Item, JsonLines};
use common::s3::encoded_key;

use super::report::Row;

/// Bytes of records in one part, as long as [`MOST`] parts are enough: up to 8 GiB of records.
const PART: u64 = 32 << 20;
/// Parts, each of them two open files.
const MOST: u64 = 256;

const CANNOT: &str = "cannot use a temporary file";

/// Records that wait for their rows.
pub struct Join {
    hasher: RandomState,
    records: Vec<File>,
    rows: Vec<BufWriter<File>>,
}

/// One part: all rows of its records.
pub struct Part {
    rows: HashMap<(String, String), Row>,
    /// Its records.
    pub records: JsonLines<BufReader<File>>,
}

impl Join {
    /// Splits records by the key that `key` finds in each.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn new(records: File, key: impl Fn(&common::Record) -> Option<String>) -> Result<Self> {
        let bytes = records.metadata().context(CANNOT)?.len();
        Self::with_parts(records, key, (bytes / PART + 1).min(MOST))
    }

    fn with_parts(
        records: File,
        key: impl Fn(&common::Record) -> Option<String>,
        parts: u64,
    ) -> Result<Self> {
        let hasher = RandomState::new();
        let mut split = files(parts)?;
        let rows = files(parts)?;
        for item in JsonLines::new(BufReader::new(records)) {
            if let Item::Record(record) = item.context(CANNOT)?
                && let Some(key) = key(&record)
            {
                let part = place(&hasher, &encoded_key(&key).to_string(), split.len());
                split[part].write_all(&record.into_line()).context(CANNOT)?;
            }
        }
        let records = split.into_iter().map(rewound).collect::<Result<_>>()?;
        Ok(Self { hasher, records, rows })
    }

    /// Puts a row where the records are that it may be of. Whether its key is encoded cannot be seen, so it is taken for
    /// both where that differs.
    ///
    /// # Errors
    /// When a temporary file cannot be used.
    pub fn add(&mut self, row: &Row) -> Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        let parts = self.rows.len();
        let as_encoded = place(&self.hasher, &row.key, parts);
        let as_it_is = place(&self.hasher, &encoded_key(&row.key).to_string(), parts);
        self.rows[as_encoded].write_all(&line).context(CANNOT)?;
        if as_it_is != as_encoded {
            self.rows[as_it_is].write_all(&line).context(CANNOT)?;
        }
        Ok(())
    }

    /// The parts, one after the other.
    pub fn parts(self) -> impl Iterator<Item = Result<Part>> {
        self.records.into_iter().zip(self.rows).map(|(records, rows)| {
            let rows = BufReader::new(rewound(rows)?).lines().map(|line| {
                let row: Row = serde_json::from_str(&line.context(CANNOT)?)?;
                Ok(((row.key.clone(), row.version_id.clone()), row))
            });
            Ok(Part { rows: rows.collect::<Result<_>>()?, records: JsonLines::new(BufReader::new(records)) })
        })
    }
}

impl Part {
    /// The row of a version.
    pub fn row(&self, key: &str, version_id: &str) -> Option<&Row> {
        let find = |key: String| self.rows.get(&(key, version_id.to_owned()));
        find(encoded_key(key).to_string()).or_else(|| find(key.to_owned()))
    }
}

fn place(hasher: &RandomState, encoded: &str, parts: usize) -> usize {
    let parts = parts as u64;
    usize::try_from(hasher.hash_one(encoded) % parts).unwrap_or_default()
}

fn files(count: u64) -> Result<Vec<BufWriter<File>>> {
    (0..count).map(|_| Ok(BufWriter::new(tempfile::tempfile().context(CANNOT)?))).collect()
}

fn rewound(file: BufWriter<File>) -> Result<File> {
    let mut file = file.into_inner().map_err(io::IntoInnerError::into_error).context(CANNOT)?;
    file.rewind().context(CANNOT)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::Record;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Key {
        key: String,
    }

    fn key(record: &Record) -> Option<String> {
        record.view::<Key>().ok().map(|found| found.key)
    }

    fn row(key: &str, version_id: &str) -> Row {
        Row {
            key: key.into(),
            version_id: version_id.into(),
            succeeded: true,
            code: String::new(),
            status: Some(200),
            message: version_id.into(),
        }
    }

    proptest! {
        #[test]
        fn every_record_meets_its_row_and_no_other(
            keys in prop::collection::btree_set("[a%+ 20é/]{1,4}", 1..40), parts in 1u64..9, encoded: bool,
        ) {
            let mut file = tempfile::tempfile().unwrap();
            for key in &keys {
                file.write_all(&Record::from_value(&serde_json::json!({"key": key})).unwrap().into_line()).unwrap();
            }
            file.rewind().unwrap();
            let mut join = Join::with_parts(file, key, parts).unwrap();
            // Every second key has a row, under a version id of its own.
            for key in keys.iter().step_by(2) {
                let told = if encoded { encoded_key(key).to_string() } else { key.clone() };
                join.add(&row(&told, &format!("v of {key}"))).unwrap();
            }
            let mut met = Vec::new();
            for part in join.parts() {
                let mut part = part.unwrap();
                while let Some(Ok(Item::Record(record))) = part.records.next() {
                    let key = key(&record).unwrap();
                    let row = part.row(&key, &format!("v of {key}"));
                    let told = format!("v of {key}");
                    prop_assert!(row.is_none_or(|row| row.message == told));
                    met.push((key, row.is_some()));
                }
            }
            met.sort();
            let expected: Vec<_> = keys.iter().cloned().zip([true, false].into_iter().cycle()).collect();
            prop_assert_eq!(met, expected);
        }
    }
}
