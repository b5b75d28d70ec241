//! The columns of a report (S3 user guide, "Amazon S3 Inventory list").

use anyhow::{Result, bail, ensure};

/// What is read of a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    Bucket,
    Key,
    VersionId,
    IsLatest,
    IsDeleteMarker,
    Size,
    LastModified,
    Etag,
    StorageClass,
    ChecksumAlgorithm,
    Owner,
}

/// Each field with its name in CSV and its name in Parquet.
const NAMES: [(Field, &str, &str); 11] = [
    (Field::Bucket, "Bucket", "bucket"),
    (Field::Key, "Key", "key"),
    (Field::VersionId, "VersionId", "version_id"),
    (Field::IsLatest, "IsLatest", "is_latest"),
    (Field::IsDeleteMarker, "IsDeleteMarker", "is_delete_marker"),
    (Field::Size, "Size", "size"),
    (Field::LastModified, "LastModifiedDate", "last_modified_date"),
    (Field::Etag, "ETag", "e_tag"),
    (Field::StorageClass, "StorageClass", "storage_class"),
    (Field::ChecksumAlgorithm, "ChecksumAlgorithm", "checksum_algorithm"),
    (Field::Owner, "ObjectOwner", "object_owner"),
];
/// So many of them, from the first, every report must have.
const NEEDED: usize = 7;

/// The form of the data files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Columns {
    /// CSV in gzip, without a header: what each cell of a row is, if it is read.
    Csv(Vec<Option<Field>>),
    /// Parquet, whose files say themselves what their columns are.
    Parquet,
}

impl Columns {
    /// What the manifest's `fileFormat` and `fileSchema` say.
    ///
    /// # Errors
    /// When the form is not read here, or columns lack without which the order of versions is not known.
    pub fn of(format: &str, schema: &str) -> Result<Self> {
        match format {
            "CSV" => {
                let columns: Vec<_> = schema.split(',').map(|name| csv_field(name.trim())).collect();
                whole(&columns)?;
                Ok(Self::Csv(columns))
            }
            "Parquet" => {
                // message s3.inventory { required binary key (UTF8); ... }
                let body = schema.split_once('{').map_or("", |(_, body)| body);
                let names = body.split(';').filter_map(|column| column.split_whitespace().nth(2));
                whole(&names.map(parquet_field).collect::<Vec<_>>())?;
                Ok(Self::Parquet)
            }
            other => bail!(
                "the report is in the format {other}, which is not read: set CSV or Parquet in the inventory's \
                 configuration"
            ),
        }
    }
}

/// Makes sure that no needed field lacks or comes twice.
///
/// # Errors
/// One that names them all.
pub fn whole(columns: &[Option<Field>]) -> Result<()> {
    let missing: Vec<_> = NAMES[..NEEDED]
        .iter()
        .filter(|(field, ..)| columns.iter().filter(|column| **column == Some(*field)).count() != 1)
        .map(|(_, name, _)| *name)
        .collect();
    ensure!(
        missing.is_empty(),
        "the report does not have {}: let the inventory include all versions, and these fields",
        missing.join(", ")
    );
    Ok(())
}

/// The field that a column of a Parquet file holds, if it is read.
pub fn parquet_field(name: &str) -> Option<Field> {
    NAMES.iter().find(|(.., parquet)| *parquet == name).map(|(field, ..)| *field)
}

fn csv_field(name: &str) -> Option<Field> {
    NAMES.iter().find(|(_, csv, _)| *csv == name).map(|(field, ..)| *field)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, Other";

    #[test]
    fn a_schema_says_where_each_field_is() {
        let Columns::Csv(columns) = Columns::of("CSV", CSV).unwrap() else { panic!("not CSV") };
        assert_eq!(columns[1], Some(Field::Key));
        assert_eq!(columns[7..], [Some(Field::Etag), None]);
    }

    #[test]
    fn both_spellings_of_a_parquet_schema_are_read() {
        for (text, time) in [("UTF8", "TIMESTAMP_MILLIS"), ("STRING", "TIMESTAMP(MILLIS,true)")] {
            let schema = format!(
                "message s3.inventory {{  required binary bucket ({text});  required binary key ({text}); optional \
                 binary version_id ({text}); optional boolean is_latest; optional boolean is_delete_marker; \
                 optional int64 size; optional int64 last_modified_date ({time});}}"
            );
            assert_eq!(Columns::of("Parquet", &schema).unwrap(), Columns::Parquet);
        }
    }

    #[test]
    fn what_lacks_is_named() {
        let refusal = Columns::of("CSV", "Bucket, Key, Size, ETag").unwrap_err().to_string();
        assert!(refusal.contains("VersionId, IsLatest, IsDeleteMarker, LastModifiedDate:"), "{refusal}");
        let refusal = Columns::of("Parquet", "message s3.inventory { required binary key (UTF8); }");
        assert!(refusal.unwrap_err().to_string().contains("Bucket, VersionId"));
        assert!(Columns::of("CSV", &format!("{CSV}, Key")).unwrap_err().to_string().contains(" Key:"));
    }

    #[test]
    fn orc_is_refused_with_the_remedy() {
        let refusal = Columns::of("ORC", "struct<bucket:string>").unwrap_err().to_string();
        assert!(refusal.contains("format ORC") && refusal.contains("CSV or Parquet"), "{refusal}");
    }
}
