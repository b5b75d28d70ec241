//! `--journal`: what only a table that stands can say is on disk before it is changed, for the run that finds less of it.

use std::path::Path;

use anyhow::Result;
use aws_types::SdkConfig;
use common::aws;
use common::journal::{Entry, Id, Identity, Journal};
use common::{Ctx, Record};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::cli::Cli;
use crate::left::Left;
use crate::record;
use crate::settings::Settings;
use crate::world::Target;

/// Flags that a run with the same journal may have otherwise: they say what stands in the way, and nothing of what is made.
const HOW: [&str; 7] =
    ["table", "yes", "restored", "lift_protection", "quiet_for", "allow_requests", "timeout"];

/// What is known of a table as it was before anything was changed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Kept {
    pub item_count: Option<i64>,
    /// What an import makes the table of.
    pub creation: Option<Value>,
    pub stream_arn: Option<String>,
    pub settings: Settings,
    pub set_again: Option<String>,
    /// Whether it has point-in-time recovery.
    pub is_recoverable: bool,
    pub left: Left,
    /// Read and write units of the last check; nothing where none could see any.
    pub units: Option<(f64, f64)>,
}

/// The retirement of one table in a journal.
pub struct Page {
    journal: Journal,
    id: Id,
}

/// How far an earlier run with the same journal had come.
pub enum Earlier {
    /// It had begun.
    Begun(Box<Kept>),
    /// It was done, with this record.
    Done(Record),
}

impl Page {
    /// Opens the journal; for a dry run, without making or changing it.
    ///
    /// # Errors
    /// The file is none of this run, or cannot be used.
    pub fn open(path: &Path, cli: &Cli, ctx: &Ctx, config: &SdkConfig, target: &Target) -> Result<Self> {
        let identity = Identity::new(ctx, &ctx.flags.without(&HOW)).target("table", target.table.clone());
        let identity = aws::target(identity, config, "DynamoDB");
        let journal = match cli.dry_run {
            true => Journal::read(path, &identity)?,
            false => Journal::open(path, &identity)?,
        };
        // A table that is created anew under the same name is another.
        Ok(Self { journal, id: Id::of(&["retire", &target.table_id]) })
    }

    /// What an earlier run wrote.
    ///
    /// # Errors
    /// The journal cannot be read, or holds something else.
    pub fn earlier(&self) -> Result<Option<Earlier>> {
        Ok(match self.journal.find(self.id)? {
            None => None,
            Some(Entry::Intent(kept)) => Some(Earlier::Begun(kept.view().map_err(anyhow::Error::msg)?)),
            Some(Entry::Result(record)) => Some(Earlier::Done(record)),
        })
    }

    /// Writes down what is there, before anything is changed.
    ///
    /// # Errors
    /// It cannot be written: then nothing must be changed.
    pub async fn intend(&self, kept: &Kept) -> Result<()> {
        self.journal.intend(self.id, &Record::from_value(kept)?).await
    }

    /// Writes down what was done.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn commit(&self, record: &record::Record) -> Result<()> {
        self.journal.commit(self.id, &Record::from_value(record)?).await
    }
}

/// The record of an earlier run, marked as such.
///
/// # Errors
/// The journal holds something else.
pub fn replayed(record: &Record, dry_run: bool) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Retired {
        retire: IndexMap<String, Box<RawValue>>,
    }
    let Retired { mut retire } = record.view().map_err(anyhow::Error::msg)?;
    let flags = [("replayed", true), ("dry_run", dry_run)];
    for (name, _) in flags.iter().filter(|(_, is_set)| *is_set) {
        retire.insert((*name).to_owned(), RawValue::from_string("true".to_owned())?);
    }
    let record = record.with("retire", &retire)?;
    Ok(RawValue::from_string(record.as_str().to_owned())?)
}
