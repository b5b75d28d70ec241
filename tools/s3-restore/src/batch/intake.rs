//! Reading the records: sorted many at once, and put on their piles in the order in which they came, so that the same input
//! makes the same manifest.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use common::Ctx;
use common::pipe::{Items, Source};
use common::receipts::Receipts;
use common::record::{Item, Record};
use common::reject::{Failure, Reject, Rejects};
use tokio::task::JoinSet;

use super::pile::Piles;
use super::sort::{Sorted, Sorter};
use crate::input::Task;

/// Records between the first that is not sorted yet and the last that is, for each that is sorted at once.
const AHEAD: u64 = 4;

/// What reading needs.
pub struct Intake<'a> {
    pub ctx: &'a Ctx,
    pub rejects: &'a Rejects,
    pub receipts: &'a Receipts,
    pub concurrency: NonZeroUsize,
}

impl Intake<'_> {
    /// Sorts every record of the source; false where the run is to end before all are read.
    ///
    /// # Errors
    /// What ends the run: a fatal failure, an unreadable source, too many rejects, a disk that is full.
    pub async fn read<S>(
        &self,
        source: Source<S>,
        accept: impl Fn(&Record) -> Result<Task, Reject>,
        sorter: &Arc<Sorter>,
        piles: &mut Piles,
    ) -> Result<bool>
    where
        S: Iterator<Item = io::Result<Item>> + Send + 'static,
    {
        let mut items = Items::read(source, self.concurrency)?;
        // Tasks only read: where this ends early they are dropped.
        let mut tasks: JoinSet<(u64, Record, Result<Sorted, Failure>)> = JoinSet::new();
        let mut waiting = BTreeMap::new();
        let (mut taken, mut next, mut more) = (0, 0, true);
        let room = AHEAD * self.concurrency.get() as u64;
        while more || next < taken {
            tokio::select! {
                biased;
                () = self.receipts.halted() => return Ok(false),
                Some(sorted) = tasks.join_next(), if !tasks.is_empty() => {
                    let (number, record, sorted) = sorted?;
                    waiting.insert(number, (record, sorted));
                    while let Some((record, sorted)) = waiting.remove(&next) {
                        next += 1;
                        self.put(record, sorted, piles)?;
                    }
                }
                item = items.next(),
                    if more && tasks.len() < self.concurrency.get() && taken - next < room =>
                {
                    match item {
                        None => more = false,
                        Some(Err(err)) => return Err(anyhow!(err).context("cannot read the input")),
                        Some(Ok(Item::Line(bad))) => {
                            self.ctx.counts.read(1);
                            self.rejects.write(&Reject::from(&bad), &Item::Line(bad))?;
                        }
                        Some(Ok(Item::Record(record))) => {
                            self.ctx.counts.read(1);
                            let (task, sorter, number) = (accept(&record), Arc::clone(sorter), taken);
                            taken += 1;
                            tasks.spawn(async move {
                                let sorted = match task {
                                    Ok(task) => Box::pin(sorter.sort(&record, &task)).await,
                                    Err(reject) => Err(reject.into()),
                                };
                                (number, record, sorted)
                            });
                        }
                    }
                }
            }
        }
        Ok(true)
    }

    fn put(&self, record: Record, sorted: Result<Sorted, Failure>, piles: &mut Piles) -> Result<()> {
        match sorted {
            Ok(sorted) => {
                if !matches!(sorted, Sorted::Job(_)) {
                    self.ctx.counts.done(1);
                }
                piles.put(&record, sorted)
            }
            Err(Failure::Reject(reject)) => self.rejects.write(&reject, &Item::Record(record)),
            Err(Failure::Fatal(error)) => Err(error),
        }
    }
}
