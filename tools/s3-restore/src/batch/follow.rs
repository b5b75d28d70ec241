//! `--wait`: a job followed to its end, and its report turned back into records and rejects.

use std::fs::File;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_s3control::types::JobDescriptor;
use common::Ctx;
use common::aws::Trouble;
use common::pipe::Lines;
use common::receipts::Receipts;
use common::record::{Item, Record};
use common::reject::{Failure, Reject, Rejects};
use common::wait::{Look, Wait};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::job::{self, Job, Jobs};
use super::join::Join;
use super::made::{made, reported};
use super::report::{self, Row};
use super::sort::Sorter;
use crate::input::{Goal, Task};
use crate::refuse;

/// What telling of a job needs.
pub struct Follow<'a> {
    pub ctx: &'a Ctx,
    pub wait: Wait,
    pub jobs: &'a Jobs<'a>,
    pub sorter: &'a Arc<Sorter>,
    pub rejects: &'a Rejects,
    pub receipts: &'a Receipts,
    pub lines: &'a Lines,
    pub concurrency: NonZeroUsize,
    /// Reads a record's task.
    pub task: &'a dyn Fn(&Record) -> Result<Task, Reject>,
}

#[derive(Deserialize)]
struct Told {
    size: Option<u64>,
}

impl Follow<'_> {
    /// Waits for the end of a job and tells of each record; returns why the job failed, if it did.
    ///
    /// # Errors
    /// When the time is over, a signal comes, or the report cannot be read.
    pub async fn job(&self, job: &Job, records: File) -> Result<Option<String>> {
        let ended = self.end(job).await.context("the job goes on, and the same line again follows it")?;
        let mut join = Join::new(records, |record| (self.task)(record).ok().map(|task| task.source.key))?;
        if let Some(report) = self.report(job, &ended).await? {
            report.rows(self.jobs.s3, |row| join.add(row)).await?;
        }
        let since = job::made_at(&ended).unwrap_or_default();
        for part in join.parts() {
            let mut part = part?;
            let mut tasks = JoinSet::new();
            while let Some(item) = part.records.next() {
                let Item::Record(record) = item.context("cannot use a temporary file")? else { continue };
                if self.ctx.stop.is_cancelled() {
                    break;
                }
                if tasks.len() >= self.concurrency.get()
                    && let Some(told) = tasks.join_next().await
                {
                    self.tell(told?).await?;
                }
                let task = (self.task)(&record).map_err(|reject| anyhow!(reject.message))?;
                let id = match &task.goal {
                    Goal::Version(id) => id.clone(),
                    Goal::Deleted | Goal::Unchanged => continue,
                };
                let row = part.row(&task.source.key, &id).cloned();
                let (sorter, job) = (Arc::clone(self.sorter), job.id.clone());
                tasks.spawn(async move {
                    let result = outcome(&sorter, &record, &task, &id, row, &job, since).await;
                    (record, result)
                });
            }
            while let Some(told) = tasks.join_next().await {
                self.tell(told?).await?;
            }
            if self.ctx.stop.is_cancelled() {
                return Err(anyhow!(
                    "stopped before all records were told of: the same line again tells of them"
                ));
            }
        }
        Ok(job::failure(&ended))
    }

    async fn end(&self, job: &Job) -> Result<JobDescriptor> {
        let look = async || match self.jobs.ask(&job.id).await {
            Err(trouble) if trouble.is_retryable() => Ok(Look::Missed(trouble.message)),
            Err(trouble) => Err(trouble.into()),
            Ok(found) => {
                let status = found.status.clone().context("DescribeJob told no status")?;
                if job::is_over(&status) {
                    return Ok(Look::Done(found));
                }
                let state = match self.jobs.confirm(&job.id, &status).await {
                    Ok(state) => state,
                    // It may run already, and the next look tells.
                    Err(err) => return Ok(Look::Missed(format!("{err:#}"))),
                };
                Ok(Look::Yet(format!("{state}{}", progress(&found))))
            }
        };
        self.wait.until(&format!("job {}", job.id), look).await
    }

    /// The report of a job that has ended: there is one as soon as one task was carried out.
    async fn report(&self, job: &Job, ended: &JobDescriptor) -> Result<Option<report::Report>> {
        let tasks = ended.progress_summary.as_ref().map_or(0, |progress| {
            progress.number_of_tasks_succeeded.unwrap_or_default()
                + progress.number_of_tasks_failed.unwrap_or_default()
        });
        let place = job::report(&self.jobs.batch.place, &job.id);
        if tasks == 0 {
            return report::find(self.jobs.s3, &place).await;
        }
        let look = async || match report::find(self.jobs.s3, &place).await? {
            Some(report) => Ok(Look::Done(Some(report))),
            None => Ok(Look::Yet("not there yet".into())),
        };
        self.wait.until(&format!("report {place}"), look).await
    }

    async fn tell(&self, (record, result): (Record, Result<Record, Failure>)) -> Result<()> {
        match result {
            Ok(done) => {
                self.ctx.counts.done(1);
                match self.lines.send(done.into_line()).await {
                    Ok(()) => Ok(()),
                    Err(line) => {
                        self.ctx.salvage(&line)?;
                        self.receipts.halt()
                    }
                }
            }
            Err(Failure::Reject(reject)) => self.rejects.write(&reject, &Item::Record(record)),
            Err(Failure::Fatal(error)) => Err(error),
        }
    }
}

async fn outcome(
    sorter: &Sorter,
    record: &Record,
    task: &Task,
    id: &str,
    row: Option<Row>,
    job: &str,
    since: i64,
) -> Result<Record, Failure> {
    let place = &task.source;
    let Some(row) = row else {
        let message = format!("{place}: the report of job {job} says nothing of version {id}");
        return Err(Reject::retryable("not-in-report", message).into());
    };
    if !row.succeeded {
        let Row { code, message, .. } = row;
        let status = row.status.filter(|status| *status >= 400).or(Some(400));
        let trouble = Trouble { message: format!("{place}: job {job}: {code}: {message}"), code, status };
        let (kind, retryable) = (refuse::kind(&trouble), trouble.is_retryable());
        return Err(Reject { kind, retryable, message: trouble.message }.into());
    }
    let done = if sorter.trust_records {
        let told: Told = record.view().map_err(Reject::bad_record)?;
        reported(task, told.size)
    } else {
        let _permit = sorter.throttle.permit().await;
        Box::pin(made(&sorter.restorer, task, id, since)).await?
    };
    Ok(record.with("restore", &done)?)
}

fn progress(job: &JobDescriptor) -> String {
    let Some(summary) = &job.progress_summary else { return String::new() };
    let total = summary.total_number_of_tasks.unwrap_or_default();
    let done = summary.number_of_tasks_succeeded.unwrap_or_default()
        + summary.number_of_tasks_failed.unwrap_or_default();
    match total {
        1.. => format!(", {} %", done * 100 / total),
        _ => String::new(),
    }
}
