//! Rows of a data file in Parquet, which is read from its end and so needs to be on this machine.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use common::s3::Entry;
use jiff::Timestamp;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::file::reader::{FileReader as _, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::intake::{Intake, algorithms};
use super::schema::{self, Field};

/// Rows that are read of each column before the next column.
const ROWS: usize = 1024;

/// Takes every row of the file in, by way of a file without a name in `folder`.
///
/// # Errors
/// When the file is no Parquet, lacks a column, or one row of it cannot be read: an answer may hang on that row.
pub fn read(mut file: impl Read, folder: &Path, intake: &mut Intake) -> Result<()> {
    let mut local: File = tempfile::tempfile_in(folder)
        .with_context(|| format!("cannot make a file in {}: see --tmpdir", folder.display()))?;
    io::copy(&mut file, &mut local)
        .with_context(|| format!("cannot write to {}: see --tmpdir", folder.display()))?;
    let reader = SerializedFileReader::new(local)?;
    let described = reader.metadata().file_metadata().schema_descr();
    let fields: Vec<_> =
        described.columns().iter().map(|column| schema::parquet_field(column.name())).collect();
    schema::whole(&fields)?;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let mut columns = Vec::new();
        for (place, field) in fields.iter().enumerate() {
            let Some(field) = field else { continue };
            columns.push(Column::open(&*group, place, *field, described.column(place).as_ref())?);
        }
        let mut left = usize::try_from(group.metadata().num_rows())?;
        while left > 0 {
            let count = left.min(ROWS);
            take(&mut columns, count, intake)?;
            left -= count;
        }
    }
    Ok(())
}

fn take(columns: &mut [Column], count: usize, intake: &mut Intake) -> Result<()> {
    let mut rows = vec![(Entry::default(), None); count];
    for column in columns {
        column.read(&mut rows, intake)?;
    }
    for (entry, time) in rows {
        if intake.wants(&entry.key) {
            let time = time.with_context(|| format!("{} without LastModifiedDate", entry.key))?;
            intake.take(entry, time)?;
        }
    }
    Ok(())
}

/// A column of one group of rows.
struct Column {
    field: Field,
    /// Whether a cell may be empty.
    optional: bool,
    /// For a time, its unit in nanoseconds.
    unit: i64,
    reader: ColumnReader,
}

impl Column {
    fn open(
        group: &dyn RowGroupReader,
        place: usize,
        field: Field,
        described: &ColumnDescriptor,
    ) -> Result<Self> {
        ensure!(
            described.max_rep_level() == 0 && described.max_def_level() <= 1,
            "the column {} has lists in it",
            described.name()
        );
        let unit = match (described.logical_type_ref(), described.converted_type()) {
            (Some(LogicalType::Timestamp(time)), _) => match time.unit {
                TimeUnit::MILLIS => 1_000_000,
                TimeUnit::MICROS => 1_000,
                TimeUnit::NANOS => 1,
            },
            (_, ConvertedType::TIMESTAMP_MICROS) => 1_000,
            _ => 1_000_000,
        };
        let reader = group.get_column_reader(place)?;
        Ok(Self { field, optional: described.max_def_level() == 1, unit, reader })
    }

    /// Puts the next cells of this column into the rows.
    fn read(&mut self, rows: &mut [(Entry, Option<Timestamp>)], intake: &Intake) -> Result<()> {
        let (field, count) = (self.field, rows.len());
        match &mut self.reader {
            ColumnReader::ByteArrayColumnReader(reader) => {
                for (cell, (entry, _)) in cells(reader, self.optional, count)?.into_iter().zip(rows) {
                    let text = cell.map(text).transpose().with_context(|| format!("{field:?}"))?;
                    set_text(field, text, entry, intake)?;
                }
            }
            ColumnReader::BoolColumnReader(reader) => {
                for (cell, (entry, _)) in cells(reader, self.optional, count)?.into_iter().zip(rows) {
                    let cell = cell.with_context(|| format!("{field:?} of {} is empty", entry.key))?;
                    match field {
                        Field::IsLatest => entry.is_latest = cell,
                        Field::IsDeleteMarker => entry.delete_marker = cell,
                        other => bail!("{other:?} is a column of booleans"),
                    }
                }
            }
            ColumnReader::Int64ColumnReader(reader) => {
                for (cell, (entry, time)) in cells(reader, self.optional, count)?.into_iter().zip(rows) {
                    match field {
                        Field::Size => entry.size = cell.map(u64::try_from).transpose()?,
                        Field::LastModified => {
                            let nanos = cell.map(|cell| i128::from(cell) * i128::from(self.unit));
                            *time = nanos.map(Timestamp::from_nanosecond).transpose()?;
                        }
                        other => bail!("{other:?} is a column of integers"),
                    }
                }
            }
            _ => bail!("{field:?} is a column of another type than a report has"),
        }
        Ok(())
    }
}

/// The next cells of a column.
fn cells<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    optional: bool,
    count: usize,
) -> Result<Vec<Option<T::T>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::with_capacity(count));
    let (read, ..) = reader.read_records(count, optional.then_some(&mut levels), None, &mut values)?;
    ensure!(read == count, "a column ends before the others");
    if !optional {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    Ok(levels.into_iter().map(|level| if level == 1 { values.next() } else { None }).collect())
}

fn text(cell: ByteArray) -> Result<String> {
    Ok(cell.as_utf8()?.to_owned())
}

fn set_text(field: Field, cell: Option<String>, entry: &mut Entry, intake: &Intake) -> Result<()> {
    match field {
        Field::Bucket => intake.of_bucket(cell.as_deref().unwrap_or_default())?,
        Field::Key => entry.key = cell.unwrap_or_default(),
        Field::VersionId => entry.version_id = cell.unwrap_or_default(),
        Field::Etag => entry.etag = cell.filter(|etag| !etag.is_empty()),
        Field::StorageClass => entry.storage_class = cell.filter(|class| !class.is_empty()).map(Into::into),
        Field::ChecksumAlgorithm => entry.checksum_algorithm = algorithms(&cell.unwrap_or_default()),
        Field::Owner => entry.owner = cell.filter(|owner| !owner.is_empty()).map(Into::into),
        other => bail!("{other:?} is a column of texts"),
    }
    Ok(())
}
