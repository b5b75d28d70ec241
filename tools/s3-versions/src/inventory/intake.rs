//! The rows that are wanted, on their way from the data files to the sort.

use std::mem;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use common::Ctx;
use common::s3::Entry;
use jiff::Timestamp;

use super::row;
use super::sort::{Batch, Sorter};
use crate::select::Select;

/// Rows are counted by so many.
const COUNTED: u64 = 1000;

/// Which rows of a report are wanted.
pub struct Wanted {
    pub bucket: String,
    pub prefix: String,
    pub select: Select,
}

/// Takes the rows of one data file.
pub struct Intake {
    ctx: Ctx,
    wanted: Arc<Wanted>,
    sorter: Arc<Sorter>,
    batch: Batch,
    rows: u64,
    kept: u64,
}

impl Intake {
    /// Goes on with a batch that may hold rows of other files.
    pub fn new(ctx: Ctx, wanted: Arc<Wanted>, sorter: Arc<Sorter>, batch: Batch) -> Self {
        Self { ctx, wanted, sorter, batch, rows: 0, kept: 0 }
    }

    /// Makes sure that a row is of the report's bucket.
    ///
    /// # Errors
    /// When it is of another.
    pub fn of_bucket(&self, bucket: &str) -> Result<()> {
        ensure!(bucket == self.wanted.bucket, "a row of the bucket {bucket}, not {}", self.wanted.bucket);
        Ok(())
    }

    /// Whether a row with this key is to be taken; asked once for each row.
    pub fn wants(&mut self, key: &str) -> bool {
        self.rows += 1;
        if self.rows.is_multiple_of(COUNTED) {
            self.ctx.counts.read(COUNTED);
        }
        key.starts_with(&self.wanted.prefix) && self.wanted.select.key(key)
    }

    /// Takes a row as the report has it.
    ///
    /// # Errors
    /// When there is no key, or the sort cannot take more.
    pub fn take(&mut self, mut entry: Entry, time: Timestamp) -> Result<()> {
        ensure!(!entry.key.is_empty(), "an empty key");
        if entry.version_id.is_empty() {
            // S3 user guide, "Converting empty version ID strings": a null version has an empty id in a report.
            entry.version_id = "null".into();
        }
        if entry.delete_marker {
            (entry.size, entry.etag, entry.storage_class) = (None, None, None);
        } else {
            entry
                .size
                .with_context(|| format!("no Size of version {} of {}", entry.version_id, entry.key))?;
        }
        // A listing has the quotes that belong to an ETag, a report has not.
        entry.etag = entry.etag.map(|etag| if etag.starts_with('"') { etag } else { format!("\"{etag}\"") });
        self.kept += 1;
        if self.batch.push(|bytes| row::encode(&entry, time, bytes))? {
            self.sorter.spill(&mut self.batch)?;
        }
        Ok(())
    }

    /// The batch with what it still holds, and how many rows were wanted.
    pub fn end(mut self) -> (Batch, u64) {
        self.ctx.counts.read(mem::take(&mut self.rows) % COUNTED);
        (self.batch, self.kept)
    }
}

/// The names of a cell of checksum algorithms, as a listing has them.
pub fn algorithms(cell: &str) -> Vec<String> {
    cell.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect()
}
