//! What a journal keeps of a purge: its run id, the batches that it was about to send, those that CloudFront accepted.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Error, Result};
use common::Record;
use common::journal::{Entry, Id, Identity, Journal};
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Sent};
use crate::cloudfront::{Accepted, Status};
use crate::covered::{Covered, PathId};

/// Ids in one line: some hundred KB.
const IDS: usize = 10_000;

/// The journal of a run, if it has one.
pub struct Kept(Option<Journal>);

/// What earlier runs left.
#[derive(Default)]
pub struct Earlier {
    /// Batches that were about to be sent, of which it is not known whether CloudFront has them.
    pub planned: Vec<Planned>,
    /// References of those that CloudFront accepted.
    accepted: HashSet<String>,
    /// Their paths, which were paid.
    pub paid: u64,
    /// Parts that were begun.
    pub parts: u64,
}

/// A batch and the name under which CloudFront knows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Planned {
    /// Which part of the purge it belongs to.
    pub part: u64,
    /// The CallerReference.
    pub reference: String,
    /// What is purged.
    pub batch: Batch,
}

impl Planned {
    /// Input keys that it covers.
    pub fn keys(&self) -> u64 {
        self.batch.keys()
    }
}

/// A batch that CloudFront accepted.
#[derive(Deserialize, Serialize)]
struct Made {
    planned: Planned,
    invalidation_id: String,
    created: String,
}

/// Keys of a batch that its paths do not name, because they were folded.
#[derive(Deserialize, Serialize)]
struct Folded {
    reference: String,
    ids: String,
}

/// The record of an entry.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    RunId(String),
    Planned(Planned),
    Folded(Folded),
    Made(Made),
}

impl Kept {
    /// Opens the journal, only to read it in a dry run.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open(path: Option<&Path>, identity: &Identity, dry_run: bool) -> Result<Self> {
        let open = |path| if dry_run { Journal::read(path, identity) } else { Journal::open(path, identity) };
        path.map(open).transpose().map(Self)
    }

    /// Whether there is one.
    pub fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// The run id of the first run with this journal.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn run_id(&self) -> Result<Option<String>> {
        let entry = self.0.as_ref().map(|journal| journal.find(run_id())).transpose()?.flatten();
        Ok(match entry.map(line).transpose()? {
            Some(Line::RunId(id)) => Some(id),
            _ => None,
        })
    }

    /// Keeps the run id for the runs after this one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn keep_run_id(&self, id: &str) -> Result<()> {
        let Some(journal) = &self.0 else { return Ok(()) };
        journal.commit(run_id(), &Record::from_value(&Line::RunId(id.to_owned()))?).await
    }

    /// Puts on disk that these are about to be sent, all of them before the first is.
    ///
    /// # Errors
    /// When that fails: then none may be sent.
    pub async fn plan(&self, planned: &[Planned]) -> Result<()> {
        let Some(journal) = &self.0 else { return Ok(()) };
        for one in planned {
            let ids: Vec<PathId> = one.batch.paths.iter().flat_map(|sent| &sent.others).copied().collect();
            for (n, ids) in ids.chunks(IDS).enumerate() {
                let folded = Folded { reference: one.reference.clone(), ids: PathId::to_text(ids) };
                let id = Id::of(&["folded", &one.reference, &n.to_string()]);
                journal.intend(id, &Record::from_value(&Line::Folded(folded))?).await?;
            }
            journal.intend(batch(&one.reference), &Record::from_value(&Line::Planned(one.clone()))?).await?;
        }
        Ok(())
    }

    /// Puts on disk that one was accepted.
    ///
    /// # Errors
    /// When that fails. It was accepted all the same.
    pub async fn accepted(&self, planned: &Planned, accepted: &Accepted) -> Result<()> {
        let Some(journal) = &self.0 else { return Ok(()) };
        let id = batch(&planned.reference);
        let (invalidation_id, created) = (accepted.id.clone(), accepted.created.clone());
        let made = Line::Made(Made { planned: planned.clone(), invalidation_id, created });
        journal.commit(id, &Record::from_value(&made)?).await
    }

    /// What earlier runs left.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn earlier(&self) -> Result<Earlier> {
        let mut earlier = Earlier::default();
        self.each(|line| {
            match line {
                Line::Planned(planned) => {
                    earlier.parts = earlier.parts.max(planned.part + 1);
                    earlier.planned.push(planned);
                }
                Line::Made(Made { planned, .. }) => {
                    earlier.parts = earlier.parts.max(planned.part + 1);
                    if earlier.accepted.insert(planned.reference.clone()) {
                        earlier.paid += planned.batch.paths.len() as u64;
                    }
                    // A part is sent whole before the next is planned: never many are left.
                    earlier.planned.retain(|one| one.reference != planned.reference);
                }
                Line::RunId(_) | Line::Folded(_) => {}
            }
            Ok(())
        })?;
        Ok(earlier)
    }

    /// The batches that were accepted, one after the other.
    pub fn made(&self) -> impl Iterator<Item = Result<(Batch, Accepted)>> {
        let entries = self.0.iter().flat_map(Journal::earlier);
        entries.filter_map(|entry| match entry.and_then(line) {
            Ok(Line::Made(Made { planned, invalidation_id: id, created })) => {
                let reference = planned.reference.clone();
                // How far it is now must be asked for.
                let accepted =
                    Accepted { id, status: Status::InProgress, created, reference, replayed: true };
                Some(Ok((planned.batch, accepted)))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// The keys that batches of earlier runs cover, but for the batches with these references.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn covered(&self, earlier: &Earlier, but: &HashSet<String>) -> Result<Covered> {
        let mut covered = Covered::default();
        let planned: HashSet<&str> = earlier.planned.iter().map(|one| one.reference.as_str()).collect();
        let mut own = |paths: &[Sent]| {
            for sent in paths {
                // Those beside its own are in lines of their own.
                covered.add(PathId::of_sent(&sent.path), sent.own);
            }
        };
        earlier.planned.iter().for_each(|one| own(&one.batch.paths));
        let mut counted = HashSet::new();
        self.each(|line| {
            if let Line::Made(Made { planned, .. }) = line
                && !but.contains(&planned.reference)
                && counted.insert(planned.reference.clone())
            {
                own(&planned.batch.paths);
            }
            Ok(())
        })?;
        self.each(|line| {
            if let Line::Folded(Folded { reference, ids }) = line
                && (counted.contains(&reference) || planned.contains(reference.as_str()))
            {
                PathId::from_text(&ids).for_each(|id| covered.add(id, 1));
            }
            Ok(())
        })?;
        Ok(covered)
    }

    fn each(&self, mut take: impl FnMut(Line) -> Result<()>) -> Result<()> {
        self.0.iter().flat_map(Journal::earlier).try_for_each(|entry| take(line(entry?)?))
    }
}

fn run_id() -> Id {
    Id::of(&["run id"])
}

fn batch(reference: &str) -> Id {
    Id::of(&["batch", reference])
}

fn line(entry: Entry) -> Result<Line> {
    let (Entry::Intent(record) | Entry::Result(record)) = entry;
    record.view().map_err(Error::msg)
}
