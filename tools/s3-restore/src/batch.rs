//! `--batch`: copies by jobs of S3 Batch Operations, for more versions than one machine copies.
//!
//! Records are sorted onto piles on disk: one manifest for each bucket and storage class, and what no job can carry out.
//! Only when all of them are read is anything sent, and a job is the last that is asked for.

pub mod args;
mod control;
mod follow;
mod intake;
mod job;
mod join;
mod made;
mod pile;
mod report;
mod sort;
mod upload;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Result, bail};
use common::aws::AwsArgs;
use common::pipe::{Lines, Out, Source};
use common::receipts::Receipts;
use common::record::{Item, Record};
use common::reject::{Reject, Rejects};
use common::s3::Throttle;
use common::shell::Command;
use common::wait::Wait;
use common::{Ctx, Usage};

use crate::input::Task;
use crate::restore::Restorer;
use args::Batch;
use follow::Follow;
use intake::Intake;
use job::{Job, JobRecord, Jobs};
use pile::{Manifest, Piles, SetApart};
use sort::{Apart, Defaults, Sorter};

/// A run that makes jobs.
pub struct Run<'a> {
    pub ctx: &'a Ctx,
    pub batch: &'a Batch,
    pub aws: &'a AwsArgs,
    pub rejects: &'a Rejects,
    pub concurrency: NonZeroUsize,
    /// Reads a record's task.
    pub task: &'a dyn Fn(&Record) -> Result<Task, Reject>,
    /// What s3-restore has to be told again on a file that is set apart.
    pub again: Vec<String>,
    /// Whether it is to be told `--delete-newer`.
    pub delete_newer: bool,
}

impl Run<'_> {
    /// Sorts the records of a source, makes the jobs, and follows them if that is wanted.
    ///
    /// # Errors
    /// What ends the run.
    pub async fn work<S>(
        &self,
        source: Source<S>,
        accept: impl Fn(&Record) -> Result<Task, Reject>,
        restorer: Restorer,
        throttle: Throttle,
    ) -> Result<()>
    where
        S: Iterator<Item = io::Result<Item>> + Send + 'static,
    {
        let folder = &self.batch.apart;
        if !folder.is_dir() {
            return Err(Usage::Wrong(format!("--apart {} is no folder", folder.display())).into());
        }
        let sorter = Arc::new(Sorter {
            restorer,
            throttle,
            trust_records: self.batch.trust_records,
            defaults: Defaults::default(),
        });
        let out = Out::start()?;
        let result = {
            let receipts = Receipts::new(self.ctx.clone(), out.lines().clone());
            Box::pin(self.sort(source, accept, &sorter, &receipts, out.lines())).await
        };
        out.end(result).await
    }

    async fn sort<S>(
        &self,
        source: Source<S>,
        accept: impl Fn(&Record) -> Result<Task, Reject>,
        sorter: &Arc<Sorter>,
        receipts: &Receipts,
        lines: &Lines,
    ) -> Result<()>
    where
        S: Iterator<Item = io::Result<Item>> + Send + 'static,
    {
        let Self { ctx, batch, rejects, concurrency, .. } = *self;
        let dry_run = sorter.restorer.options.dry_run;
        let folder = (!dry_run).then(|| batch.apart.clone());
        let mut piles = Piles::new(folder, batch.wait.is_some() && !dry_run);
        let intake = Intake { ctx, rejects, receipts, concurrency };
        if !intake.read(source, accept, sorter, &mut piles).await? {
            tracing::warn!("stopped before all records were read: no job was made");
            return receipts.halt();
        }
        let nothing = piles.nothing;
        let (manifests, apart) = piles.finish(&batch.place)?;
        if nothing > 0 {
            tracing::info!("{nothing} records ask for nothing");
        }
        for apart in &apart {
            self.tell_apart(apart);
        }
        if dry_run {
            for manifest in &manifests {
                ctx.counts.done(manifest.rows);
                receipts.write(&[JobRecord::new(manifest, None, batch)]).await?;
            }
            return Ok(());
        }
        let control = control::client(self.aws, &batch.role.account).await?;
        let jobs = Jobs { s3: &sorter.restorer.client, control: &control, batch };
        let made = self.make(&jobs, manifests, receipts).await?;
        let Some(timeout) = batch.wait.filter(|_| !made.is_empty()) else { return Ok(()) };
        let wait = Wait::new(ctx, timeout);
        let task = self.task;
        let follow = Follow { ctx, wait, jobs: &jobs, sorter, rejects, receipts, lines, concurrency, task };
        let mut failures = Vec::new();
        for (manifest, job) in made {
            if let Some(records) = manifest.records {
                failures.extend(follow.job(&job, records).await?);
            }
        }
        if failures.is_empty() { Ok(()) } else { bail!(failures.join("; ")) }
    }

    /// Sends the manifests and makes their jobs, one after the other.
    async fn make(
        &self,
        jobs: &Jobs<'_>,
        manifests: Vec<Manifest>,
        receipts: &Receipts,
    ) -> Result<Vec<(Manifest, Job)>> {
        let all = manifests.len();
        let mut made = Vec::new();
        for manifest in manifests {
            let file = manifest.file.path();
            let etag = upload::send(jobs.s3, &manifest.place, file, &self.ctx.stop).await?;
            let Some(etag) = etag.filter(|_| !self.ctx.stop.is_cancelled()) else {
                let count = made.len();
                tracing::warn!(
                    "stopped: {count} of {all} jobs were made, and the same line again makes the rest"
                );
                return Ok(Vec::new());
            };
            let job = jobs.ensure(&manifest, &etag).await?;
            self.tell(jobs, &job).await?;
            if self.batch.wait.is_none() {
                self.ctx.counts.done(manifest.rows);
                receipts.write(&[JobRecord::new(&manifest, Some(&job), self.batch)]).await?;
            }
            made.push((manifest, job));
        }
        Ok(made)
    }

    async fn tell(&self, jobs: &Jobs<'_>, job: &Job) -> Result<()> {
        let id = &job.id;
        if !job.found {
            if !self.batch.confirm && self.batch.wait.is_none() {
                tracing::info!("job {id} waits until it is confirmed: run the same line with --confirm");
            }
            return Ok(());
        }
        let state = jobs.confirm(id, &job.status).await?;
        tracing::info!(
            "job {id} was made by an earlier run: {state}; another job needs another prefix in --batch"
        );
        Ok(())
    }

    fn tell_apart(&self, apart: &SetApart) {
        let SetApart { why, rows, file } = apart;
        let Some(file) = file else {
            tracing::info!("{rows} records {}", why.why());
            return;
        };
        let mut command = Command::new("s3-restore");
        for word in &self.again {
            command.word(word);
        }
        command.flag("--thaw 7", *why == Apart::Archived);
        command.flag("--delete-newer", *why == Apart::Markers && self.delete_newer);
        command.word(&file.display().to_string());
        tracing::info!("{rows} records {}: {}", why.why(), command.into_line());
    }
}
