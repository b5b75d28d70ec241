//! What is asked of DynamoDB.

use anyhow::anyhow;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{
    BackupStatus, BackupSummary, BackupType, BackupTypeFilter, ExportFormat, TableDescription,
};
use common::aws::Trouble;
use common::dynamodb;
use common::s3::S3Url;

use crate::archive::{Archive, Method, is_whole};
use crate::names;
use crate::world::{Target, World};

/// Codes that say a table or backup is not, or is no longer, in the state that a request needs, or that too much is going
/// on. Another look tells what is to be done.
const STATE: [&str; 5] = [
    "BackupInUseException",
    "LimitExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "TableNotFoundException",
];

/// Whether another look may lead on.
pub fn is_state(trouble: &Trouble) -> bool {
    STATE.contains(&trouble.code.as_str()) || trouble.is_retryable()
}

/// DynamoDB, for one table.
pub struct DynamoDb {
    pub client: Client,
    table: String,
    method: Method,
}

impl DynamoDb {
    /// For the table of this name, which is archived like this.
    pub fn new(client: Client, table: &str, method: Method) -> Self {
        Self { client, table: table.to_owned(), method }
    }

    /// Looks at the table and at its archive, which may be known by its ARN.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn look(&self, known: Option<&str>) -> Result<World, Trouble> {
        let table = dynamodb::table(&self.client, &self.table).await?;
        let archive = match (&self.method, known) {
            (Method::Backup(_), Some(arn)) => self.backup(arn).await?,
            (Method::Export(_), Some(arn)) => self.export(arn).await?.map(|(archive, _)| archive),
            (Method::Backup(name), None) => self.find_backup(table.as_ref(), name.as_deref()).await?,
            (Method::Export(place), None) => self.find_export(table.as_ref(), place).await?,
        };
        Ok(World { table, archive })
    }

    /// The newest backup of the wanted name that is of this very table, or of the last one that had its name. Names of
    /// backups need not be unique.
    async fn find_backup(
        &self,
        table: Option<&TableDescription>,
        name: Option<&str>,
    ) -> Result<Option<Archive>, Trouble> {
        let is_wanted = |backup: &BackupSummary| {
            let of = backup.table_id().unwrap_or_default();
            let wanted = name.map_or_else(|| names::backup(&self.table, of), str::to_owned);
            backup.backup_type().is_none_or(|kind| kind == &BackupType::User)
                && backup.backup_status() != Some(&BackupStatus::Deleted)
                && backup.backup_name() == Some(&wanted)
                && table.is_none_or(|table| table.table_id() == Some(of))
        };
        let found =
            dynamodb::newest_backup(&self.client, &self.table, BackupTypeFilter::User, is_wanted).await?;
        match found.and_then(|found| found.backup_arn) {
            Some(arn) => self.backup(&arn).await,
            None => Ok(None),
        }
    }

    async fn backup(&self, arn: &str) -> Result<Option<Archive>, Trouble> {
        let answer = self.client.describe_backup().backup_arn(arn).send().await;
        match answer.map_err(|error| Trouble::new(&format!("DescribeBackup {arn}"), &error)) {
            Ok(answer) => Ok(answer.backup_description.and_then(Archive::of_backup)),
            Err(trouble) if trouble.code == "BackupNotFoundException" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The newest export to this place that did not fail and is of this very table, or of the last one that had its name.
    async fn find_export(
        &self,
        table: Option<&TableDescription>,
        place: &S3Url,
    ) -> Result<Option<Archive>, Trouble> {
        let mut found: Option<Archive> = None;
        for arn in self.exports(table).await? {
            let Some((archive, true)) = self.export(&arn).await? else { continue };
            let is_of_table = table.is_none_or(|table| table.table_id() == Some(&archive.table_id));
            let is_newer = found.as_ref().is_none_or(|found| found.instant <= archive.instant);
            if is_of_table && is_newer && !archive.has_failed() && place.to_string() == archive.name {
                found = Some(archive);
            }
        }
        Ok(found)
    }

    /// The ARNs of all exports of the tables that ever had this name. A table that is gone has no ARN to ask by.
    async fn exports(&self, table: Option<&TableDescription>) -> Result<Vec<String>, Trouble> {
        let of_name = format!(":table/{}/export/", self.table);
        let request = self.client.list_exports();
        let request = request.set_table_arn(table.and_then(|table| table.table_arn.clone()));
        let mut pages = request.into_paginator().send();
        let mut arns = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| Trouble::new(&format!("ListExports of {}", self.table), &error))?;
            let all = page.export_summaries.unwrap_or_default().into_iter().filter_map(|one| one.export_arn);
            arns.extend(all.filter(|arn| arn.contains(&of_name)));
        }
        Ok(arns)
    }

    /// An export, and whether it holds a whole table in the form that ours have.
    async fn export(&self, arn: &str) -> Result<Option<(Archive, bool)>, Trouble> {
        let answer = self.client.describe_export().export_arn(arn).send().await;
        match answer.map_err(|error| Trouble::new(&format!("DescribeExport {arn}"), &error)) {
            Ok(answer) => Ok(answer.export_description.and_then(|export| {
                let is_whole = is_whole(&export);
                Archive::of_export(export).map(|archive| (archive, is_whole))
            })),
            Err(trouble) if trouble.code == "ExportNotFoundException" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Begins the archive, and says by which ARN it goes on.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn archive(
        &self,
        target: &Target,
        table: &TableDescription,
    ) -> Result<Option<String>, Trouble> {
        match &target.method {
            Method::Backup(name) => self.make_backup(name.as_deref().unwrap_or_default()).await,
            Method::Export(place) => self.make_export(target, table, place).await,
        }
    }

    /// One try alone: a backup that was made although its answer was lost is found by another look, and a second try
    /// would make another.
    async fn make_backup(&self, name: &str) -> Result<Option<String>, Trouble> {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let request = self.client.create_backup().table_name(&self.table).backup_name(name);
        let made = request.customize().config_override(once).send().await;
        let what = format!("CreateBackup {name} of {}", self.table);
        let made = made.map_err(|error| Trouble::new(&what, &error))?;
        Ok(made.backup_details.map(|details| details.backup_arn))
    }

    async fn make_export(
        &self,
        target: &Target,
        table: &TableDescription,
        place: &S3Url,
    ) -> Result<Option<String>, Trouble> {
        let nth = self.exports(Some(table)).await?.len();
        let request = self.client.export_table_to_point_in_time().set_table_arn(table.table_arn.clone());
        let request = request.s3_bucket(&place.bucket).export_format(ExportFormat::DynamodbJson);
        let request = request.set_s3_prefix(Some(place.prefix.clone()).filter(|prefix| !prefix.is_empty()));
        let token = names::client_token(&target.table_id, place, nth);
        let what = format!("ExportTableToPointInTime of {} to {place}", self.table);
        let made = request.client_token(token).send().await.map_err(|error| Trouble::new(&what, &error))?;
        Ok(made.export_description.and_then(|export| export.export_arn))
    }

    /// Turns deletion protection off.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn lift_protection(&self) -> Result<(), Trouble> {
        let request = self.client.update_table().table_name(&self.table).deletion_protection_enabled(false);
        let lifted = request.send().await;
        lifted.map(drop).map_err(|error| Trouble::new(&format!("UpdateTable {}", self.table), &error))
    }

    /// Deletes the table.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn delete(&self) -> Result<(), Trouble> {
        let deleted = self.client.delete_table().table_name(&self.table).send().await;
        deleted.map(drop).map_err(|error| Trouble::new(&format!("DeleteTable {}", self.table), &error))
    }
}

/// The end of the run, with what to do about it where that is known.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    match trouble.code.as_str() {
        "AccessDenied" | "AccessDeniedException" => {
            anyhow!("{} (the README lists the permissions that are needed)", trouble.message)
        }
        _ => trouble.into(),
    }
}
