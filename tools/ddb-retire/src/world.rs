//! What DynamoDB says of a table and its archive at one moment.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::types::{TableDescription, TableStatus};

use crate::archive::{Archive, Method};
use crate::names;

/// One look.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The table, or nothing when there is none of its name.
    pub table: Option<TableDescription>,
    /// Its archive, finished or not.
    pub archive: Option<Archive>,
}

impl World {
    /// The table, unless it is being deleted.
    pub fn standing(&self) -> Option<&TableDescription> {
        self.table.as_ref().filter(|table| table.table_status() != Some(&TableStatus::Deleting))
    }
}

/// What is to be retired, as it was when the run began.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub table: String,
    /// Its `TableId`, which no other table ever has.
    pub table_id: String,
    /// How it is archived: a backup has its name by now.
    pub method: Method,
}

impl Target {
    /// The table that is there, or the one of this name that was archived last; nothing when there is no trace of one.
    ///
    /// # Errors
    /// DynamoDB left out what tells one table from another.
    pub fn of(table: &str, world: &World, method: &Method) -> Result<Option<Self>> {
        let table_id = match (&world.table, &world.archive) {
            (Some(found), _) => found.table_id().with_context(|| format!("{table} has no TableId"))?,
            (None, Some(archive)) => &archive.table_id,
            (None, None) => return Ok(None),
        };
        let method = match method {
            Method::Backup(name) => {
                Method::Backup(Some(name.clone().unwrap_or_else(|| names::backup(table, table_id))))
            }
            export => export.clone(),
        };
        Ok(Some(Self { table: table.to_owned(), table_id: table_id.to_owned(), method }))
    }

    /// The archive in words.
    pub fn archive(&self) -> String {
        match &self.method {
            Method::Backup(name) => format!("the backup {}", name.as_deref().unwrap_or_default()),
            Method::Export(place) => format!("the export to {place}"),
        }
    }
}
