//! An S3 Inventory report of all versions as the source of entries, in place of a listing.
//!
//! `manifest` says which files there are; `gather` reads and checks them (`csv_file`, `parquet_file`) and sorts their
//! rows; `answers` makes records of them, except where there is a `doubt`; `live` asks the bucket.

mod answers;
mod csv_file;
mod doubt;
mod gather;
mod intake;
mod live;
mod manifest;
mod parquet_file;
mod row;
mod schema;
mod sort;
mod store;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use aws_sdk_s3::Client;
use common::pipe::{Lines, Out};
use common::record::Item;
use common::reject::Rejects;
use common::s3::{self, S3Url};
use common::{Ctx, Failure, Record, Reject, Usage, args};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cli::Job;
use crate::keys_input::Key;
use crate::versioning;
use crate::view::View;
use answers::{Answer, Form};
use intake::Wanted;
use live::{Checked, Live};
use manifest::Manifest;
use store::Store;

/// Answers that wait to be written or checked.
const QUEUE: usize = 16;

/// Which report is read, and how.
#[derive(Debug)]
pub struct Inventory {
    /// Where its manifest.json is.
    pub manifest: S3Url,
    pub verify_live: bool,
    /// Where what does not fit in memory is sorted.
    pub tmpdir: PathBuf,
    /// How many keys are checked at once.
    pub concurrency: NonZeroUsize,
    pub rejects: args::Rejects,
}

/// Writes what the report says of the job's prefix to stdout.
///
/// # Errors
/// When the report is not whole or is of another bucket, nothing can be asked any more, or stdout cannot be written.
pub async fn run(ctx: &Ctx, job: &Job, inventory: &Inventory) -> Result<()> {
    let rejects = ctx.rejects(&inventory.rejects)?;
    let client = s3::client(&job.aws.load().await?, |builder| builder);
    let out = Out::start()?;
    let done = tokio::select! {
        done = answer(ctx, job, inventory, client, rejects, out.lines()) => done,
        () = ctx.stop.cancelled() => Ok(()),
        () = out.lines().closed() => Ok(()),
    };
    out.end(done).await
}

async fn answer(
    ctx: &Ctx,
    job: &Job,
    inventory: &Inventory,
    client: Client,
    rejects: Rejects,
    lines: &Lines,
) -> Result<()> {
    let bucket = job.bucket.as_deref().unwrap_or_default();
    if inventory.verify_live {
        versioning::check(&client, bucket).await?;
    }
    let S3Url { bucket: place, prefix: key } = &inventory.manifest;
    let store = Store::open(client.clone(), place).await?;
    let manifest = Manifest::fetch(&store, key).await?;
    fits(&manifest, job, bucket)?;
    tracing::info!(
        "report of s3://{bucket} of {}, {}, in {} files: later changes are not in it",
        manifest.created,
        manifest.age(),
        manifest.files.len()
    );
    let (bucket, select) = (bucket.to_owned(), job.select.clone());
    let wanted = Wanted { bucket: bucket.clone(), prefix: job.prefix.clone(), select: select.clone() };
    let rows = gather::gather(ctx, &store, &manifest, wanted, &inventory.tmpdir).await?;
    let form = Form { bucket, view: job.view, select, verify: inventory.verify_live };
    let live = Arc::new(Live { client, form });
    let (sender, answers) = mpsc::channel(QUEUE);
    let sending = tokio::task::spawn_blocking({
        let live = Arc::clone(&live);
        move || answers::send(rows, &live.form, &sender)
    });
    Output { ctx, rejects, lines, live, concurrency: inventory.concurrency }.write(answers).await?;
    sending.await?
}

/// Makes sure that the report can answer the job.
fn fits(manifest: &Manifest, job: &Job, bucket: &str) -> Result<()> {
    ensure!(
        manifest.source_bucket == bucket,
        "the report is of s3://{}, and s3://{bucket} is asked for",
        manifest.source_bucket
    );
    match job.view {
        View::At { at, .. } if at > manifest.created => Err(Usage::Wrong(format!(
            "--at {at} is later than the report, which is of {}: nothing that happened since is in it",
            manifest.created
        ))
        .into()),
        _ => Ok(()),
    }
}

/// Where answers go, by way of the bucket if they are to be checked.
struct Output<'a> {
    ctx: &'a Ctx,
    rejects: Rejects,
    lines: &'a Lines,
    live: Arc<Live>,
    concurrency: NonZeroUsize,
}

impl Output<'_> {
    /// Writes the answers; what is to be checked first leaves in the order in which its checks end.
    async fn write(&self, mut answers: mpsc::Receiver<Answer>) -> Result<()> {
        let mut checks: JoinSet<(String, Result<Checked, Failure>)> = JoinSet::new();
        let (mut more, mut checked, mut differed) = (true, 0u64, 0u64);
        while more || !checks.is_empty() {
            tokio::select! {
                Some(done) = checks.join_next(), if !checks.is_empty() => {
                    let (key, done) = done.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()));
                    checked += 1;
                    match done {
                        Ok(Checked { lines, records, differs }) => {
                            differed += u64::from(differs);
                            if !self.give(lines, records).await {
                                return Ok(());
                            }
                        }
                        Err(Failure::Reject(reject)) => {
                            differed += 1;
                            self.reject(&reject, key)?;
                        }
                        Err(Failure::Fatal(error)) => return Err(error),
                    }
                }
                answer = answers.recv(), if more && checks.len() < self.concurrency.get() => match answer {
                    None => more = false,
                    Some(Answer::Records(text, records)) => {
                        if !self.give(text, records).await {
                            return Ok(());
                        }
                    }
                    Some(Answer::Unchecked { key, line }) => self.check(&mut checks, key, Some(line)),
                    Some(Answer::Doubtful { key, .. }) if self.live.form.verify => {
                        self.check(&mut checks, key, None);
                    }
                    Some(Answer::Doubtful { key, why }) => {
                        let message = why.message(&self.live.form.bucket, &key);
                        self.reject(&Reject::new(why.kind(), message), key)?;
                    }
                },
            }
        }
        if self.live.form.verify {
            tracing::info!("checked {checked} keys in the bucket: {differed} are not as in the report");
        }
        Ok(())
    }

    fn check(
        &self,
        checks: &mut JoinSet<(String, Result<Checked, Failure>)>,
        key: String,
        line: Option<Vec<u8>>,
    ) {
        let live = Arc::clone(&self.live);
        checks.spawn(async move {
            let checked = live.check(&key, line.as_deref()).await;
            (key, checked)
        });
    }

    /// Rejects a key, as a record that `--keys-from` takes.
    fn reject(&self, reject: &Reject, key: String) -> Result<()> {
        let record = Record::from_value(&Key { key, bucket: Some(self.live.form.bucket.clone()) })?;
        self.rejects.write(reject, &Item::Record(record))
    }

    /// Hands lines over; false when nobody reads them.
    async fn give(&self, text: Vec<u8>, records: u64) -> bool {
        if records == 0 {
            return true;
        }
        self.ctx.counts.done(records);
        self.lines.send(text).await.is_ok()
    }
}
