//! The run: one look, the checks, the steps, the record.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_sdk_rds::types::{DbClusterAutomatedBackup, RestoreWindow};
use common::Ctx;
use common::pipe::{Lines, Out};
use common::receipts::Receipts;
use common::wait::{Look, Wait};
use tokio::time::timeout;

use crate::cli::Cli;
use crate::cluster::{Target, World};
use crate::rds::{Rds, explained};
use crate::record::{self, Action, Backups, Instance, Record, Retire, Window};
use crate::step::{self, Step};
use crate::way_back::Ways;

/// How long the automated backups of a cluster that is gone may take to show.
const SHOWN: Duration = Duration::from_secs(60);

/// Retires what the command line names.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn retire(cli: Cli, ctx: Ctx) -> Result<()> {
    cli.check()?;
    let config = cli.aws.load().await?;
    let rds = Rds::new(aws_sdk_rds::Client::new(&config), &cli.cluster);
    let out = Out::start()?;
    let world = rds.look().await.map_err(explained)?;
    let Some(target) = Target::of(&cli.cluster, &world, cli.snapshot_id.as_deref())? else {
        bail!(
            "there is no cluster {} here and no final snapshot of one that was retired: check name, --region and \
             --profile",
            cli.cluster
        );
    };
    let region = config.region().context("no AWS region")?.as_ref();
    let stored = world.stored(&target);
    let run = Run {
        instances: record::instances(&world, stored.as_ref()),
        connections_max: stored.as_ref().and_then(|kept| kept.connections_max),
        ways: stored.map(|kept| kept.ways).or_else(|| Ways::of(&world, &target, region)),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
        wait: Wait::new(&ctx, cli.timeout),
        lines: out.lines().clone(),
        rds,
        target,
        cli,
        ctx,
    };
    let result = Box::pin(run.finish(world)).await;
    out.end(result).await
}

/// One retirement.
pub struct Run {
    pub cli: Cli,
    pub ctx: Ctx,
    pub rds: Rds,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub wait: Wait,
    pub lines: Lines,
    pub target: Target,
    /// The ways back; nothing where only an earlier run knew them and could not keep them.
    pub ways: Option<Ways>,
    /// All instances of the cluster, also those that an earlier run deleted.
    pub instances: Vec<Instance>,
    /// The most connections that any check saw, of earlier runs too; nothing where none could see any.
    pub connections_max: Option<u64>,
}

impl Run {
    async fn finish(mut self, world: World) -> Result<()> {
        tracing::info!("{} is {}", self.target.cluster, self.target.resource_id);
        let first = step::next(&world, &self.target)?;
        if world.is_alive() {
            self.tell(&world);
            self.check(&world).await?;
        }
        // Asked for in any case, so that a permission that is missing is told before anything is deleted.
        let before = self.rds.backups(&self.target.resource_id).await.map_err(explained)?;
        if before.is_none() && world.is_alive() {
            tracing::warn!("there are no automated backups of it: only the snapshots will bring it back");
        }
        let (action, backups) = match first {
            Step::Done => (Action::Already, before),
            _ if self.cli.dry_run => {
                self.rehearse(world)?;
                (Action::WouldRetire, before)
            }
            _ => {
                self.carry_out(world).await?;
                (Action::Retired, self.retained().await)
            }
        };
        let automated_backups = match (&backups, action) {
            (None, _) => Backups::Missing,
            (Some(_), Action::WouldRetire) => Backups::ToBeRetained,
            (Some(_), _) => Backups::Retained,
        };
        let Target { cluster, resource_id, names, .. } = self.target.clone();
        let retire = Retire {
            action,
            snapshot_id: names.snapshot,
            final_snapshot_id: names.last,
            instances: self.instances.clone(),
            automated_backups,
            restore_window: backups.and_then(|backups| backups.restore_window).map(window),
            connections_max: self.connections_max,
            quiet_s: self.cli.quiet_for.as_secs(),
            bring_back: self.ways.as_ref().map(|ways| ways.bring_back.clone()),
            point_in_time: self.ways.as_ref().map(|ways| ways.point_in_time.clone()),
            dry_run: self.cli.dry_run,
            resource_id,
        };
        self.write(&Record { cluster, retire }).await?;
        if (action, automated_backups) == (Action::Retired, Backups::Missing) {
            bail!(
                "{} is deleted and {} is there, but no automated backups of {} are",
                self.target.cluster,
                self.target.names.last,
                self.target.resource_id
            );
        }
        Ok(())
    }

    /// The automated backups of the cluster that was just deleted, which may be a while in showing. Whatever happens
    /// here, the record is still to be written.
    async fn retained(&self) -> Option<DbClusterAutomatedBackup> {
        let look = async || {
            let found = self.rds.backups(&self.target.resource_id).await.map_err(explained)?;
            let found = found.filter(|found| found.status() == Some("retained"));
            Ok(found.map_or_else(|| Look::Yet("not retained yet".into()), Look::Done))
        };
        let found = timeout(SHOWN, self.wait.until("automated backups", look)).await.ok()?;
        found.inspect_err(|error| tracing::warn!("{error:#}")).ok()
    }

    async fn write(&self, record: &Record) -> Result<()> {
        self.ctx.counts.done(1);
        if let Some(ways) = &self.ways {
            tracing::info!("to bring it back: {}", ways.bring_back);
        }
        Receipts::new(self.ctx.clone(), self.lines.clone()).write(&[record]).await
    }
}

fn window(window: RestoreWindow) -> Window {
    use aws_smithy_types::date_time::Format::DateTime;
    let shown = |time: aws_smithy_types::DateTime| time.fmt(DateTime).ok();
    Window { earliest: window.earliest_time.and_then(shown), latest: window.latest_time.and_then(shown) }
}
