//! Rows of a data file in CSV and gzip: no header, keys encoded as in a URL.

use std::io::Read;

use anyhow::{Context, Result, anyhow, ensure};
use common::s3::{Entry, decoded_key};
use csv::ByteRecord;
use flate2::read::MultiGzDecoder;

use super::intake::{Intake, algorithms};
use super::schema::Field;

/// Takes every row of the file in.
///
/// # Errors
/// When the file breaks off, or one row of it cannot be read: an answer may hang on that row.
pub fn read(file: impl Read, columns: &[Option<Field>], intake: &mut Intake) -> Result<()> {
    let text = MultiGzDecoder::new(file);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let mut row = ByteRecord::new();
    while reader.read_byte_record(&mut row).context("not whole CSV in gzip")? {
        let line = row.position().map_or(0, csv::Position::line);
        take(&row, columns, intake).with_context(|| format!("line {line}"))?;
    }
    Ok(())
}

fn take(row: &ByteRecord, columns: &[Option<Field>], intake: &mut Intake) -> Result<()> {
    ensure!(
        row.len() == columns.len(),
        "{} cells where the manifest has {} columns",
        row.len(),
        columns.len()
    );
    let mut entry = Entry::default();
    for (cell, field) in row.iter().zip(columns) {
        let Some(field) = field else { continue };
        let cell = str::from_utf8(cell).with_context(|| format!("{field:?} is not UTF-8"))?;
        let given = (!cell.is_empty()).then(|| cell.to_owned());
        match field {
            Field::Bucket => intake.of_bucket(cell)?,
            Field::Key => {
                entry.key = decoded_key(cell.to_owned())?;
                if !intake.wants(&entry.key) {
                    return Ok(());
                }
            }
            Field::VersionId => entry.version_id = cell.to_owned(),
            Field::IsLatest => {
                entry.is_latest = flag(cell).with_context(|| format!("IsLatest is {cell:?}"))?
            }
            Field::IsDeleteMarker => {
                entry.delete_marker = flag(cell).with_context(|| format!("IsDeleteMarker is {cell:?}"))?;
            }
            Field::Size => {
                entry.size =
                    given.map(|size| size.parse().map_err(|_| anyhow!("Size is {size:?}"))).transpose()?;
            }
            Field::LastModified => entry.last_modified = cell.to_owned(),
            Field::Etag => entry.etag = given,
            Field::StorageClass => entry.storage_class = given.map(Into::into),
            Field::ChecksumAlgorithm => entry.checksum_algorithm = algorithms(cell),
            Field::Owner => entry.owner = given.map(Into::into),
        }
    }
    let time = entry.instant()?;
    intake.take(entry, time)
}

fn flag(cell: &str) -> Option<bool> {
    match cell {
        _ if cell.eq_ignore_ascii_case("true") => Some(true),
        _ if cell.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
