//! What is asked of DynamoDB about tables as a whole.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::operation::restore_table_to_point_in_time::builders::RestoreTableToPointInTimeInputBuilder;
use aws_sdk_dynamodb::types::{
    BackupSummary, BackupTypeFilter, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
    TableDescription,
};
use common::aws::{Trouble, probe_retries};

/// DynamoDB in one region.
pub struct Tables<'a> {
    client: &'a Client,
}

impl<'a> Tables<'a> {
    /// Over this client.
    pub fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// The first question of a run, with few and quick tries: is there a table of this name?
    ///
    /// # Errors
    /// A request that failed after a few tries.
    pub async fn first(&self, name: &str) -> Result<Option<TableDescription>, Trouble> {
        self.find(name, Builder::new().retry_config(probe_retries())).await
    }

    /// The table of this name, or nothing where there is none.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn table(&self, name: &str) -> Result<Option<TableDescription>, Trouble> {
        self.find(name, Builder::new()).await
    }

    async fn find(&self, name: &str, config: Builder) -> Result<Option<TableDescription>, Trouble> {
        let request = self.client.describe_table().table_name(name).customize();
        let answer = request.config_override(config).send().await;
        match answer.map_err(|error| Trouble::new(&format!("DescribeTable {name}"), &error)) {
            Ok(answer) => Ok(answer.table),
            Err(trouble) if trouble.code == "ResourceNotFoundException" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The point-in-time recovery of a table, where it is on.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn recovery(&self, name: &str) -> Result<Option<PointInTimeRecoveryDescription>, Trouble> {
        let answer = self.client.describe_continuous_backups().table_name(name).send().await;
        let what = format!("DescribeContinuousBackups of {name}");
        let found = answer.map_err(|error| Trouble::new(&what, &error))?.continuous_backups_description;
        Ok(found.and_then(|found| found.point_in_time_recovery_description).filter(|recovery| {
            recovery.point_in_time_recovery_status() == Some(&PointInTimeRecoveryStatus::Enabled)
        }))
    }

    /// The newest backup that DynamoDB made by itself of a table when it was deleted.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn of_deletion(&self, name: &str) -> Result<Option<BackupSummary>, Trouble> {
        let mut newest: Option<BackupSummary> = None;
        let mut start = None;
        loop {
            let request = self.client.list_backups().table_name(name).backup_type(BackupTypeFilter::System);
            let page = request.set_exclusive_start_backup_arn(start).send().await;
            let page = page.map_err(|error| Trouble::new(&format!("ListBackups of {name}"), &error))?;
            for backup in page.backup_summaries.unwrap_or_default() {
                let made = |one: &BackupSummary| one.backup_creation_date_time().map(|time| time.as_nanos());
                if newest.as_ref().is_none_or(|newest| made(newest) <= made(&backup)) {
                    newest = Some(backup);
                }
            }
            start = page.last_evaluated_backup_arn;
            if start.is_none() {
                return Ok(newest);
            }
        }
    }

    /// Starts a restore.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn restore(
        &self,
        to: &str,
        input: RestoreTableToPointInTimeInputBuilder,
    ) -> Result<(), Trouble> {
        let what = format!("RestoreTableToPointInTime to {to}");
        let answer = input.target_table_name(to).send_with(self.client).await;
        answer.map(drop).map_err(|error| Trouble::new(&what, &error))
    }
}

/// The ARN of the table's stream, where it has one.
pub fn stream_arn(table: &TableDescription) -> Option<&str> {
    let is_on = table.stream_specification().is_some_and(|stream| stream.stream_enabled());
    table.latest_stream_arn().filter(|_| is_on)
}
