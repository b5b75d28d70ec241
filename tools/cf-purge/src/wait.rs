//! Invalidations that are not completed yet, and the receipts that wait with them.
//!
//! CloudFront allows only so many paths to be in progress, and that bounds what is held here.

use std::time::Duration;

use anyhow::{Result, bail};
use common::retry::Backoff;
use tokio::time::{Instant, sleep_until};

use crate::batch::Batch;
use crate::cloudfront::{Accepted, CloudFront, Status, explained, passes};
use crate::receipt::Receipts;

/// Time between two looks. An invalidation takes a minute or a few.
const AGAIN: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(20) };

/// Invalidations that are waited for.
pub struct Pending {
    waiting: Vec<Waiting>,
    timeout: Duration,
    looks: u32,
    /// When to look again.
    pub next: Instant,
}

struct Waiting {
    batch: Batch,
    accepted: Accepted,
    deadline: Instant,
}

impl Pending {
    /// None yet; each may take this long.
    pub fn new(timeout: Duration) -> Self {
        Self { waiting: Vec::new(), timeout, looks: 0, next: Instant::now() }
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds one that was just accepted.
    pub fn add(&mut self, batch: Batch, accepted: Accepted) {
        self.waiting.push(Waiting { batch, accepted, deadline: Instant::now() + self.timeout });
        (self.looks, self.next) = (0, Instant::now());
    }

    /// Looks at each once, and writes the receipts of those that are completed.
    ///
    /// # Errors
    /// CloudFront refuses to tell, one takes longer than it may, or a receipt cannot be written.
    pub async fn look(&mut self, cloudfront: &CloudFront, receipts: &Receipts) -> Result<()> {
        let mut late = None;
        let mut index = 0;
        while let Some(one) = self.waiting.get(index) {
            let status = match one.accepted.status {
                Status::Completed => Ok(Status::Completed),
                Status::InProgress => cloudfront.status(&one.accepted.id).await,
            };
            match status {
                Ok(Status::Completed) => {
                    receipts.write(&one.batch, Some((&one.accepted, Status::Completed))).await?;
                    self.waiting.remove(index);
                    self.looks = 0;
                    continue;
                }
                Err(trouble) if !passes(&trouble) => return Err(explained(trouble)),
                Err(trouble) => tracing::debug!("{}", trouble.message),
                Ok(Status::InProgress) => {}
            }
            late = late.or_else(|| (Instant::now() >= one.deadline).then(|| one.accepted.id.clone()));
            index += 1;
        }
        if let Some(id) = late {
            bail!("the invalidation {id} is not completed after {:?} (--timeout)", self.timeout);
        }
        let deadline = self.waiting.iter().map(|one| one.deadline).min();
        let next = Instant::now() + AGAIN.delay(self.looks);
        self.next = deadline.map_or(next, |deadline| deadline.min(next));
        self.looks += 1;
        Ok(())
    }

    /// Waits until all are completed, or the run is stopped.
    ///
    /// # Errors
    /// As [`Pending::look`].
    pub async fn wait(&mut self, cloudfront: &CloudFront, receipts: &Receipts) -> Result<()> {
        while !self.is_empty() {
            tokio::select! {
                biased;
                () = receipts.out.halted() => return Ok(()),
                () = sleep_until(self.next) => self.look(cloudfront, receipts).await?,
            }
        }
        Ok(())
    }

    /// Writes the receipts of those that are not completed, and names them: nothing can stop them any more.
    ///
    /// # Errors
    /// A receipt cannot be written.
    pub async fn give_up(&mut self, receipts: &Receipts) -> Result<()> {
        for one in self.waiting.drain(..) {
            tracing::warn!(
                "the invalidation {} goes on in CloudFront, it cannot be cancelled",
                one.accepted.id
            );
            receipts.write(&one.batch, Some((&one.accepted, Status::InProgress))).await?;
        }
        Ok(())
    }
}
