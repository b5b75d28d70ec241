//! What stays of a table: a backup or an export, as far as it is known.

use aws_sdk_dynamodb::types::{
    BackupDescription, BackupStatus, ExportDescription, ExportFormat, ExportStatus, ExportType,
};
use aws_smithy_types::DateTime;
use common::s3::S3Url;

/// How the table is archived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Method {
    /// By an on-demand backup; without a name, by the one that the table's name and id make.
    Backup(Option<String>),
    /// By a full export to this place.
    Export(S3Url),
}

/// How far it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Progress {
    /// It is being made; the service's own word for that.
    Making(String),
    /// It can be relied on.
    Finished,
    /// It never will be.
    Failed(String),
}

/// A backup or an export.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    pub arn: String,
    /// The name of a backup, the place of an export.
    pub name: String,
    /// The `TableId` of what it holds.
    pub table_id: String,
    pub progress: Progress,
    /// The second since 1970 whose data it holds; nothing as long as it is not known.
    pub instant: Option<i64>,
    pub item_count: Option<i64>,
    pub size_bytes: Option<i64>,
    /// Where the manifest of an export is in its bucket.
    pub manifest: Option<String>,
}

impl Archive {
    /// Whether it never will be one.
    pub fn has_failed(&self) -> bool {
        matches!(self.progress, Progress::Failed(_))
    }

    /// Reads a backup; nothing when the answer lacks what a backup has.
    pub fn of_backup(backup: BackupDescription) -> Option<Self> {
        let (details, source) = (backup.backup_details?, backup.source_table_details?);
        let progress = match details.backup_status {
            BackupStatus::Available => Progress::Finished,
            BackupStatus::Creating => Progress::Making("CREATING".into()),
            status => Progress::Failed(status.as_str().to_owned()),
        };
        Some(Self {
            arn: details.backup_arn,
            name: details.backup_name,
            table_id: source.table_id,
            progress,
            instant: Some(details.backup_creation_date_time.secs()),
            item_count: source.item_count,
            size_bytes: details.backup_size_bytes,
            manifest: None,
        })
    }

    /// Reads an export; nothing when the answer lacks what an export has.
    pub fn of_export(export: ExportDescription) -> Option<Self> {
        let progress = match export.export_status? {
            ExportStatus::Completed if export.export_manifest.is_none() || export.export_time.is_none() => {
                Progress::Failed("COMPLETED without a manifest or an ExportTime".into())
            }
            ExportStatus::Completed => Progress::Finished,
            ExportStatus::InProgress => Progress::Making("IN_PROGRESS".into()),
            status => Progress::Failed(format!(
                "{}: {}: {}",
                status.as_str(),
                export.failure_code.as_deref().unwrap_or("no code"),
                export.failure_message.as_deref().unwrap_or("no message")
            )),
        };
        Some(Self {
            arn: export.export_arn?,
            name: place(export.s3_bucket.as_deref()?, export.s3_prefix.as_deref()),
            table_id: export.table_id?,
            progress,
            instant: export.export_time.as_ref().map(DateTime::secs),
            item_count: export.item_count,
            size_bytes: export.billed_size_bytes,
            manifest: export.export_manifest,
        })
    }
}

fn place(bucket: &str, prefix: Option<&str>) -> String {
    S3Url { bucket: bucket.into(), prefix: prefix.unwrap_or_default().into() }.to_string()
}

/// Whether an export holds a whole table in the form that ours have.
pub fn is_whole(export: &ExportDescription) -> bool {
    export.export_format() == Some(&ExportFormat::DynamodbJson)
        && export.export_type().is_none_or(|of| of == &ExportType::FullExport)
        && export.filter_specification().is_none()
}
