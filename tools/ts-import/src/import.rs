//! The import: gathers documents while a batch is in flight, and sends the next one when that is done.

mod repeat;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use anyhow::{Result, anyhow};
use common::Ctx;
use common::pipe::Items;
use common::receipts::Receipts;
use common::reject::Rejects;
use common::writes::{self, OpenWrite};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::batch::{Batch, Gathering, Limits};
use crate::ending::Ending;
use crate::lookup::Lookup;
use crate::receipt::Receipt;
use crate::resume::{Page, Resume, Step};
use crate::send::{Outcome, Sender};
use crate::source::{Document, Line};

/// How long documents wait for more of them when nothing is in flight.
const LINGER: Duration = Duration::from_millis(50);

/// What an import works with.
pub struct Import {
    /// The collection's own name.
    pub collection: String,
    /// The sender, while nothing is in flight; none in a rehearsal.
    pub sender: Option<Sender>,
    /// How large batches may be.
    pub limits: Limits,
    /// Whether the input is whole.
    pub ending: Ending,
    /// What earlier runs did.
    pub resume: Option<Resume>,
    /// What looks whether they are there still, if it is to be looked.
    pub check: Option<Lookup>,
    /// Where receipts go.
    pub receipts: Receipts,
    /// Where documents go that cannot be sent.
    pub rejects: Rejects,
    /// Counts and stop signal.
    pub ctx: Ctx,
}

/// How the import went, where nothing ended it early.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Documents that were imported, by earlier runs too.
    pub accepted: u64,
    /// Whether every line of the input was imported or rejected.
    pub is_whole: bool,
    /// Lines that were rejected.
    pub rejected: u64,
    /// Documents that this run imported.
    imported: u64,
}

impl Totals {
    /// Says how fast it went.
    pub fn report(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        // Only the order of magnitude matters, and no count is beyond 2^53.
        let rate = self.imported as f64 / seconds.max(0.001);
        tracing::info!("imported {} documents in {seconds:.1} s, {rate:.0} documents/s", self.imported);
    }
}

/// A batch that is back.
struct Flown {
    sender: Sender,
    batch: Batch,
    page: Option<Page>,
    outcome: Result<Outcome>,
    took: Duration,
    /// A signal waits for the batch until this is dropped.
    open: OpenWrite,
}

/// The state of a run.
struct Flow {
    import: Import,
    gathering: Gathering,
    /// When to send what has gathered though it is little.
    until: Instant,
    /// Documents that came after the batch was full.
    waiting: VecDeque<Line>,
    flying: JoinSet<Flown>,
    documents: u64,
    totals: Totals,
    /// Documents that were read and not sent.
    unsent: usize,
}

impl Import {
    /// Reads to the end of the input and imports everything, or stops before.
    ///
    /// # Errors
    /// Whatever ends the run: see the tool's exit code 1.
    pub async fn run(self, items: Items<io::Result<Vec<Line>>>) -> Result<Totals> {
        let mut flow = Flow {
            import: self,
            gathering: Gathering::default(),
            until: Instant::now(),
            waiting: VecDeque::new(),
            flying: JoinSet::new(),
            documents: 0,
            totals: Totals::default(),
            unsent: 0,
        };
        let result = flow.run(items).await;
        if result.is_err() {
            // What is in flight is finished, but nothing is waited for any more.
            flow.import.ctx.stop.cancel();
        }
        let finished = flow.drain().await;
        let result = result.and(finished);
        let documents = flow.waiting.iter().filter(|line| matches!(line, Line::Document(_))).count();
        let unsent = flow.unsent + flow.gathering.len() + documents;
        if unsent > 0 {
            tracing::warn!("documents read whose import is not certain: {unsent}; give the same input again");
        }
        result.map(|()| flow.totals)
    }
}

impl Flow {
    async fn run(&mut self, mut items: Items<io::Result<Vec<Line>>>) -> Result<()> {
        let mut more = true;
        loop {
            self.fill().await?;
            let is_due = !more || !self.waiting.is_empty() || self.gathering.is_full(self.import.limits);
            if is_due && self.flying.is_empty() && !self.gathering.is_empty() {
                self.start().await?;
                continue;
            }
            if !more && self.flying.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                () = self.import.receipts.halted() => return self.import.receipts.halt(),
                Some(done) = self.flying.join_next(), if !self.flying.is_empty() => {
                    self.landed(done).await?;
                }
                chunk = items.next(), if more && self.waiting.is_empty() => match chunk {
                    None => more = false,
                    Some(Ok(chunk)) => self.waiting.extend(chunk),
                    Some(Err(error)) => return Err(anyhow!(error).context("cannot read the input")),
                },
                () = sleep_until(self.until), if self.flying.is_empty() && !self.gathering.is_empty() => {
                    self.start().await?;
                }
            }
        }
        self.totals.is_whole = true;
        if let Some(resume) = &self.import.resume {
            resume.check_end()?;
        }
        self.import.ending.check()
    }

    /// Waits for what is in flight.
    async fn drain(&mut self) -> Result<()> {
        while let Some(done) = self.flying.join_next().await {
            self.landed(done).await?;
        }
        Ok(())
    }

    /// Takes what waits, as far as there is room.
    async fn fill(&mut self) -> Result<()> {
        while let Some(line) = self.waiting.front() {
            if let Line::Document(document) = line
                && !self.gathering.has_room(document, self.import.limits)
            {
                break;
            }
            match self.waiting.pop_front() {
                Some(Line::Document(document)) => self.take(document).await?,
                Some(Line::Bad(reject, item)) => {
                    self.count();
                    self.totals.rejected += 1;
                    self.import.rejects.write(&reject, &item)?;
                }
                Some(Line::Trailer(trailer)) => self.import.ending.trailer(trailer),
                None => break,
            }
        }
        Ok(())
    }

    fn count(&mut self) {
        self.import.ctx.counts.read(1);
        self.import.ending.line();
    }

    async fn take(&mut self, document: Document) -> Result<()> {
        self.count();
        self.documents += 1;
        let step = match &mut self.import.resume {
            Some(resume) => resume.step(document)?,
            None => Step::Import(document),
        };
        match step {
            Step::Import(document) => {
                if self.gathering.is_empty() {
                    self.gathering = Gathering::new(self.documents - 1);
                    self.until = Instant::now() + LINGER;
                }
                self.gathering.push(document);
            }
            Step::Done => {}
            Step::LastOf(earlier) => self.repeat(earlier).await?,
        }
        Ok(())
    }

    /// Sends what has gathered.
    async fn start(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.gathering).finish();
        self.import.limits = self.import.limits.next();
        let Some(mut sender) = self.import.sender.take() else {
            return self.rehearse(&batch).await;
        };
        let page = self.import.resume.as_ref().map(|resume| resume.page(&batch));
        self.flying.spawn(async move {
            let (start, open) = (Instant::now(), writes::begin());
            let (intended, in_doubt) = match &page {
                Some(page) => (page.intend().await, page.in_doubt),
                None => (Ok(()), 0),
            };
            let outcome = match intended {
                Ok(()) => sender.send(&batch, in_doubt).await,
                Err(error) => Err(error),
            };
            Flown { sender, batch, page, outcome, took: start.elapsed(), open }
        });
        Ok(())
    }

    async fn rehearse(&mut self, batch: &Batch) -> Result<()> {
        self.import.ctx.counts.done(batch.len() as u64);
        let in_doubt = self.import.resume.as_ref().map_or(0, |resume| resume.page(batch).in_doubt);
        let receipt = Receipt { resent: in_doubt > 0, dry_run: true, ..self.receipt(batch) };
        self.import.receipts.write(&[receipt]).await
    }

    fn receipt(&self, batch: &Batch) -> Receipt {
        Receipt {
            collection: self.import.collection.clone(),
            after: batch.first,
            documents: batch.len(),
            bytes: batch.bytes(),
            ..Receipt::default()
        }
    }

    /// Takes a batch that is back: into the journal first, then onto stdout, also if the journal does not take it.
    async fn landed(&mut self, done: Result<Flown, JoinError>) -> Result<()> {
        let Flown { sender, batch, page, outcome, took, open: _open } = match done {
            Ok(flown) => flown,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => return Err(error.into()),
        };
        self.import.sender = Some(sender);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                self.unsent += batch.len();
                return Err(error);
            }
        };
        let accepted = outcome.accepted();
        let Outcome { failures, requests, open, .. } = outcome;
        self.totals.accepted += accepted as u64;
        self.totals.imported += accepted as u64;
        self.totals.rejected += failures.len() as u64;
        self.unsent += open;
        let receipt = Receipt {
            accepted: Some(accepted),
            rejected: Some(failures.len()),
            ms: Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            requests: Some(requests),
            resent: page.as_ref().is_some_and(|page| page.in_doubt > 0),
            ..self.receipt(&batch)
        };
        let stored = match page.filter(|_| open == 0) {
            Some(page) => page.commit(receipt.clone(), failures).await,
            None => Ok(()),
        };
        self.import.receipts.write(&[receipt]).await.and(stored)
    }
}
