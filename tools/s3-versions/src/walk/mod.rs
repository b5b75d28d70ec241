//! Everything under a prefix, by several workers at once.
//!
//! `board` knows who lists which keys, and cuts the largest interval in two (`split`, by the `alphabet` of the keys) for a
//! worker that is idle. `interval` is a worker; its parts go through `output`, in the `order` of keys where that is asked
//! for, with what has to wait in `spill`. `journal` notes what is written, `tally` what it costs.

mod alphabet;
mod board;
mod interval;
mod journal;
mod order;
mod output;
mod part;
mod spill;
mod split;
mod tally;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::Result;
use common::journal::Identity;
use common::pipe::Out;
use common::s3::{Pages, Throttle};
use common::{Ctx, aws, s3};
use tokio::task::JoinSet;

use crate::cli::Job;
use crate::versioning;
use board::{Board, Span};
use interval::Shared;
use journal::{Progress, Target};
use output::Output;
use spill::Spill;
use tally::Tally;

/// Requests in flight at first, where nobody said how many.
const FIRST: NonZeroUsize = NonZeroUsize::new(8).unwrap();
/// The most that are tried then.
const MOST: NonZeroUsize = NonZeroUsize::new(256).unwrap();
/// Pages in memory at once: of about half a megabyte as it comes, and about as much again for each thing made of it.
const ROOMS: usize = 8;

/// How a listing is done.
#[derive(Debug)]
pub struct Walk {
    /// Requests in flight; nothing to find it out.
    pub concurrency: Option<NonZeroUsize>,
    /// Whether records come in the order of keys.
    pub ordered: bool,
    pub journal: Option<PathBuf>,
    /// Where what has to wait for its turn is kept.
    pub tmpdir: PathBuf,
}

/// Lists the job's prefix to stdout.
///
/// # Errors
/// When the bucket cannot be listed to its end, or stdout cannot be written.
pub async fn run(ctx: &Ctx, job: &Job, walk: &Walk) -> Result<()> {
    let bucket = job.bucket.as_deref().unwrap_or_default();
    // Before any request: who is refused has lost nothing by it.
    let target = walk.journal.as_ref().map(|_| Target::open()).transpose()?;
    let throttle = match walk.concurrency {
        Some(most) => Throttle::new(most),
        None => Throttle::doubling(FIRST, MOST),
    };
    let tally = Tally::default();
    let config = job.aws.load().await?;
    let client =
        s3::client(&config, |client| throttle.watch(client, "s3-versions").interceptor(tally.clone()));
    versioning::check(&client, bucket).await?;
    let (progress, spans) = match walk.journal.as_deref().zip(target) {
        Some((path, target)) => {
            let identity = aws::target(identity(ctx, bucket, &job.prefix), &config, "S3");
            let (progress, spans) = Progress::open(path, &identity, target, bucket).await?;
            (Some(progress), spans)
        }
        None => (None, vec![Span::default()]),
    };
    if let Some(progress) = progress.as_ref().filter(|_| spans.is_empty()) {
        return progress.finish().await;
    }
    ctx.counts.cost(tally.clone());
    let parallel = walk.concurrency != Some(NonZeroUsize::MIN);
    let hold = parallel || progress.is_some();
    let out = Out::start()?;
    let spill = Spill::new(walk.tmpdir.clone());
    let shared = Arc::new(Shared {
        ctx: ctx.clone(),
        pages: Pages::new(client, bucket, &job.prefix).limited(throttle.clone(), ROOMS),
        board: Board::new(spans, &job.prefix),
        output: Output::new(ctx.clone(), out.lines().clone(), spill, walk.ordered, progress),
        tally,
        bucket: bucket.to_owned(),
        view: job.view,
        select: job.select.clone(),
        parallel,
        idle: AtomicBool::new(parallel),
        hold,
    });
    let listed = tokio::select! {
        listed = work(&shared, &throttle) => listed,
        () = out.lines().closed() => Ok(()),
    };
    let listed = match listed {
        Ok(()) => shared.output.finish().await,
        failed => failed,
    };
    drop(shared);
    out.end(listed).await
}

/// What makes a listing the one that a journal is about. Its address can be given in two ways.
fn identity(ctx: &Ctx, bucket: &str, prefix: &str) -> Identity {
    let flags = ctx.flags.without(&["url", "bucket", "prefix", "tmpdir"]);
    Identity::new(ctx, &flags).target("bucket", bucket).target("prefix", prefix)
}

/// What a task did.
enum Ended {
    /// It listed the interval above this key.
    Listed(Option<String>),
    /// It wrote what had been kept.
    Drained,
}

/// Keeps as many workers busy as requests may be in flight, until all is listed or the run is to stop.
async fn work(shared: &Arc<Shared>, throttle: &Throttle) -> Result<()> {
    let mut tasks = JoinSet::new();
    let mut more = true;
    loop {
        while more
            && tasks.len() < throttle.limit()
            && let Some(task) = shared.board.take()
        {
            shared.output.open(task.lo.as_deref());
            let shared = Arc::clone(shared);
            tasks.spawn(async move {
                let lo = task.lo.clone();
                interval::walk(shared, task).await?;
                anyhow::Ok(Ended::Listed(lo))
            });
        }
        shared.idle.store(tasks.len() < throttle.limit(), Relaxed);
        tokio::select! {
            ended = tasks.join_next() => {
                let Some(ended) = ended else { return Ok(()) };
                let ended = ended.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()))?;
                if let Ended::Listed(lo) = ended
                    && more
                    && shared.output.close(lo.as_deref())
                {
                    let shared = Arc::clone(shared);
                    tasks.spawn(async move {
                        shared.output.drain().await?;
                        anyhow::Ok(Ended::Drained)
                    });
                }
            }
            () = shared.board.changed() => {}
            () = shared.ctx.stop.cancelled(), if more => more = false,
        }
    }
}
