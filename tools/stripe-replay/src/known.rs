//! `--journal`: what earlier runs did with an event, and what this run does.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use common::journal::{Entry, Id, Identity, Journal};
use common::{Ctx, Record};
use serde::Serialize;

use crate::event::Event;
use crate::receipt::Receipt;
use crate::target::Target;

/// Flags that say how events are sent and which may be: what an accepted one is does not hang on them. The handler is
/// the target.
const HOW: &[&str] = &[
    "to",
    "secret_file",
    "live",
    "order",
    "from_json",
    "expect_api_version",
    "rate",
    "timeout",
    "attempts",
    "max_consecutive_failures",
];

/// The events of a journal.
pub struct Known {
    journal: Arc<Journal>,
    /// Where they are sent: another handler gets its own copy.
    target: String,
    /// Events that came in this run.
    taken: BTreeSet<Id>,
}

/// What is known of an event that comes in.
pub enum Fate {
    /// Nothing.
    New,
    /// An earlier run had begun it, without an answer that counts.
    Begun,
    /// An earlier run has this receipt for it.
    Done(Receipt),
    /// It came in this run before.
    Repeated,
}

impl Known {
    /// Opens the journal; for a dry run, without making or changing it.
    ///
    /// # Errors
    /// The file is none of this run, or cannot be used.
    pub fn open(path: &Path, to: &Target, dry_run: bool, ctx: &Ctx) -> Result<Self> {
        let target = to.marked();
        let identity = Identity::new(ctx, &ctx.flags.without(HOW)).target("handler", target.clone());
        let journal = match dry_run {
            true => Journal::read(path, &identity)?,
            false => Journal::open(path, &identity)?,
        };
        Ok(Self { journal: Arc::new(journal), target, taken: BTreeSet::new() })
    }

    /// Takes the next event of the input.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn take(&mut self, event: &Event) -> Result<Fate> {
        let id = self.id(event);
        if !self.taken.insert(id) {
            return Ok(Fate::Repeated);
        }
        Ok(match self.journal.find(id)? {
            None => Fate::New,
            Some(Entry::Intent(_)) => Fate::Begun,
            Some(Entry::Result(result)) => Fate::Done(Receipt::replayed(&result)?),
        })
    }

    /// The journal as the work on one event needs it.
    pub fn page(&self, event: &Event) -> Page {
        Page { journal: Arc::clone(&self.journal), id: self.id(event) }
    }

    fn id(&self, event: &Event) -> Id {
        Id::of(&[&self.target, &event.id])
    }
}

/// Where one event stands in the journal.
pub struct Page {
    journal: Arc<Journal>,
    id: Id,
}

/// What is about to be done: the event's calls.
#[derive(Serialize)]
struct Intent<'a> {
    id: &'a str,
}

impl Page {
    /// Writes down that the event is about to be sent; returns when that is on disk.
    ///
    /// # Errors
    /// It cannot be written: then nothing must be sent.
    pub async fn intend(&self, event: &Event) -> Result<()> {
        self.journal.intend(self.id, &Record::from_value(&Intent { id: &event.id })?).await
    }

    /// Writes down that the handler has the event. What is returned ends when that is on disk, which is before any
    /// intent is that is written later.
    ///
    /// # Errors
    /// It cannot be written.
    pub async fn store(&self, receipt: &Receipt) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
        self.journal.queue(self.id, &Record::from_value(receipt)?).await
    }
}
