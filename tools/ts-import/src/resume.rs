//! `--journal`: which documents at the beginning of the input an earlier run has brought to their end, and which it may
//! have imported besides.
//!
//! Batches follow one another, and each is found by the place where it begins. Before documents 20 to 30 are sent, the
//! journal gets the intent of 20: "up to 30, and this is the hash of all up to there". A run that is killed then leaves
//! 20 to 30 in doubt. The next run may cut its batches elsewhere: it sends 20 to 25, and its result of 20 says that up
//! to 30 is in doubt still.

use std::cmp::Reverse;
use std::mem::take;
use std::sync::Arc;

use anyhow::{Result, bail};
use blake3::Hasher;
use common::Record;
use common::journal::{self, Id, Journal};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::receipt::Receipt;
use crate::results::Failure;
use crate::source::Document;

/// What the journal knows of one batch.
#[derive(Deserialize, Serialize)]
struct Entry {
    /// Documents of the input up to its end.
    through: u64,
    /// The hash of all these.
    digest: String,
    receipt: Receipt,
    /// What was refused, by its place in the batch.
    failures: Vec<(usize, Failure)>,
    /// What is in doubt after the batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    doubt: Option<Extent>,
}

/// The input up to a place.
#[derive(Clone, Deserialize, Serialize)]
struct Extent {
    /// Documents up to there.
    through: u64,
    /// The hash of all these.
    digest: String,
}

/// A batch of an earlier run that was read again.
pub struct Earlier {
    /// Its receipt.
    pub receipt: Receipt,
    /// What was refused of it.
    pub failures: Vec<(Failure, Document)>,
    /// What was imported, if that is to be kept.
    pub imported: Vec<Document>,
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
    journal: Arc<Journal>,
    work: [String; 2],
    hasher: Hasher,
    read: u64,
    entry: Option<Entry>,
    failed: Vec<(Failure, Document)>,
    /// Whether imported documents are kept until the end of their batch.
    keeps: bool,
    kept: Vec<Document>,
    /// What an earlier run may have imported of what comes next.
    doubt: Option<Extent>,
}

impl Resume {
    /// Resumes the import of documents into a collection by this path. `made` is when the collection was made: into one
    /// that was recreated, nothing was imported before.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn new(journal: Arc<Journal>, path: &str, made: i64, keeps: bool) -> Result<Self> {
        let mut resume = Self {
            journal,
            work: [path.to_owned(), made.to_string()],
            hasher: Hasher::new(),
            read: 0,
            entry: None,
            failed: Vec::new(),
            keeps,
            kept: Vec::new(),
            doubt: None,
        };
        resume.look()?;
        Ok(resume)
    }

    fn id(&self, first: u64) -> Id {
        let [path, made] = &self.work;
        Id::of(&["ts-import", path, made, &first.to_string()])
    }

    /// Looks for a batch that begins here.
    fn look(&mut self) -> Result<()> {
        self.entry = None;
        match self.journal.find(self.id(self.read))? {
            Some(journal::Entry::Result(found)) => {
                let mut entry: Entry = found.view().map_err(anyhow::Error::msg)?;
                // They are taken from the end.
                entry.failures.sort_unstable_by_key(|(index, _)| Reverse(*index));
                self.doubt = entry.doubt.take();
                self.entry = Some(entry);
            }
            Some(journal::Entry::Intent(found)) => {
                let mut doubt: Extent = found.view().map_err(anyhow::Error::msg)?;
                // More follows where the result of this batch was damaged.
                while let Some(further) = self.extent(doubt.through)? {
                    doubt = further;
                }
                self.doubt = Some(doubt);
            }
            None => {}
        }
        Ok(())
    }

    fn extent(&self, first: u64) -> Result<Option<Extent>> {
        let found = match self.journal.find(self.id(first))? {
            Some(journal::Entry::Result(found) | journal::Entry::Intent(found)) => found,
            None => return Ok(None),
        };
        Ok(Some(found.view().map_err(anyhow::Error::msg)?))
    }

    /// Takes the next document of the input.
    ///
    /// # Errors
    /// The documents so far are not those that the journal is about.
    pub fn step(&mut self, document: Document) -> Result<Step> {
        self.hasher.update(document.text().as_bytes());
        self.hasher.update(b"\n");
        self.read += 1;
        if let Some(doubt) = self.doubt.as_ref().filter(|doubt| doubt.through == self.read) {
            self.compare(&doubt.digest)?;
        }
        let Some(entry) = &mut self.entry else {
            return Ok(Step::Import(document));
        };
        let place = entry.receipt.documents as u64 + self.read - entry.through - 1;
        let is_next = entry.failures.last().is_some_and(|(index, _)| *index as u64 == place);
        match entry.failures.pop_if(|_| is_next) {
            Some((_, failure)) => self.failed.push((failure, document)),
            None if self.keeps => self.kept.push(document),
            None => {}
        }
        if self.read < entry.through {
            return Ok(Step::Done);
        }
        let Some(Entry { digest, receipt, .. }) = self.entry.take() else { return Ok(Step::Done) };
        self.compare(&digest)?;
        self.look()?;
        Ok(Step::LastOf(Earlier {
            receipt,
            failures: take(&mut self.failed),
            imported: take(&mut self.kept),
        }))
    }

    fn compare(&self, digest: &str) -> Result<()> {
        if self.digest() == digest {
            return Ok(());
        }
        bail!(
            "the first {} documents are not those that the journal is about: give the same input as before, or another journal",
            self.read
        );
    }

    fn digest(&self) -> String {
        self.hasher.finalize().to_hex().to_string()
    }

    /// # Errors
    /// The input ended among documents that the journal says were imported, or were being.
    pub fn check_end(&self) -> Result<()> {
        let through = |extent: Option<u64>| extent.unwrap_or(0);
        let known = through(self.entry.as_ref().map(|entry| entry.through))
            .max(through(self.doubt.as_ref().map(|doubt| doubt.through)));
        if known > self.read {
            bail!(
                "the input has {} documents, fewer than the {known} that the journal is about: give the same input as before, or another journal",
                self.read
            );
        }
        Ok(())
    }

    /// The journal as the work on a batch needs it, whose last document is the last that was read.
    pub fn page(&self, batch: &Batch) -> Page {
        let end = Extent { through: self.read, digest: self.digest() };
        let doubt = self.doubt.clone();
        let count = doubt.as_ref().map_or(0, |doubt| doubt.through.saturating_sub(batch.first));
        Page {
            journal: Arc::clone(&self.journal),
            id: self.id(batch.first),
            in_doubt: usize::try_from(count).unwrap_or(usize::MAX).min(batch.len()),
            beyond: doubt.filter(|doubt| doubt.through > end.through),
            end,
        }
    }
}

/// Where one batch stands in the journal.
pub struct Page {
    journal: Arc<Journal>,
    id: Id,
    /// How many documents at the beginning of the batch an earlier run may have imported.
    pub in_doubt: usize,
    end: Extent,
    /// What is in doubt after the batch, too.
    beyond: Option<Extent>,
}

impl Page {
    /// Writes down that the batch is about to be sent; returns when that is on disk.
    ///
    /// # Errors
    /// The journal cannot be written: then nothing must be sent.
    pub async fn intend(&self) -> Result<()> {
        let intent = Record::from_value(self.beyond.as_ref().unwrap_or(&self.end))?;
        self.journal.intend(self.id, &intent).await
    }

    /// Writes down that the batch was brought to its end.
    ///
    /// # Errors
    /// The journal cannot be written.
    pub async fn commit(self, receipt: Receipt, failures: Vec<(usize, Failure)>) -> Result<()> {
        let Extent { through, digest } = self.end;
        let entry = Entry { through, digest, receipt, failures, doubt: self.beyond };
        self.journal.commit(self.id, &Record::from_value(&entry)?).await
    }
}
