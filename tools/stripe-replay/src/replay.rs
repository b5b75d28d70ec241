//! The run: events in, calls in flight, receipts and rejects out.

use std::collections::BTreeSet;
use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use common::input::Item;
use common::journal::{Entry, Id, Journal};
use common::pipe::{self, Items};
use common::reject::Rejects;
use common::{Ctx, Record, Reject};
use tokio::task::{JoinError, JoinSet};

use crate::cli::Order;
use crate::event::Event;
use crate::lanes::Lanes;
use crate::notices::Notices;
use crate::receipt::Receipt;
use crate::send::{Outcome, Sender};

/// Events that may be held back for each call in flight, so that a slow object does not hold up the others.
const AHEAD: usize = 32;
/// Bytes of events that may be held back.
const BYTES: usize = 16 << 20;

/// Events that are known by an id of their own across runs.
pub struct Known {
    /// What earlier runs did, and where this one writes.
    pub journal: Arc<Journal>,
    /// The URL that is called: another handler gets its own copy.
    pub target: String,
    /// Events that came in this run.
    pub taken: BTreeSet<Id>,
}

/// One run.
pub struct Replay {
    /// Absent in a dry run.
    pub sender: Option<Arc<Sender>>,
    pub known: Option<Known>,
    pub order: Order,
    pub live: bool,
    pub concurrency: NonZeroUsize,
    pub max_consecutive_failures: NonZeroU32,
    pub notices: Notices,
    pub rejects: Rejects,
    pub lines: pipe::Lines,
    /// Its stop signal also ends the run after an error.
    pub ctx: Ctx,
}

/// What a run knows while calls are in flight.
struct Flow {
    replay: Replay,
    lanes: Lanes<Event>,
    bytes: usize,
    /// Events that failed since one was accepted.
    failures: u32,
    /// Events that came again.
    repeated: u64,
    unsent: usize,
}

impl Replay {
    /// Sends what comes.
    ///
    /// # Errors
    /// Whatever ends the run: see the tool's exit code 1.
    pub async fn run(self, mut items: Items<io::Result<Item>>) -> Result<()> {
        let (ctx, lines, concurrency) = (self.ctx.clone(), self.lines.clone(), self.concurrency.get());
        let mut flow =
            Flow { replay: self, lanes: Lanes::new(), bytes: 0, failures: 0, repeated: 0, unsent: 0 };
        let mut tasks = JoinSet::new();
        let (mut more, mut result) = (true, Ok(()));
        loop {
            while !ctx.stop.is_cancelled()
                && tasks.len() < concurrency
                && let Some(task) = flow.next()
            {
                tasks.spawn(task);
            }
            if !more && tasks.is_empty() {
                break;
            }
            let step = tokio::select! {
                biased;
                () = ctx.stop.cancelled(), if more => {
                    more = false;
                    Ok(())
                }
                () = lines.closed(), if !ctx.stop.is_cancelled() => {
                    tracing::warn!("stdout was closed: calls in flight are being ended");
                    Err(anyhow!("stdout was closed before the run was finished"))
                }
                Some(done) = tasks.join_next(), if !tasks.is_empty() => flow.ended(done).await,
                item = items.next(), if more && flow.has_room() => match item {
                    Some(item) => flow.take(item).await,
                    None => {
                        more = false;
                        Ok(())
                    }
                },
            };
            if step.is_err() {
                more = false;
                ctx.stop.cancel();
                // The first error: those after it are most often its consequences.
                result = result.and(step);
            }
        }
        flow.tell();
        result
    }
}

impl Flow {
    fn has_room(&self) -> bool {
        self.lanes.held() < AHEAD * self.replay.concurrency.get() && self.bytes < BYTES
    }

    /// Takes one input: it is answered at once, or put into its lane.
    async fn take(&mut self, item: io::Result<Item>) -> Result<()> {
        let counts = Arc::clone(&self.replay.ctx.counts);
        let record = match item.context("cannot read the input")? {
            Item::Record(record) => record,
            Item::Line(bad) => {
                counts.read(1);
                return self.replay.rejects.write(&Reject::from(&bad), &Item::Line(bad));
            }
        };
        let event = match Event::of(record, self.replay.order, self.replay.live) {
            Ok(event) => event,
            Err((reject, record)) => {
                counts.read(1);
                return self.replay.rejects.write(&reject, &Item::Record(record));
            }
        };
        self.replay.notices.look(&event);
        let dry_run = self.replay.sender.is_none();
        if let Some(known) = &mut self.replay.known {
            let id = known.id(&event);
            let earlier = match known.journal.find(id)? {
                Some(Entry::Result(result)) => Some(result),
                Some(Entry::Intent(_)) | None => None,
            };
            if earlier.is_some() || !known.taken.insert(id) {
                counts.read(1);
                counts.done(1);
                return match earlier {
                    Some(result) => self.write(&Receipt::again(&result, dry_run)?).await,
                    None => {
                        self.repeated += 1;
                        Ok(())
                    }
                };
            }
        }
        if dry_run {
            counts.read(1);
            counts.done(1);
            return self.write(&Receipt::rehearsed(&event)).await;
        }
        let length = event.record.as_str().len();
        match self.lanes.push(event.lane, event) {
            Ok(()) => {
                self.bytes += length;
                Ok(())
            }
            Err(event) => self.block(event),
        }
    }

    /// The work of the next event that may be sent.
    fn next(&mut self) -> Option<impl Future<Output = (Event, Result<Outcome>)> + Send + use<>> {
        let sender = Arc::clone(self.replay.sender.as_ref()?);
        let (_, event) = self.lanes.next()?;
        self.bytes -= event.record.as_str().len();
        self.replay.ctx.counts.read(1);
        let known = self.replay.known.as_ref().map(|known| (Arc::clone(&known.journal), known.id(&event)));
        Some(async move {
            let outcome = sender.send(&event).await;
            let written = match (&outcome, known) {
                (Outcome::Accepted(receipt), Some((journal, id))) => commit(&journal, id, receipt).await,
                _ => Ok(()),
            };
            (event, written.map(|()| outcome))
        })
    }

    /// Books the end of an event's work, and lets follow what may.
    async fn ended(&mut self, done: Result<(Event, Result<Outcome>), JoinError>) -> Result<()> {
        let (event, outcome) = match done {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => return Err(error.into()),
        };
        let reject = match outcome? {
            Outcome::Accepted(receipt) => {
                self.failures = 0;
                self.lanes.done(event.lane);
                self.replay.ctx.counts.done(1);
                return self.write(&receipt).await;
            }
            Outcome::Unsent => {
                self.unsent += 1;
                return Ok(());
            }
            Outcome::Failed(reject) => reject,
        };
        let lane = event.lane;
        self.replay.rejects.write(&reject, &Item::Record(event.record))?;
        self.failures += 1;
        let Reject { message, .. } = reject;
        if self.replay.order == Order::Global {
            bail!("{message}; nothing is sent after it (--order global)");
        }
        if self.failures >= self.replay.max_consecutive_failures.get() {
            let failures = self.failures;
            bail!("{failures} events failed in a row (--max-consecutive-failures), the last: {message}");
        }
        if self.replay.order == Order::Object && !self.replay.ctx.stop.is_cancelled() {
            for event in self.lanes.close(lane) {
                self.bytes -= event.record.as_str().len();
                self.block(event)?;
            }
        }
        Ok(())
    }

    fn block(&self, event: Event) -> Result<()> {
        self.replay.ctx.counts.read(1);
        let message = format!("{}: an earlier event of its object failed", event.id);
        let reject = Reject::retryable("blocked", message);
        self.replay.rejects.write(&reject, &Item::Record(event.record))
    }

    /// Writes a receipt; to stderr where stdout takes no more.
    async fn write(&self, receipt: &Receipt) -> Result<()> {
        match self.replay.lines.send(Record::from_value(receipt)?.into_line()).await {
            Ok(()) => Ok(()),
            Err(line) => self.replay.ctx.salvage(&line),
        }
    }

    fn tell(&self) {
        self.replay.notices.tell();
        if self.repeated > 0 {
            tracing::info!("events that came more than once and were taken once: {}", self.repeated);
        }
        let unsent = self.unsent + self.lanes.held();
        if unsent > 0 {
            tracing::warn!("events that were read and not sent: {unsent}; run again with the same input");
        }
    }
}

impl Known {
    fn id(&self, event: &Event) -> Id {
        Id::of(&[&self.target, &event.id])
    }
}

async fn commit(journal: &Journal, id: Id, receipt: &Receipt) -> Result<()> {
    journal.commit(id, &Record::from_value(receipt)?).await
}
