//! One record of the input, with what the journal says of it before and after the work.

use common::Record;
use common::journal::{Entry, Journal};
use common::pipe::Outcome;
use common::reject::{Failure, Reject};
use common::s3::Throttle;

use crate::input::Task;
use crate::intent::{Intent, Ledger, Logged, logged};
use crate::output::{Act, Done};
use crate::refuse;
use crate::replayed::Present;
use crate::restore::Restorer;
use crate::resume::Fate;

/// What the work on all records shares.
pub struct Work {
    pub restorer: Restorer,
    pub throttle: Throttle,
    pub journal: Option<Journal>,
    pub present: Present,
}

impl Work {
    /// Brings the key of a record to where its task wants it.
    ///
    /// # Errors
    /// The reject of the record, or what ends the run.
    pub async fn on(&self, record: &Record, task: &Task) -> Result<Outcome, Failure> {
        let _permit = tokio::select! {
            permit = self.throttle.permit() => permit,
            () = self.restorer.stop.cancelled() => return Err(refuse::interrupted(&task.target)),
        };
        let found = self.journal.as_ref().map(|journal| journal.find(task.id())).transpose()?.flatten();
        let mut done = match found {
            Some(Entry::Result(result)) => {
                let Logged { restore } = logged(&result)?;
                match self.replay(task, restore).await? {
                    Some(done) => done,
                    None => self.restore(task, Vec::new()).await?,
                }
            }
            Some(Entry::Intent(intent)) => self.resume(task, logged(&intent)?).await?,
            None => self.restore(task, Vec::new()).await?,
        };
        done.dry_run = self.restorer.options.dry_run;
        let record = record.with("restore", &done)?;
        let unjournaled = match &self.journal {
            Some(journal) if done.is_final() && !done.replayed => {
                journal.commit(task.id(), &record).await.err()
            }
            _ => None,
        };
        Ok(Outcome { record, unjournaled })
    }

    async fn restore(&self, task: &Task, removed: Vec<String>) -> Result<Done, Failure> {
        let journal = self.journal.as_ref().filter(|_| !self.restorer.options.dry_run);
        let ledger = Ledger::new(journal, task, removed);
        Ok(ledger.whole(Box::pin(self.restorer.restore(task, &ledger)).await?))
    }

    /// The result of an earlier run, as long as it holds; nothing where the work is to be done again.
    async fn replay(&self, task: &Task, done: Done) -> Result<Option<Done>, Failure> {
        if done.action != Act::None {
            let now = self.present.latest(&self.restorer, &task.target).await?;
            if now != done.version_id {
                return match self.restorer.options.force {
                    true => Ok(None),
                    false => Err(refuse::superseded(&task.target, &done, now.as_deref())),
                };
            }
        }
        Ok(Some(Done { replayed: true, ..done }))
    }

    /// Finds out what an earlier run that ended in the middle did, and does the rest.
    async fn resume(&self, task: &Task, intent: Intent) -> Result<Done, Failure> {
        let (rest, removed) = match Box::pin(self.restorer.fate(task, intent.clone())).await? {
            Fate::Done(done) => return Ok(done),
            Fate::Overtaken(done, _) if self.restorer.options.force => (task.clone(), done.removed_markers),
            // The intent stays, so that every later run says the same of it.
            Fate::Overtaken(done, now) => {
                return Err(refuse::superseded(&task.target, &done, now.as_deref()));
            }
            Fate::Open(rest, removed) => (rest, removed),
        };
        let done = self.restore(&rest, removed.clone()).await.map_err(|failure| match failure {
            Failure::Reject(reject) if !removed.is_empty() => {
                let message = format!(
                    "{}; an earlier run with this journal removed {}",
                    reject.message,
                    removed.join(", ")
                );
                Reject { message, ..reject }.into()
            }
            failure => failure,
        })?;
        // A request that was on its way when its run was killed may have been carried out only now.
        if done.action == Act::Already
            && let Fate::Done(late) = Box::pin(self.restorer.fate(task, intent)).await?
        {
            return Ok(late);
        }
        Ok(done)
    }
}
