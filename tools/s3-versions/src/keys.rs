//! Exactly the keys that a file names, a few at once.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use aws_sdk_s3::Client;
use common::aws::Trouble;
use common::input::Item;
use common::pipe::{Items, Lines, Out};
use common::s3::Lister;
use common::{Ctx, Failure, Record, Reject, s3};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::cli::{Job, Keys};
use crate::keys_input::{self, Key};
use crate::select::Select;
use crate::versioning;
use crate::view::{View, Writer};

/// Lists the versions of the keys to stdout; keys follow each other as they are answered.
///
/// # Errors
/// When nothing can be asked any more, the keys cannot be read, or stdout cannot be written.
pub async fn run(ctx: &Ctx, job: &Job, keys: &Keys) -> Result<()> {
    let source = keys_input::open(keys, job.select.shard.clone())?;
    let rejects = ctx.rejects(&keys.rejects)?;
    let client = s3::client(&job.aws.load().await?, |builder| builder);
    let out = Out::start()?;
    let lookup = Arc::new(Lookup {
        ctx: ctx.clone(),
        client,
        bucket: job.bucket.clone(),
        view: job.view,
        select: job.select.clone(),
        lines: out.lines().clone(),
        checked: Mutex::default(),
    });
    let mut items = Items::read(source, keys.concurrency)?;
    let mut tasks = JoinSet::new();
    let mut failed = Ok(());
    let mut more = true;
    while more || !tasks.is_empty() {
        let ended = tokio::select! {
            biased;
            () = ctx.stop.cancelled() => break,
            () = out.lines().closed() => break,
            Some(task) = tasks.join_next(), if !tasks.is_empty() => {
                let (record, result) =
                    task.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()));
                match result {
                    Ok(()) => Ok(()),
                    Err(Failure::Reject(reject)) => rejects.write(&reject, &Item::Record(record)),
                    Err(Failure::Fatal(error)) => Err(error),
                }
            }
            item = items.next(), if more && tasks.len() < keys.concurrency.get() => match item {
                None => {
                    more = false;
                    Ok(())
                }
                Some(Ok(Item::Record(record))) => {
                    let lookup = Arc::clone(&lookup);
                    tasks.spawn(async move {
                        let result = lookup.key(&record).await;
                        (record, result)
                    });
                    Ok(())
                }
                Some(Ok(Item::Line(bad))) => rejects.write(&Reject::from(&bad), &Item::Line(bad)),
                Some(Err(err)) => Err(anyhow!(err).context("cannot read the keys")),
            },
        };
        if ended.is_err() {
            failed = ended;
            break;
        }
    }
    drop(items);
    tasks.shutdown().await;
    drop(lookup);
    out.end(failed).await
}

/// What every key's task needs.
struct Lookup {
    ctx: Ctx,
    client: Client,
    bucket: Option<String>,
    view: View,
    select: Select,
    lines: Lines,
    checked: Mutex<HashSet<String>>,
}

impl Lookup {
    async fn key(&self, record: &Record) -> Result<(), Failure> {
        let Key { key, bucket } = record.view().map_err(Reject::bad_record)?;
        let bucket = bucket.as_ref().or(self.bucket.as_ref());
        let bucket = bucket.ok_or_else(|| Reject::bad_record("no bucket: give one here or with --bucket"))?;
        if key.is_empty() {
            return Err(Reject::bad_record("an empty key").into());
        }
        self.check(bucket).await.map_err(|trouble| refused(trouble, bucket, self.bucket.as_ref()))?;
        let mut lister = Lister::of_key(self.client.clone(), bucket, &key);
        let mut writer = Writer::new(bucket, self.view, &self.select);
        let mut found = false;
        while let Some(entries) =
            lister.next().await.map_err(|trouble| refused(trouble, bucket, self.bucket.as_ref()))?
        {
            found |= !entries.is_empty();
            self.ctx.counts.read(entries.len() as u64);
            for entry in entries {
                writer.push(entry)?;
            }
            if !send(&self.ctx, &mut writer, &self.lines).await {
                return Ok(());
            }
            if found && writer.is_settled(&key) {
                break;
            }
        }
        if !found {
            let message = format!("s3://{bucket}/{key} has no version and no delete marker");
            return Err(Reject::new("no-such-key", message).into());
        }
        writer.finish()?;
        send(&self.ctx, &mut writer, &self.lines).await;
        Ok(())
    }

    /// Looks at each bucket once; those who come meanwhile wait for the answer.
    async fn check(&self, bucket: &str) -> Result<(), Trouble> {
        let mut checked = self.checked.lock().await;
        if !checked.contains(bucket) {
            versioning::check(&self.client, bucket).await?;
            checked.insert(bucket.to_owned());
        }
        Ok(())
    }
}

/// Hands over what the writer has; false when nobody reads it.
async fn send(ctx: &Ctx, writer: &mut Writer<'_>, lines: &Lines) -> bool {
    let (text, records) = writer.take();
    if records == 0 {
        return true;
    }
    ctx.counts.done(records);
    lines.send(text).await.is_ok()
}

/// A bucket that is missing ends the run if it is the command line's, and rejects the record that names another.
pub fn refused(trouble: Trouble, bucket: &String, given: Option<&String>) -> Failure {
    match trouble.code.as_str() {
        "NoSuchBucket" if given == Some(bucket) => Failure::Fatal(trouble.into()),
        "NoSuchBucket" => trouble.reject("no-such-bucket"),
        "AccessDenied" => trouble.reject("access-denied"),
        _ => trouble.reject("not-listed"),
    }
}
