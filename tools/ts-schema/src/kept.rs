//! `--journal`: where an alias pointed is on disk before it is moved, and an object before it is overwritten.

use std::path::Path;

use anyhow::Result;
use common::journal::{Entry, Id, Identity, Journal};
use common::{Ctx, Record};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::cli::{Apply, ClusterArgs, Swap};
use crate::object::Object;

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

/// An object that was overwritten, as an earlier run wrote it down.
#[derive(Debug, Deserialize, Serialize)]
pub struct Overwritten {
    /// Which one, for people.
    pub object: String,
    /// As the server showed it before.
    pub previous: Box<RawValue>,
    /// Whether it was done, or only about to be.
    #[serde(skip)]
    pub is_done: bool,
}

impl Kept {
    /// Opens the journal of a swap; for a dry run, without making or changing it.
    ///
    /// # Errors
    /// The file is none of this run, or cannot be used.
    pub fn of_swap(flags: &Swap, ctx: &Ctx) -> Result<Self> {
        let about = |identity: Identity| match (&flags.alias, &flags.collection) {
            (Some(alias), Some(to)) => identity.target("alias", alias).target("collection", to),
            _ => identity.target("command", "swap --undo"),
        };
        Self::open(flags.journal.as_deref(), &flags.cluster, flags.dry_run, ctx, about)
    }

    /// The same of an apply. Whatever else the file has, an object of it is known by its own text.
    ///
    /// # Errors
    /// As [`Kept::of_swap`].
    pub fn of_apply(flags: &Apply, ctx: &Ctx) -> Result<Self> {
        let about = |identity: Identity| identity.target("command", "apply");
        Self::open(flags.journal.as_deref(), &flags.cluster, flags.dry_run, ctx, about)
    }

    fn open(
        path: Option<&Path>,
        cluster: &ClusterArgs,
        dry_run: bool,
        ctx: &Ctx,
        about: impl FnOnce(Identity) -> Identity,
    ) -> Result<Self> {
        let Some(path) = path else { return Ok(Self(None)) };
        let nodes = cluster.typesense.addresses()?.join(",");
        let identity = about(Identity::new(ctx, &ctx.flags).target("cluster", nodes));
        Ok(Self(Some(match dry_run {
            true => Journal::read(path, &identity)?,
            false => Journal::open(path, &identity)?,
        })))
    }

    /// What an earlier run overwrote, or was about to, with this object.
    ///
    /// # Errors
    /// As [`Kept::earlier`].
    pub fn overwritten(&self, object: &Object, place: Option<&str>) -> Result<Option<Overwritten>> {
        let Some((record, is_done)) = self.find(of_object(object, place))? else { return Ok(None) };
        let earlier: Overwritten = record.view().map_err(anyhow::Error::msg)?;
        Ok(Some(Overwritten { is_done, ..earlier }))
    }

    /// Writes down that an object is about to be overwritten.
    ///
    /// # Errors
    /// As [`Kept::intend`].
    pub async fn overwrite(&self, object: &Object, place: Option<&str>, was: &Overwritten) -> Result<()> {
        match &self.0 {
            Some(journal) => journal.intend(of_object(object, place), &Record::from_value(was)?).await,
            None => Ok(()),
        }
    }

    /// Writes down that an object was overwritten.
    ///
    /// # Errors
    /// As [`Kept::commit`].
    pub async fn replaced(&self, object: &Object, place: Option<&str>, was: &Overwritten) -> Result<()> {
        match &self.0 {
            Some(journal) => journal.commit(of_object(object, place), &Record::from_value(was)?).await,
            None => Ok(()),
        }
    }

    fn find(&self, id: Id) -> Result<Option<(Record, bool)>> {
        let entry = self.0.as_ref().map(|journal| journal.find(id)).transpose()?.flatten();
        Ok(entry.map(|entry| match entry {
            Entry::Intent(record) => (record, false),
            Entry::Result(record) => (record, true),
        }))
    }

    /// What an earlier run did, or was about to do, to let this alias point there.
    ///
    /// # Errors
    /// The journal cannot be read, or holds something else.
    pub fn earlier(&self, alias: &str, to: Option<&str>) -> Result<Option<Move>> {
        let Some((record, is_done)) = self.find(id(alias, to))? else { return Ok(None) };
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

fn of_object(object: &Object, place: Option<&str>) -> Id {
    Id::of(&["object", object.kind.section(), place.unwrap_or_default(), &object.name, &object.raw])
}
