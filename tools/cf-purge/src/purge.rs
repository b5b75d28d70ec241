//! The run: reads records, gathers their paths, and sends them when it is time.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use common::input::Item;
use common::journal::Identity;
use common::pipe::{self, Items, Out};
use common::reject::Rejects;
use common::{Ctx, Reject, aws};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};

use crate::cli::{Cli, NOT_KEPT};
use crate::cloudfront::CloudFront;
use crate::covered::Covered;
use crate::fold::Limits;
use crate::gather::Gathered;
use crate::input::{self, Wanted};
use crate::kept::Kept;
use crate::paths::Mapping;
use crate::price::Budget;
use crate::receipt::Receipts;
use crate::send::{Sender, WILDCARDS, tell_unsent};
use crate::wait::Pending;

/// Records that are read ahead.
const AHEAD: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// Purges what the records on stdin name.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn purge(cli: Cli, ctx: Ctx) -> Result<()> {
    let source = pipe::stdin(|stdin| input::items(stdin, cli.plain))?;
    let rejects = ctx.rejects(&cli.rejects)?;
    let config = cli.aws.load().await?;
    let identity = Identity::new(&ctx, &ctx.flags.without(&NOT_KEPT));
    let identity = aws::target(identity, &config, "CloudFront").target("distribution", &cli.distribution_id);
    let kept = Kept::open(cli.journal.as_deref(), &identity, cli.dry_run)?;
    let cloudfront = CloudFront::connect(&config, &cli.distribution_id).await?;
    let run_id = run_id(cli.run_id, &kept, cli.dry_run).await?;
    let out = Out::start()?;
    let receipts = Receipts::new(ctx.clone(), out.lines().clone(), cli.distribution_id, run_id, cli.dry_run);
    let limits = Limits { total: cli.max_paths.get(), wildcards: WILDCARDS };
    let run = Run {
        mapping: Mapping { strip: cli.strip_prefix, add: cli.add_prefix },
        exact: cli.exact,
        gathered: Gathered::new((!cli.exact).then_some(limits), kept.is_kept()),
        covered: Covered::default(),
        unchanged: 0,
        rejects,
        sender: Sender {
            cloudfront,
            receipts,
            timeout: cli.timeout,
            budget: Budget::new(cli.max_cost),
            dry_run: cli.dry_run,
            pending: cli.wait.then(|| Pending::new(cli.timeout)),
            pace: None,
            part: 0,
            kept: Arc::new(kept),
            ctx: ctx.clone(),
        },
        ctx,
    };
    let result = run.finish(Items::read(source, AHEAD)?, cli.every).await;
    out.end(result).await
}

/// The name of the purge: the one that was given, that of the earlier runs with the same journal, or a new one.
async fn run_id(given: Option<String>, kept: &Kept, dry_run: bool) -> Result<String> {
    if let Some(run_id) = given.map_or_else(|| kept.run_id(), |given| Ok(Some(given)))? {
        return Ok(run_id);
    }
    let run_id = format!("{:016x}", fastrand::u64(..));
    if !dry_run {
        kept.keep_run_id(&run_id).await?;
        if !kept.is_kept() {
            tracing::info!("run id {run_id}: give it as --run-id to repeat this purge without paying twice");
        }
    }
    Ok(run_id)
}

struct Run {
    mapping: Mapping,
    exact: bool,
    gathered: Gathered,
    /// Keys that an earlier run with the same journal has purged.
    covered: Covered,
    /// Records whose object was not changed.
    unchanged: u64,
    rejects: Rejects,
    sender: Sender,
    ctx: Ctx,
}

impl Run {
    async fn finish(mut self, items: Items<std::io::Result<Item>>, every: Option<Duration>) -> Result<()> {
        let result = match self.sender.resume().await {
            Ok(covered) => {
                self.covered = covered;
                self.read(items, every).await
            }
            Err(error) => Err(error),
        };
        if self.gathered.keys() > 0 {
            tell_unsent(self.gathered.keys());
        }
        if self.unchanged > 0 {
            tracing::info!("records that say nothing was changed, not purged: {}", self.unchanged);
        }
        let finished = self.sender.finish(result.is_ok()).await;
        result.and(finished)
    }

    /// Reads to the end of the input and sends everything, or stops before.
    async fn read(&mut self, mut items: Items<std::io::Result<Item>>, every: Option<Duration>) -> Result<()> {
        let mut clock = every.map(clock);
        loop {
            let wake = self.sender.next_look();
            tokio::select! {
                biased;
                () = self.sender.receipts.out.halted() => return self.sender.receipts.out.halt(),
                () = tick(&mut clock) => self.send().await?,
                () = until(wake) => self.sender.look().await?,
                item = items.next() => match item {
                    None => break,
                    Some(Ok(item)) => self.take(item)?,
                    Some(Err(error)) => return Err(anyhow!(error).context("cannot read the input")),
                },
            }
            if self.gathered.is_full() {
                self.send().await?;
            }
        }
        self.send().await
    }

    async fn send(&mut self) -> Result<()> {
        let entries = self.gathered.take();
        self.sender.send(entries).await
    }

    fn take(&mut self, item: Item) -> Result<()> {
        self.ctx.counts.read(1);
        let reject = match &item {
            Item::Line(bad) => Reject::from(bad),
            Item::Record(record) => match input::wanted(record).and_then(|wanted| self.gather(wanted)) {
                Ok(()) => return Ok(()),
                Err(reject) => reject,
            },
        };
        self.rejects.write(&reject, &item)
    }

    fn gather(&mut self, wanted: Wanted) -> Result<(), Reject> {
        let Wanted::Purge(key) = wanted else {
            self.unchanged += 1;
            self.ctx.counts.done(1);
            return Ok(());
        };
        let target = self.mapping.target(&key)?;
        if self.exact && target.wildcard {
            let message =
                format!("only the wildcard {} is sure to purge {key:?}: leave out --exact", target.encode());
            return Err(Reject::new("needs-wildcard", message));
        }
        if self.covered.take(&target.text, target.wildcard) {
            self.ctx.counts.done(1);
        } else {
            self.gathered.add(target);
        }
        Ok(())
    }
}

fn clock(period: Duration) -> Interval {
    let mut clock = interval_at(Instant::now() + period, period);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock
}

async fn tick(clock: &mut Option<Interval>) {
    match clock {
        Some(clock) => {
            clock.tick().await;
        }
        None => std::future::pending().await,
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
