//! Waiting until the new table can be used: it and all its indexes are ACTIVE, and its restore has ended.

use std::cell::Cell;

use anyhow::{Result, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{IndexStatus, TableDescription, TableStatus};
use common::pipe::Lines;
use common::wait::{Look, Wait};
use common::{Ctx, dynamodb};

use crate::explain::missed;

/// Waits for one table.
pub struct Ready<'a> {
    pub client: &'a Client,
    pub name: &'a str,
    pub wait: Wait,
    pub ctx: &'a Ctx,
    pub lines: &'a Lines,
    /// Whether the table was there once: what is gone then was deleted, or its restore has failed.
    pub seen: Cell<bool>,
}

impl Ready<'_> {
    /// The table, as soon as nothing is lacking.
    ///
    /// # Errors
    /// The deadline or a signal, a state that nothing comes after, a table that is gone, a closed stdout.
    pub async fn table(&self) -> Result<TableDescription> {
        let name = self.name;
        let look = async || {
            let there = match dynamodb::table(self.client, name).await {
                Ok(Some(there)) => there,
                Ok(None) if self.seen.get() => {
                    bail!("{name} is gone: its restore has failed, or somebody deleted it")
                }
                Ok(None) => return Ok(Look::Yet("not there yet".into())),
                Err(trouble) => return missed(trouble),
            };
            self.seen.set(true);
            check(name, &there)?;
            Ok(match lacks(&there) {
                Some(state) => Look::Yet(state),
                None => Look::Done(there),
            })
        };
        tokio::select! {
            waited = self.wait.until(name, look) => waited,
            () = self.lines.closed() => {
                bail!("stdout was closed; what was started goes on in AWS: the same command again takes it up")
            }
        }
    }

    /// Resolves when nothing more is to be started.
    pub async fn halted(&self) {
        self.lines.halted(&self.ctx.stop).await;
    }
}

/// Refuses a state that nothing comes after by itself (API reference, TableDescription).
fn check(name: &str, table: &TableDescription) -> Result<()> {
    let remedy = match table.table_status() {
        Some(TableStatus::Deleting) => "somebody deletes it, or its restore has failed",
        Some(TableStatus::InaccessibleEncryptionCredentials) => {
            "see that its KMS key is enabled and may be used, then run the same command again"
        }
        Some(TableStatus::Archiving | TableStatus::Archived) => {
            "its KMS key could not be used for too long: restore to another name"
        }
        Some(TableStatus::ReplicationNotAuthorized) => {
            "it may not be replicated any more: see its permissions"
        }
        _ => return Ok(()),
    };
    bail!("{name} is {}, and will not be ACTIVE by itself: {remedy}", state(table))
}

fn state(table: &TableDescription) -> &str {
    table.table_status().map_or("in an unknown state", TableStatus::as_str)
}

/// What is lacking, in words such as `ACTIVE, index by_user CREATING`.
pub fn lacks(table: &TableDescription) -> Option<String> {
    let global =
        table.global_secondary_indexes().iter().map(|index| (index.index_name(), index.index_status()));
    let vector = table.vector_indexes().iter().map(|index| (index.index_name(), index.index_status()));
    let unready = global.chain(vector).filter(|(_, status)| *status != Some(&IndexStatus::Active));
    let mut parts: Vec<String> = unready
        .map(|(name, status)| {
            let status = status.map_or("in an unknown state", IndexStatus::as_str);
            format!("index {} {status}", name.unwrap_or_default())
        })
        .collect();
    if table.restore_summary().is_some_and(|restore| restore.restore_in_progress()) {
        parts.insert(0, "restore in progress".into());
    }
    let is_active = table.table_status() == Some(&TableStatus::Active);
    (!is_active || !parts.is_empty()).then(|| {
        parts.insert(0, state(table).to_owned());
        parts.join(", ")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, RestoreSummary};
    use aws_smithy_types::DateTime;

    fn table(status: &str) -> aws_sdk_dynamodb::types::builders::TableDescriptionBuilder {
        TableDescription::builder().table_status(TableStatus::from(status))
    }

    fn restore(goes_on: bool) -> RestoreSummary {
        let summary = RestoreSummary::builder().restore_in_progress(goes_on);
        summary.restore_date_time(DateTime::from_secs(1)).build().unwrap()
    }

    fn index(status: &str) -> GlobalSecondaryIndexDescription {
        let index = GlobalSecondaryIndexDescription::builder().index_name("by_user");
        index.index_status(IndexStatus::from(status)).build()
    }

    #[test]
    fn everything_must_be_there() {
        for (table, expected) in [
            (table("ACTIVE"), None),
            (table("ACTIVE").restore_summary(restore(false)).global_secondary_indexes(index("ACTIVE")), None),
            (table("CREATING"), Some("CREATING")),
            (table("CREATING").restore_summary(restore(true)), Some("CREATING, restore in progress")),
            (table("ACTIVE").restore_summary(restore(true)), Some("ACTIVE, restore in progress")),
            (
                table("ACTIVE").global_secondary_indexes(index("CREATING")),
                Some("ACTIVE, index by_user CREATING"),
            ),
            (TableDescription::builder(), Some("in an unknown state")),
        ] {
            assert_eq!(lacks(&table.build()).as_deref(), expected);
        }
    }

    #[test]
    fn only_what_ends_by_itself_is_waited_for() {
        for goes_on in ["ACTIVE", "CREATING", "UPDATING", "A_NEW_ONE"] {
            assert!(check("t", &table(goes_on).build()).is_ok(), "{goes_on}");
        }
        for end in [
            "DELETING",
            "ARCHIVED",
            "ARCHIVING",
            "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
            "REPLICATION_NOT_AUTHORIZED",
        ] {
            let line = check("t", &table(end).build()).unwrap_err().to_string();
            assert!(line.starts_with(&format!("t is {end}, and will not")), "{line}");
        }
    }
}
