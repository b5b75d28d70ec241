//! Sends a batch until the fate of each of its documents is known.

mod conflicts;

use std::borrow::Cow;
use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use common::Ctx;
use common::http::{Trouble, is_retryable};
use common::reject::Rejects;
use common::retry::Backoff;
use common::typesense::{Cluster, passes, pause};
use reqwest::Method;
use tokio::time::Instant;

use crate::batch::Batch;
use crate::document::{Id, id_of};
use crate::lookup::Lookup;
use crate::pressure::Pressure;
use crate::refused::{explained, is_about_space, out_of_space, reject};
use crate::results::{Broken, Failure, Results, Told};

/// A node that is silent this long is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(15);
/// Time between two questions whether a node is healthy again.
const LOOK: Duration = Duration::from_secs(1);
/// Tries of a document whose failure may pass, the first among them.
const TRIES: u32 = 5;
/// Time between these.
const AGAIN: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(10) };

/// Sends batches, one after the other.
pub struct Sender {
    /// Where to.
    pub cluster: Arc<Cluster>,
    /// The path of an import, with its query.
    pub path: String,
    /// How long nothing may get on.
    pub patience: Duration,
    /// What keeps the queues of the nodes short.
    pub pressure: Pressure,
    /// What finds the documents that an earlier run may have made.
    pub lookup: Lookup,
    /// Where refused documents go.
    pub rejects: Rejects,
    /// Counts and stop signal.
    pub ctx: Ctx,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether each document was imported.
    accepted: Vec<bool>,
    /// Documents that were refused, by their place in the batch.
    pub failures: Vec<(usize, Failure)>,
    /// How many requests it took.
    pub requests: u32,
    /// Documents whose fate is not known, because the run was stopped.
    pub open: usize,
}

impl Outcome {
    /// How many documents were imported.
    pub fn accepted(&self) -> usize {
        self.accepted.iter().filter(|accepted| **accepted).count()
    }
}

/// How long nothing has got on.
struct Waits {
    patience: Duration,
    since: Instant,
    waited: u32,
}

impl Waits {
    fn new(patience: Duration) -> Self {
        Self { patience, since: Instant::now(), waited: 0 }
    }
}

impl Sender {
    /// Sends a batch. Documents that are refused for good become rejects as soon as that is known. An earlier run may
    /// have made the first `in_doubt` of them.
    ///
    /// # Errors
    /// Whatever ends the run: Typesense takes no documents at all, nothing got on for too long, too many rejects.
    pub async fn send(&mut self, batch: &Batch, in_doubt: usize) -> Result<Outcome> {
        let mut outcome = Outcome { accepted: vec![false; batch.len()], ..Outcome::default() };
        let mut todo: Vec<_> = (0..batch.len()).collect();
        let mut waits = Waits::new(self.patience);
        let mut tries = 0;
        let mut conflicts = Vec::new();
        while !todo.is_empty() {
            if !self.pressure.settle(&self.cluster, self.patience).await? {
                outcome.open = todo.len() + conflicts.len();
                return Ok(outcome);
            }
            outcome.requests += 1;
            let mut round = Round {
                batch,
                todo: &todo,
                told: 0,
                again: Vec::new(),
                is_last_try: tries + 1 >= TRIES,
                in_doubt,
                conflicts: &mut conflicts,
                failed: None,
                outcome: &mut outcome,
                rejects: &self.rejects,
                ctx: &self.ctx,
            };
            let node = self.cluster.node().to_owned();
            let posted = self.post(&node, batch.body(&todo), &mut round).await;
            let Round { told, again, failed, .. } = round;
            if let Some(error) = failed {
                return Err(error);
            }
            tries += u32::from(!again.is_empty());
            let (told, rest) = todo.split_at(told);
            let mut next = with_followers(batch, again, told, &outcome.accepted);
            next.extend_from_slice(rest);
            let goes_on = match posted {
                Err(trouble) => {
                    if !told.is_empty() {
                        waits = Waits::new(self.patience);
                    }
                    !self.ctx.stop.is_cancelled() && self.recover(&node, trouble, &mut waits).await?
                }
                Ok(()) if next.is_empty() => true,
                Ok(()) => self.cluster.sleep(AGAIN.delay(tries)).await,
            };
            todo = next;
            if !goes_on {
                outcome.open = todo.len() + conflicts.len();
                return Ok(outcome);
            }
        }
        self.settle(batch, conflicts, &mut outcome).await?;
        Ok(outcome)
    }

    /// Sends documents once and hears what becomes of them, up to where the answer ends.
    async fn post(&self, node: &str, body: Bytes, round: &mut Round<'_>) -> Result<(), Trouble> {
        let what = format!("POST {} at {node}", self.path);
        let answer = self.cluster.once(node, Method::POST, &self.path, body);
        let mut answer = self.unless_gone(node, answer).await??;
        let mut results = Results::default();
        loop {
            let part = self.unless_gone(node, answer.chunk()).await?;
            let part = part.map_err(|error| Trouble::unanswered(&what, error))?;
            let read = match &part {
                Some(bytes) => results.read(bytes, &mut |told| round.tell(told)),
                None => std::mem::take(&mut results).finish(&mut |told| round.tell(told)),
            };
            read.map_err(|broken| about_request(&what, broken))?;
            if round.failed.is_some() {
                return Ok(());
            }
            if part.is_none() {
                break;
            }
        }
        if round.told < round.todo.len() {
            let words = format!("the answer ended after {} of {} documents", round.told, round.todo.len());
            return Err(Trouble { status: None, message: format!("{what}: {words}"), words });
        }
        Ok(())
    }

    /// Waits for a node as long as it says that it is there.
    async fn unless_gone<T>(&self, node: &str, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep(SILENCE) => {}
            }
            match self.cluster.health(node).await {
                Err(trouble) if trouble.status.is_none() => return Err(trouble),
                Err(_) | Ok(()) => {}
            }
        }
    }

    /// Waits until it makes sense to send again, most often to another node. False when the run was stopped before.
    async fn recover(&self, node: &str, trouble: Trouble, waits: &mut Waits) -> Result<bool> {
        if !passes(&trouble) {
            return Err(explained(trouble));
        }
        self.cluster.leave(node);
        let unwell = self.cluster.find_healthy().await.err();
        let time = pause(unwell.as_ref().unwrap_or(&trouble), waits.waited);
        if waits.since.elapsed() + time > waits.patience {
            let message = trouble.message;
            return Err(anyhow!("{message}; nothing has got on for {:?} (--timeout)", waits.patience));
        }
        if waits.waited == 0 {
            tracing::warn!("{}; trying again", trouble.message);
        } else {
            tracing::debug!("{}; trying again in {time:?}", trouble.message);
        }
        waits.waited += 1;
        Ok(match unwell {
            Some(_) => self.until_healthy(time).await,
            None => self.cluster.sleep(time).await,
        })
    }

    /// Waits this long, or until a node is healthy: to ask for that costs a node next to nothing. False when the run was
    /// stopped before.
    async fn until_healthy(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        loop {
            if !self.cluster.sleep(LOOK.min(time)).await {
                return false;
            }
            if Instant::now() >= end || self.cluster.find_healthy().await.is_ok() {
                return true;
            }
        }
    }
}

/// One request, while its answer comes.
struct Round<'a> {
    batch: &'a Batch,
    /// What was sent, in its order.
    todo: &'a [usize],
    /// How many of those the answer has told of.
    told: usize,
    /// Those among them that are worth another try.
    again: Vec<usize>,
    is_last_try: bool,
    in_doubt: usize,
    /// Documents that are there already, and that an earlier run may have made.
    conflicts: &'a mut Vec<(usize, Failure)>,
    /// What ends the run.
    failed: Option<anyhow::Error>,
    outcome: &'a mut Outcome,
    rejects: &'a Rejects,
    ctx: &'a Ctx,
}

impl Round<'_> {
    fn tell(&mut self, told: Told) {
        if self.failed.is_some() {
            return;
        }
        let Some(&index) = self.todo.get(self.told) else {
            let message = "Typesense answered with more results than it was sent documents";
            self.failed = Some(anyhow!("{message} ({})", self.todo.len()));
            return;
        };
        self.told += 1;
        match told {
            Told::Success => {
                if !std::mem::replace(&mut self.outcome.accepted[index], true) {
                    self.ctx.counts.done(1);
                }
            }
            Told::Failure(failure) if is_about_space(&failure.error) => {
                self.failed = Some(out_of_space(&failure.error));
            }
            Told::Failure(failure) if is_retryable(failure.code) && !self.is_last_try => {
                self.outcome.accepted[index] = false;
                self.again.push(index);
            }
            Told::Failure(failure) if failure.code == 409 && index < self.in_doubt => {
                self.outcome.accepted[index] = false;
                self.conflicts.push((index, failure));
            }
            Told::Failure(failure) => {
                self.outcome.accepted[index] = false;
                let text = self.batch.text(index);
                let hint = match failure.code {
                    409 if self.outcome.requests > 1 => "; it may be this run's own, whose answer was lost",
                    _ => "",
                };
                let reject = reject(&failure, text, hint);
                self.failed = self.rejects.write(&reject, &self.batch.input(index)).err();
                self.outcome.failures.push((index, failure));
            }
        }
    }
}

/// The documents to try again, and with them those after them that have the same id: what came last must be sent last.
fn with_followers(batch: &Batch, again: Vec<usize>, told: &[usize], accepted: &[bool]) -> Vec<usize> {
    let Some(first) = again.first() else {
        return again;
    };
    let id = |index: usize| match id_of(batch.text(index)) {
        Ok(Id::Text(id)) => Some(id),
        _ => None,
    };
    let ids: HashSet<Cow<'_, str>> = again.iter().filter_map(|&index| id(index)).collect();
    let follows = |index: usize| accepted[index] && id(index).is_some_and(|id| ids.contains(&id));
    let all = told
        .iter()
        .copied()
        .filter(|&index| index >= *first && (again.binary_search(&index).is_ok() || follows(index)));
    all.collect()
}

/// The rest of an answer is about the request, and so is this.
fn about_request(what: &str, broken: Broken) -> Trouble {
    let Broken(words) = broken;
    let status = is_about_space(&words).then_some(422);
    Trouble { status, message: format!("{what}: {words}"), words }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Gathering;
    use crate::source::Document;
    use common::Record;

    fn batch(ids: &[&str]) -> Batch {
        let mut gathering = Gathering::new(0);
        for id in ids {
            let input = Record::parse(format!("{{\"id\":\"{id}\"}}")).unwrap();
            gathering.push(Document { input, sent: None });
        }
        gathering.finish()
    }

    #[test]
    fn a_later_version_is_sent_after_an_earlier_one_that_is_tried_again() {
        let batch = batch(&["a", "b", "a", "c", "b", "\\u0062"]);
        let all: Vec<_> = (0..6).collect();
        assert_eq!(with_followers(&batch, vec![1], &all, &[true; 6]), [1, 4, 5]);
        assert_eq!(with_followers(&batch, vec![1], &all[..5], &[true; 6]), [1, 4]);
        assert_eq!(with_followers(&batch, vec![1], &all, &[true, false, true, true, false, true]), [1, 5]);
        assert_eq!(with_followers(&batch, vec![2, 3], &all, &[true; 6]), [2, 3]);
        assert_eq!(with_followers(&batch, vec![], &all, &[true; 6]), [0; 0]);
    }
}
