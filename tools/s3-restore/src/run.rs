//! The run: records in, restores in flight, records out.

mod recent;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::types::StorageClass;
use common::aws::{self, AwsArgs};
use common::input::{Csv, Item, JsonLines};
use common::journal::{Identity, Journal};
use common::pipe::{self, Source};
use common::reject::Reject;
use common::s3::{Shard, Throttle};
use common::{Ctx, Record, Usage, claims, s3};
use tokio::sync::Semaphore;

use crate::batch;
use crate::bucket::Buckets;
use crate::cli::{Cli, Job};
use crate::input::{self, Goal};
use crate::replayed::Present;
use crate::restore::Restorer;
use crate::undo;
use crate::work::Work;
use recent::Recent;

/// How long a request waits before its second try at most, each next wait twice as long. A record that waits keeps its
/// place, and the limit is what answers a storm: with the second that is usual, most places would lie idle.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// As many as take about as long, all in all, as the tries of other tools.
const TRIES: u32 = 11;

/// Flags that change no result that a journal keeps: where records come from, and what rejects ask for, so that the same
/// journal takes the second try.
const ADVICE: &[&str] = &["file", "csv", "force", "delete_newer", "thaw", "thaw_tier", "sse_c_key_file"];

type Items = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// Restores every record of the input.
///
/// # Errors
/// What ends a run: see `common::pipe::each`.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    let job = cli.job()?;
    let shard = job.shard.clone();
    let ended = restore(job, ctx).await;
    shard.iter().for_each(Shard::tell);
    ended
}

async fn restore(job: Job, ctx: Ctx) -> Result<()> {
    let Job { file, csv, undo, bucket, shard, options, journal, batch, concurrency, rejects, aws } = job;
    let source = open(file.as_deref(), csv)?;
    let source = match shard {
        Some(shard) => source.map(|items| Box::new(shard.only(items)) as Items),
        None => source,
    };
    let rejects = ctx.rejects(&rejects)?;
    let throttle = Throttle::new(concurrency);
    let retries = RetryConfig::standard().with_max_attempts(TRIES).with_initial_backoff(FIRST_WAIT);
    let config = aws.load().await?;
    let identity = || aws::target(Identity::new(&ctx, &ctx.flags.without(ADVICE)), &config, "S3");
    let open = |path: PathBuf| match options.dry_run {
        true => Journal::read(&path, &identity()),
        false => Journal::open(&path, &identity()),
    };
    let journal = journal.map(open).transpose()?;
    let client = s3::client(&config, |client| throttle.watch(client, "s3-restore").retry_config(retries));
    let restorer = Restorer {
        client,
        options,
        buckets: Buckets::default(),
        parts_room: Arc::new(Semaphore::new(concurrency.get())),
        stop: ctx.stop.clone(),
    };
    let rules = input::Rules::of(&restorer.options);
    let task = |record: &Record| match undo {
        true => undo::task(record, bucket.as_deref()),
        false => input::task(record, bucket.as_deref(), &rules),
    };
    let recent = Mutex::new(Recent::new());
    let accept = |record: &Record| {
        let task = task(record)?;
        let mut recent = recent.lock().unwrap_or_else(PoisonError::into_inner);
        if task.goal != Goal::Unchanged && !recent.is_new(&task.target) {
            let advice = if undo { "; undo a log from its end: tac LOG | s3-restore --undo" } else { "" };
            let message = format!("{}: an earlier record is for this key{advice}", task.target);
            return Err(Reject::new("duplicate-key", message));
        }
        Ok(task)
    };
    if let Some(batch) = &batch {
        let again = again(&aws, bucket.as_deref(), restorer.options.storage_class.as_ref());
        let delete_newer = restorer.options.delete_newer;
        let (ctx, rejects, aws, task) = (&ctx, &rejects, &aws, &task);
        let run = batch::Run { ctx, batch, aws, rejects, concurrency, task, again, delete_newer };
        return Box::pin(run.work(source, accept, restorer, throttle)).await;
    }
    let work = Arc::new(Work { restorer, throttle, journal, present: Present::default() });
    pipe::each(&ctx, source, concurrency, &rejects, |record| {
        let task = accept(&record);
        let work = Arc::clone(&work);
        async move { work.on(&record, &task?).await }
    })
    .await
}

/// The flags that hold for records which are restored by another run.
fn again(aws: &AwsArgs, bucket: Option<&str>, class: Option<&StorageClass>) -> Vec<String> {
    let flags = [
        ("--profile", aws.profile.as_deref()),
        ("--region", aws.region.as_deref()),
        ("--endpoint-url", aws.endpoint_url.as_deref()),
        ("--bucket", bucket),
        ("--storage-class", class.map(StorageClass::as_str)),
    ];
    let given = flags.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), value?.to_owned()]));
    given.flatten().collect()
}

fn open(file: Option<&Path>, csv: bool) -> Result<Source<Items>> {
    let decode = |reader: Box<dyn BufRead + Send>| -> Items {
        match csv {
            true => Box::new(Csv::new(reader)),
            false => Box::new(JsonLines::new(reader)),
        }
    };
    let Some(path) = file else {
        return pipe::stdin(decode);
    };
    let name = path.display();
    let file = File::open(path).map_err(|err| Usage::Wrong(format!("cannot open {name}: {err}")));
    let file = file.context("no input")?;
    claims::claim(path, &file, "the input")?;
    Ok(Source::file(decode(Box::new(BufReader::with_capacity(1 << 16, file)))))
}
