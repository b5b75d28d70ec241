//! The run: events in, calls in flight, receipts and rejects out.

use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use common::input::Item;
use common::pipe::Items;
use common::receipts::Receipts;
use common::reject::Rejects;
use common::{Ctx, Reject, writes};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use crate::cli::Order;
use crate::event::Event;
use crate::known::{Fate, Known, Page};
use crate::lanes::Lanes;
use crate::notices::Notices;
use crate::receipt::Receipt;
use crate::send::{Outcome, Sender};

/// Events that may be held back for each call in flight, so that a slow object does not hold up the others.
const AHEAD: usize = 32;
/// Bytes of events that may be held back.
const BYTES: usize = 16 << 20;

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
    pub receipts: Receipts,
    /// Its stop signal also ends the run after an error.
    pub ctx: Ctx,
}

/// What a run knows while calls are in flight.
struct Flow {
    replay: Replay,
    lanes: Lanes<Event>,
    tasks: JoinSet<Step>,
    /// Tasks that are not storing what is done already.
    sending: usize,
    /// A permit for each call at once.
    calls: Arc<Semaphore>,
    bytes: usize,
    /// Events that failed since one was accepted.
    failures: u32,
    /// Events that came again.
    repeated: u64,
    unsent: usize,
}

/// What a task has done.
enum Step {
    /// The event was sent, or was not to be any more; with an error, since the journal did not take that it would be.
    Called(Event, Result<Outcome>),
    /// The event was accepted, and the journal has its receipt, or not.
    Stored(Receipt, Result<()>),
}

impl Replay {
    /// Sends what comes.
    ///
    /// # Errors
    /// Whatever ends the run: see the tool's exit code 1.
    pub async fn run(self, mut items: Items<io::Result<Item>>) -> Result<()> {
        let (ctx, receipts) = (self.ctx.clone(), self.receipts.clone());
        // After a signal every wait in here ends but those for calls in flight and for their receipts.
        let _open = writes::begin();
        let mut flow = Flow {
            calls: Arc::new(Semaphore::new(self.concurrency.get())),
            replay: self,
            lanes: Lanes::new(),
            tasks: JoinSet::new(),
            sending: 0,
            bytes: 0,
            failures: 0,
            repeated: 0,
            unsent: 0,
        };
        let (mut more, mut result) = (true, Ok(()));
        loop {
            while !ctx.stop.is_cancelled() && flow.start() {}
            if !more && flow.tasks.is_empty() {
                break;
            }
            let step = tokio::select! {
                biased;
                () = receipts.halted(), if more || !ctx.stop.is_cancelled() => {
                    more = false;
                    receipts.halt().inspect_err(|_| {
                        tracing::warn!("stdout was closed: calls in flight are being ended");
                    })
                }
                Some(done) = flow.tasks.join_next(), if !flow.tasks.is_empty() => flow.ended(done).await,
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
        flow.report();
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
        let mut event = match Event::of(record, self.replay.order, self.replay.live) {
            Ok(event) => event,
            Err((reject, record)) => {
                counts.read(1);
                return self.replay.rejects.write(&reject, &Item::Record(record));
            }
        };
        self.replay.notices.look(&event);
        let dry_run = self.replay.sender.is_none();
        let fate = self.replay.known.as_mut().map(|known| known.take(&event)).transpose()?;
        event.resent = matches!(fate, Some(Fate::Begun));
        let receipt = match fate {
            Some(Fate::Repeated) => None,
            Some(Fate::Done(receipt)) if dry_run => Some(receipt.in_dry_run()),
            Some(Fate::Done(receipt)) => Some(receipt),
            _ if dry_run => Some(Receipt::planned(&event)),
            _ => return self.enqueue(event),
        };
        counts.read(1);
        counts.done(1);
        match receipt {
            Some(receipt) => self.replay.receipts.write(&[receipt]).await,
            None => {
                self.repeated += 1;
                Ok(())
            }
        }
    }

    fn enqueue(&mut self, event: Event) -> Result<()> {
        let length = event.record.as_str().len();
        match self.lanes.push(event.lane, event) {
            Ok(()) => {
                self.bytes += length;
                Ok(())
            }
            Err(event) => self.block(event),
        }
    }

    /// Starts the work of the next event that may be sent; false where there is none, or no room for one more.
    ///
    /// With a journal as many events again are written into it ahead of their calls, so that these need not wait for
    /// the disk.
    fn start(&mut self) -> bool {
        let most = self.replay.concurrency.get() * if self.replay.known.is_some() { 2 } else { 1 };
        let Some(sender) = &self.replay.sender else { return false };
        if self.sending >= most {
            return false;
        }
        let Some((_, event)) = self.lanes.next() else { return false };
        self.sending += 1;
        self.bytes -= event.record.as_str().len();
        self.replay.ctx.counts.read(1);
        let page = self.replay.known.as_ref().map(|known| known.page(&event));
        self.tasks.spawn(call(event, page, Arc::clone(sender), Arc::clone(&self.calls)));
        true
    }

    /// Books the end of a task, and lets follow what may.
    async fn ended(&mut self, done: Result<Step, JoinError>) -> Result<()> {
        match done {
            Ok(Step::Called(event, outcome)) => {
                self.sending -= 1;
                self.called(event, outcome).await
            }
            Ok(Step::Stored(receipt, stored)) => self.accepted(receipt, stored).await,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(error.into()),
        }
    }

    async fn called(&mut self, event: Event, outcome: Result<Outcome>) -> Result<()> {
        let reject = match outcome {
            Ok(Outcome::Accepted(receipt)) => return self.store(event, receipt).await,
            Ok(Outcome::Failed(reject)) => reject,
            Ok(Outcome::Unsent) => {
                self.unsent += 1;
                return Ok(());
            }
            Err(error) => {
                self.unsent += 1;
                return Err(error);
            }
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

    /// Gives a receipt to the journal, where there is one, and lets the next of the lane follow.
    async fn store(&mut self, event: Event, receipt: Receipt) -> Result<()> {
        self.failures = 0;
        let stored = match &self.replay.known {
            // In the journal's queue the receipt stands before the intent of what follows in the lane: nothing is ever sent
            // again after what came later.
            Some(known) => known.page(&event).store(&receipt).await.map(Some),
            None => Ok(None),
        };
        self.lanes.done(event.lane);
        match stored {
            Ok(Some(stored)) => {
                self.tasks.spawn(async move { Step::Stored(receipt, stored.await) });
                Ok(())
            }
            Ok(None) => self.accepted(receipt, Ok(())).await,
            Err(error) => self.accepted(receipt, Err(error)).await,
        }
    }

    /// Writes the receipt of what was done, also where the journal did not take it.
    async fn accepted(&self, receipt: Receipt, stored: Result<()>) -> Result<()> {
        self.replay.ctx.counts.done(1);
        self.replay.receipts.write(&[receipt]).await.and(stored)
    }

    fn block(&self, event: Event) -> Result<()> {
        self.replay.ctx.counts.read(1);
        let message = format!("{}: an earlier event of its object failed", event.id);
        let reject = Reject::retryable("blocked", message);
        self.replay.rejects.write(&reject, &Item::Record(event.record))
    }

    fn report(&self) {
        self.replay.notices.report();
        if self.repeated > 0 {
            tracing::info!("events that came more than once and were taken once: {}", self.repeated);
        }
        let unsent = self.unsent + self.lanes.held();
        if unsent > 0 {
            tracing::warn!("events that were read and not sent: {unsent}; run again with the same input");
        }
    }
}

/// Sends an event, once the journal has that this is about to be done.
async fn call(event: Event, page: Option<Page>, sender: Arc<Sender>, calls: Arc<Semaphore>) -> Step {
    if let Some(page) = page
        && let Err(error) = page.intend(&event).await
    {
        return Step::Called(event, Err(error));
    }
    // It is never closed.
    let _permit = calls.acquire().await;
    let outcome = sender.send(&event).await;
    Step::Called(event, Ok(outcome))
}
