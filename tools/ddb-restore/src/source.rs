//! The table to restore from.

use anyhow::{Result, anyhow, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{BackupTypeFilter, TableDescription};
use common::dynamodb;
use jiff::Timestamp;

use crate::explain::explained;
use crate::window::Window;

/// The table of this name.
///
/// # Errors
/// One line: there is none, and what is left of one that was deleted.
pub async fn find(client: &Client, name: &str) -> Result<TableDescription> {
    match dynamodb::table(client, name).await.map_err(explained)? {
        Some(table) => Ok(table),
        None => Err(lost(client, name).await),
    }
}

/// DynamoDB makes a backup of a table with point-in-time recovery when it is deleted, and keeps it for 35 days (Developer
/// Guide, "Point-in-time recovery: how it works").
async fn lost(client: &Client, name: &str) -> anyhow::Error {
    let none = format!("there is no table {name}: check the name, --region and --profile");
    match dynamodb::newest_backup(client, name, BackupTypeFilter::System, |_| true).await {
        Ok(Some(backup)) => anyhow!(
            "{name} was deleted, and can be restored to the moment of its deletion alone: aws dynamodb \
             restore-table-from-backup --target-table-name NAME --backup-arn '{}'",
            backup.backup_arn().unwrap_or_default()
        ),
        Ok(None) => anyhow!(none),
        Err(trouble) => anyhow!("{none}; whether it was deleted is not known ({})", trouble.message),
    }
}

/// The window of a source that is to be restored now.
///
/// # Errors
/// One line: it cannot be restored, or not to this time.
pub async fn window(client: &Client, name: &str, at: Option<Timestamp>) -> Result<Window> {
    let Some(recovery) = dynamodb::recovery(client, name).await.map_err(explained)? else {
        bail!(
            "{name} has no point-in-time recovery, and can be brought back from a backup alone: aws dynamodb list-backups \
             --table-name {name}; to have it from now on: aws dynamodb update-continuous-backups --table-name {name} \
             --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        );
    };
    let Some(window) = Window::new(&recovery) else {
        bail!(
            "{name} tells no times that it can be restored to: its point-in-time recovery was just enabled"
        );
    };
    window.check(name, at, Timestamp::now())?;
    Ok(window)
}
