//! `swap --journal`: where an alias pointed is on disk before it is moved.

use anyhow::Result;
use common::journal::{Entry, Id, Identity, Journal};
use common::{Ctx, Record};
use serde::{Deserialize, Serialize};

use crate::cli::Swap;

/// The journal of a run, if it has one.
pub struct Kept(Option<Journal>);

/// A move of an alias, as an earlier run wrote it down.
#[derive(Debug, Deserialize, Serialize)]
pub struct Move {
    pub alias: String,
    /// Where it was to point; nothing where it was to be deleted.
    pub to: Option<String>,
    /// Where it pointed before; nothing where it was not there.
    pub previous: Option<String>,
    /// Whether it was done, or only about to be.
    #[serde(skip)]
    pub is_done: bool,
}

impl Kept {
    /// Opens the journal; for a dry run, without making or changing it.
    ///
    /// # Errors
    /// The file is none of this run, or cannot be used.
    pub fn open(flags: &Swap, ctx: &Ctx) -> Result<Self> {
        let Some(path) = &flags.journal else { return Ok(Self(None)) };
        let nodes = flags.cluster.typesense.addresses()?.join(",");
        let identity = Identity::new(ctx, &ctx.flags).target("cluster", nodes);
        let identity = match (&flags.alias, &flags.collection) {
            (Some(alias), Some(to)) => identity.target("alias", alias).target("collection", to),
            _ => identity.target("command", "swap --undo"),
        };
        Ok(Self(Some(match flags.dry_run {
            true => Journal::read(path, &identity)?,
            false => Journal::open(path, &identity)?,
        })))
    }

    /// What an earlier run did, or was about to do, to let this alias point there.
    ///
    /// # Errors
    /// The journal cannot be read, or holds something else.
    pub fn earlier(&self, alias: &str, to: Option<&str>) -> Result<Option<Move>> {
        let entry = self.0.as_ref().map(|journal| journal.find(id(alias, to))).transpose()?.flatten();
        let (record, is_done) = match entry {
            None => return Ok(None),
            Some(Entry::Intent(record)) => (record, false),
            Some(Entry::Result(record)) => (record, true),
        };
        let earlier: Move = record.view().map_err(anyhow::Error::msg)?;
        Ok(Some(Move { is_done, ..earlier }))
    }

    /// Writes down a move that is about to be made.
    ///
    /// # Errors
    /// It cannot be written: then it must not be made.
    pub async fn intend(&self, a_move: &Move) -> Result<()> {
        match &self.0 {
            Some(journal) => journal.intend(a_move.id(), &Record::from_value(a_move)?).await,
            None => Ok(()),
        }
    }

    /// Writes down a move that was made.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn commit(&self, a_move: &Move) -> Result<()> {
        match &self.0 {
            Some(journal) => journal.commit(a_move.id(), &Record::from_value(a_move)?).await,
            None => Ok(()),
        }
    }
}

impl Move {
    fn id(&self) -> Id {
        id(&self.alias, self.to.as_deref())
    }
}

/// No collection has an empty name.
fn id(alias: &str, to: Option<&str>) -> Id {
    Id::of(&["alias", alias, to.unwrap_or_default()])
}
