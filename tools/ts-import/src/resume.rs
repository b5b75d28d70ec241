//! `--journal`: which documents at the beginning of the input an earlier run has brought to their end.

use std::cmp::Reverse;
use std::mem::take;

use anyhow::{Result, bail};
use blake3::Hasher;
use common::Record;
use common::input::Item;
use common::journal::{self, Id, Journal};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::receipt::Receipt;
use crate::results::Failure;
use crate::source::Document;

/// What the journal knows of one batch. Batches follow one another: each is found by the place where it begins.
#[derive(Deserialize, Serialize)]
struct Entry {
    /// Documents of the input up to its end.
    through: u64,
    /// The hash of all these.
    digest: String,
    receipt: Receipt,
    /// What was refused, by its place in the batch.
    failures: Vec<(usize, Failure)>,
}

/// A batch of an earlier run that was read again.
pub struct Earlier {
    /// Its receipt.
    pub receipt: Receipt,
    /// What was refused of it.
    pub failures: Vec<(Failure, Document)>,
}

/// What is to be done with a document.
pub enum Step {
    /// It is to be imported.
    Import(Document),
    /// It was brought to its end by an earlier run.
    Done,
    /// So it was, and it was the last of its batch.
    LastOf(Earlier),
}

/// The journal of one import.
pub struct Resume {
    journal: Journal,
    work: [String; 2],
    hasher: Hasher,
    read: u64,
    entry: Option<Entry>,
    failed: Vec<(Failure, Document)>,
}

impl Resume {
    /// Takes up the import of documents into a collection by this path. `made` is when the collection was made: into
    /// one that was made anew, nothing was imported before.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn new(journal: Journal, path: &str, made: i64) -> Result<Self> {
        let work = [path.to_owned(), made.to_string()];
        let mut resume =
            Self { journal, work, hasher: Hasher::new(), read: 0, entry: None, failed: Vec::new() };
        resume.entry = resume.find()?;
        Ok(resume)
    }

    fn id(&self, first: u64) -> Id {
        let [path, made] = &self.work;
        Id::of(&["ts-import", path, made, &first.to_string()])
    }

    fn find(&self) -> Result<Option<Entry>> {
        let Some(journal::Entry::Result(found)) = self.journal.find(self.id(self.read))? else {
            return Ok(None);
        };
        let mut entry: Entry = found.view().map_err(anyhow::Error::msg)?;
        // They are taken from the end.
        entry.failures.sort_unstable_by_key(|(index, _)| Reverse(*index));
        Ok(Some(entry))
    }

    /// Takes the next document of the input.
    ///
    /// # Errors
    /// The documents so far are not those that the journal is about.
    pub fn step(&mut self, document: Document) -> Result<Step> {
        self.hasher.update(document.text().as_bytes());
        self.hasher.update(b"\n");
        self.read += 1;
        let Some(entry) = &mut self.entry else {
            return Ok(Step::Import(document));
        };
        let place = entry.receipt.documents as u64 + self.read - entry.through - 1;
        let is_next = entry.failures.last().is_some_and(|(index, _)| *index as u64 == place);
        if let Some((_, failure)) = entry.failures.pop_if(|_| is_next) {
            self.failed.push((failure, document));
        }
        if self.read < entry.through {
            return Ok(Step::Done);
        }
        if digest(&self.hasher) != entry.digest {
            bail!(
                "the first {} documents are not those that the journal is about: give the same input as before, or another journal",
                self.read
            );
        }
        let next = self.find()?;
        let done = std::mem::replace(&mut self.entry, next);
        let failures = take(&mut self.failed);
        Ok(match done {
            Some(Entry { receipt, .. }) => Step::LastOf(Earlier { receipt, failures }),
            None => Step::Done,
        })
    }

    /// The hash of all documents so far.
    pub fn digest(&self) -> String {
        digest(&self.hasher)
    }

    /// # Errors
    /// The input ended among documents that the journal says were imported.
    pub fn check_end(&self) -> Result<()> {
        match &self.entry {
            Some(entry) if entry.through > self.read => bail!(
                "the input has {} documents, fewer than the {} that the journal is about: give the same input as before, or another journal",
                self.read,
                entry.through
            ),
            _ => Ok(()),
        }
    }

    /// Writes down that a batch was brought to its end; `digest` is of all documents up to there.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn commit(
        &self,
        batch: &Batch,
        digest: String,
        receipt: Receipt,
        failures: Vec<(usize, Failure)>,
    ) -> Result<()> {
        let through = batch.first + batch.len() as u64;
        let entry = Record::from_value(&Entry { through, digest, receipt, failures })?;
        self.journal.commit(self.id(batch.first), &entry).await
    }
}

fn digest(hasher: &Hasher) -> String {
    hasher.finalize().to_hex().to_string()
}

impl Document {
    /// The document as it came in.
    pub fn into_input(self) -> Item {
        Item::Record(self.input)
    }
}
