//! What a journal keeps of one swap or undo. Never a value, and nothing that is made of one.

use anyhow::{Error, Result};
use common::Record;
use common::journal::{Entry, Id, Journal};
use serde::{Deserialize, Serialize};

use crate::cli::Target;
use crate::output::{Store, Swap, Version};
use crate::pointer::Pointer;

/// One swap or undo, and the journal that keeps it, if there is one.
pub struct Kept<'a> {
    journal: Option<&'a Journal>,
    id: Id,
}

/// What an earlier run with the same journal wrote of it last.
pub enum Earlier {
    /// Nothing: it was not begun.
    Nothing,
    /// It was begun, and may be done, in part or not at all.
    Intended(Intent),
    /// It was done.
    Done(Swap),
}

/// What is about to be done. Of a secret, the id of the new version is known before; of a parameter only what it goes
/// over.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Intent {
    /// The record's field as it is to become.
    pub swap: Swap,
    /// The latest version of a parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<i64>,
}

/// The record of a result. That of the run is not kept: it may carry the value itself.
#[derive(Deserialize, Serialize)]
struct Done {
    swap: Swap,
}

impl<'a> Kept<'a> {
    /// The swap that the n-th record asks for. The record itself does not name it, since the value may be in it.
    pub fn swap(journal: Option<&'a Journal>, target: &Target, pointer: Option<&Pointer>, n: u64) -> Self {
        let (store, name, label) = match target {
            Target::Secret(id) => ("secretsmanager", id, None),
            Target::Parameter { name, label } => ("ssm", name, label.as_deref()),
        };
        Self { journal, id: id("swap", [store, name, label.unwrap_or_default()], pointer, &[], n) }
    }

    /// The undo of the n-th record, which tells of this swap.
    pub fn undo(journal: Option<&'a Journal>, swap: &Swap, n: u64) -> Self {
        let store = match swap.store {
            Store::SecretsManager => "secretsmanager",
            Store::Ssm => "ssm",
        };
        let place =
            [store, swap.arn.as_ref().unwrap_or(&swap.name), swap.label.as_deref().unwrap_or_default()];
        let versions = [&swap.version_id, &swap.previous_version_id];
        let versions = versions.map(|version| version.as_ref().map(Version::to_string).unwrap_or_default());
        Self { journal, id: id("undo", place, swap.pointer.as_ref(), &versions, n) }
    }

    /// Whether there is a journal.
    pub fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    /// What an earlier run wrote of it.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn earlier(&self) -> Result<Earlier> {
        let entry = self.journal.map(|journal| journal.find(self.id)).transpose()?.flatten();
        Ok(match entry {
            None => Earlier::Nothing,
            Some(Entry::Intent(intent)) => Earlier::Intended(intent.view().map_err(Error::msg)?),
            Some(Entry::Result(done)) => Earlier::Done(done.view::<Done>().map_err(Error::msg)?.swap),
        })
    }

    /// Puts on disk what is about to be done.
    ///
    /// # Errors
    /// When that fails: then nothing may be done.
    pub async fn intend(&self, swap: Swap, over: Option<i64>) -> Result<()> {
        let Some(journal) = self.journal else { return Ok(()) };
        journal.intend(self.id, &Record::from_value(&Intent { swap, over })?).await
    }

    /// Puts on disk what was done.
    ///
    /// # Errors
    /// When that fails. What was done must be told all the same.
    pub async fn commit(&self, swap: &Swap) -> Result<()> {
        let Some(journal) = self.journal else { return Ok(()) };
        journal.commit(self.id, &Record::from_value(&Done { swap: swap.clone() })?).await
    }
}

fn id(what: &str, place: [&str; 3], pointer: Option<&Pointer>, versions: &[String], n: u64) -> Id {
    let (pointer, n) = (pointer.map(ToString::to_string).unwrap_or_default(), n.to_string());
    let mut parts = vec![what];
    parts.extend(place);
    parts.push(&pointer);
    parts.extend(versions.iter().map(String::as_str));
    parts.push(&n);
    Id::of(&parts)
}
