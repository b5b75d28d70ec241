//! Sends what has gathered: at the price that may be paid, and only when there is room for it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use common::Ctx;
use common::aws::Trouble;
use common::retry::Backoff;
use tokio::time::{Instant, sleep_until};

use crate::batch::{Batch, Load, batches};
use crate::cloudfront::{Accepted, CloudFront, Status, explained, passes};
use crate::fold::Entry;
use crate::kept::{Kept, Planned};
use crate::price::Budget;
use crate::receipt::Receipts;
use crate::wait::Pending;

/// Paths without wildcards that may be in progress in one distribution (quotas of CloudFront, file invalidations).
const SINGLES: usize = 3000;
/// Wildcards that may be, counted apart from those.
pub const WILDCARDS: usize = 15;

/// Time between two invalidations once CloudFront has throttled: it lets an account make about one in two seconds.
const SLOW: Duration = Duration::from_secs(2);
/// Time between two looks for room, or tries after a throttle.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(2), cap: Duration::from_secs(20) };

/// Makes invalidations, one after the other.
pub struct Sender {
    /// Where they are made.
    pub cloudfront: CloudFront,
    /// Where their receipts go.
    pub receipts: Receipts,
    /// The longest that one may wait to be accepted.
    pub timeout: Duration,
    /// What may be spent.
    pub budget: Budget,
    /// Whether only to say what would be done.
    pub dry_run: bool,
    /// Those whose receipts are written when they are completed; none where nobody waits for that.
    pub pending: Option<Pending>,
    /// When the next one may be made, once there was a throttle.
    pub pace: Option<Instant>,
    /// Which part of the purge is sent next, counted from 0.
    pub part: u64,
    /// What later runs must know.
    pub kept: Arc<Kept>,
    /// Counts and stop signal.
    pub ctx: Ctx,
}

/// How one try to make an invalidation ended, other than by an error.
enum Try {
    Accepted(Accepted),
    /// Why not now.
    Later(String),
}

impl Sender {
    /// Sends entries, which are sorted and different from each other. Stops early when the run is stopped, and tells
    /// how many keys are left then.
    ///
    /// # Errors
    /// The budget is exceeded (nothing is sent then), an invalidation had to wait too long, or CloudFront refused one.
    pub async fn send(&mut self, entries: Vec<Entry>) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let cost = self.budget.spend(entries.len() as u64)?;
        let wildcards = entries.iter().filter(|entry| entry.wildcard).count();
        let mut left: u64 = entries.iter().map(|entry| entry.keys).sum();
        let (paths, what) = (entries.len() - wildcards, if self.dry_run { "to purge" } else { "purging" });
        tracing::info!("{what}: keys {left}, paths {paths}, wildcards {wildcards}, cost at most {cost}");
        let planned: Vec<_> = batches(entries).map(|batch| self.plan(batch)).collect();
        if !self.dry_run {
            self.kept.plan(&planned).await.inspect_err(|_| tell_unsent(left))?;
        }
        self.part += 1;
        for planned in planned {
            let keys = planned.keys();
            if !self.make(planned).await.inspect_err(|_| tell_unsent(left))? {
                tell_unsent(left);
                return self.receipts.out.halt();
            }
            left -= keys;
            self.ctx.counts.done(keys);
        }
        Ok(())
    }

    fn plan(&self, batch: Batch) -> Planned {
        let reference = self.receipts.reference(&batch, self.part);
        Planned { part: self.part, reference, batch }
    }

    /// Makes one invalidation as soon as that is possible, or says what it would be. False when the run was stopped
    /// before.
    pub async fn make(&mut self, planned: Planned) -> Result<bool> {
        if self.dry_run {
            return self.receipts.write(&planned.batch, None).await.map(|()| true);
        }
        let Planned { ref batch, ref reference, .. } = planned;
        let deadline = Instant::now() + self.timeout;
        let mut tried = 0;
        loop {
            let why = match self.attempt(batch, reference).await? {
                None => return Ok(false),
                Some(Try::Later(why)) => why,
                Some(Try::Accepted(accepted)) => {
                    tracing::debug!("{} accepted, {} paths", accepted.id, batch.paths.len());
                    let kept = self.kept.accepted(&planned, &accepted).await;
                    self.tell(planned.batch, accepted).await?;
                    // It was accepted and is told, whatever became of the journal.
                    return kept.map(|()| true);
                }
            };
            if Instant::now() >= deadline {
                bail!("an invalidation could not be made within {:?} (--timeout): {why}", self.timeout);
            }
            if tried == 0 {
                tracing::info!("waiting: {why}");
            }
            self.look().await?;
            if !self.sleep((Instant::now() + AGAIN.delay(tried)).min(deadline)).await {
                return Ok(false);
            }
            tried += 1;
        }
    }

    /// Writes the receipts of an invalidation, now or when it is completed.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn tell(&mut self, batch: Batch, accepted: Accepted) -> Result<()> {
        match &mut self.pending {
            Some(pending) if accepted.status == Status::InProgress => {
                pending.add(batch, accepted);
                Ok(())
            }
            _ => self.receipts.write(&batch, Some((&accepted, accepted.status))).await,
        }
    }

    /// Tries once. Nothing when the run was stopped.
    async fn attempt(&mut self, batch: &Batch, reference: &str) -> Result<Option<Try>> {
        let load = match self.cloudfront.in_progress().await {
            Ok(load) => load,
            Err(trouble) => return self.later(trouble).map(Some),
        };
        if let Some(why) = no_room(load, batch) {
            return Ok(Some(Try::Later(why)));
        }
        if !self.sleep(self.pace.unwrap_or_else(Instant::now)).await {
            return Ok(None);
        }
        let made = self.cloudfront.create(batch, reference).await;
        self.pace = self.pace.map(|_| Instant::now() + SLOW);
        match made {
            Ok(accepted) => Ok(Some(Try::Accepted(accepted))),
            Err(trouble) => self.later(trouble).map(Some),
        }
    }

    /// What passes by itself is waited for.
    fn later(&mut self, trouble: Trouble) -> Result<Try> {
        if is_throttle(&trouble) {
            self.pace = Some(Instant::now() + SLOW);
        }
        if passes(&trouble) {
            return Ok(Try::Later(trouble.message));
        }
        Err(explained(trouble))
    }

    /// False when the run was stopped before.
    async fn sleep(&self, until: Instant) -> bool {
        tokio::select! {
            biased;
            () = self.receipts.out.halted() => false,
            () = sleep_until(until) => true,
        }
    }

    /// When to look at what is waited for, if anything is.
    pub fn next_look(&self) -> Option<Instant> {
        self.pending.as_ref().filter(|pending| !pending.is_empty()).map(|pending| pending.next)
    }

    /// Looks at what is waited for.
    ///
    /// # Errors
    /// As [`Pending::look`].
    pub async fn look(&mut self) -> Result<()> {
        match &mut self.pending {
            Some(pending) => pending.look(&self.cloudfront, &self.receipts).await,
            None => Ok(()),
        }
    }

    /// Waits for what was made where that is wanted and everything went well; otherwise tells how far it is.
    ///
    /// # Errors
    /// Something was not completed in time, or receipts could not be written.
    pub async fn finish(&mut self, well: bool) -> Result<()> {
        let Some(pending) = &mut self.pending else {
            return Ok(());
        };
        let waited = if well { pending.wait(&self.cloudfront, &self.receipts).await } else { Ok(()) };
        pending.give_up(&self.receipts).await.and(waited)
    }
}

fn is_throttle(trouble: &Trouble) -> bool {
    trouble.code.contains("Throttl") || trouble.status == Some(429)
}

fn no_room(now: Load, batch: &Batch) -> Option<String> {
    let Load { singles, wildcards } = batch.load();
    let fits = now.singles + singles <= SINGLES && now.wildcards + wildcards <= WILDCARDS;
    (!fits).then(|| {
        format!(
            "{} of {SINGLES} paths and {} of {WILDCARDS} wildcards are in progress, no room for {singles} and {wildcards}",
            now.singles, now.wildcards
        )
    })
}

/// Tells how many keys CloudFront was not told of.
pub fn tell_unsent(keys: u64) {
    tracing::warn!("keys read and not purged: {keys}; give the same input again");
}
