//! The run: one look, the checks, the steps, the record.

use anyhow::{Context, Result, bail};
use aws_sdk_dynamodb::types::{PointInTimeRecoveryDescription, TableDescription};
use common::Ctx;
use common::dynamodb::{recovery, stream_arn};
use common::pipe::{Lines, Out};
use common::receipts::Receipts;
use common::wait::Wait;

use crate::archive::Method;
use crate::cli::Cli;
use crate::dynamodb::{DynamoDb, explained};
use crate::kept::{self, Earlier, Kept, Page};
use crate::record::{Action, Archive, Record, Retire};
use crate::settings::Settings;
use crate::step::{self, Step};
use crate::way_back;
use crate::world::{Target, World};

/// Retires what the command line names.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn retire(cli: Cli, ctx: Ctx) -> Result<()> {
    cli.check()?;
    let config = cli.aws.load().await?;
    let method = match &cli.export {
        Some(place) => Method::Export(place.clone()),
        None => Method::Backup(cli.backup.clone()),
    };
    let dynamodb = DynamoDb::new(aws_sdk_dynamodb::Client::new(&config), &cli.table, method.clone());
    let out = Out::start()?;
    let world = dynamodb.look(None).await.map_err(explained)?;
    let Some(target) = Target::of(&cli.table, &world, &method)? else {
        bail!(
            "there is no table {} here and no archive of one that was retired: check name, --backup or --export, --region \
             and --profile",
            cli.table
        );
    };
    let page = match &cli.journal {
        Some(path) => Some(Page::open(path, &cli, &ctx, &config, &target)?),
        None => None,
    };
    let run = Run {
        region: config.region().context("no AWS region")?.to_string(),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
        autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
        wait: Wait::new(&ctx, cli.timeout),
        lines: out.lines().clone(),
        archive_arn: world.archive.as_ref().map(|archive| archive.arn.clone()),
        recovery: None,
        units: None,
        kept: None,
        page,
        dynamodb,
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
    pub dynamodb: DynamoDb,
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    pub autoscaling: aws_sdk_applicationautoscaling::Client,
    pub wait: Wait,
    pub lines: Lines,
    pub region: String,
    pub target: Target,
    /// The archive, once it is known: a list may show it late.
    pub archive_arn: Option<String>,
    /// Point-in-time recovery of the table, where it is on.
    pub recovery: Option<PointInTimeRecoveryDescription>,
    /// Read and write units of the last check; nothing where none could see any.
    pub units: Option<(f64, f64)>,
    /// What the table said while it stood; nothing where it did not in this run, and no journal has it.
    pub kept: Option<Kept>,
    /// Its place in the journal.
    pub page: Option<Page>,
}

impl Run {
    async fn finish(mut self, mut world: World) -> Result<()> {
        tracing::info!("{} is {}", self.target.table, self.target.table_id);
        let first = step::next(&world, &self.target)?;
        let table = world.table.clone();
        match self.page.as_ref().map(Page::earlier).transpose()?.flatten() {
            Some(Earlier::Done(record)) if first == Step::Done => {
                self.ctx.counts.done(1);
                let record = kept::replayed(&record, self.cli.dry_run)?;
                return Receipts::new(self.ctx, self.lines).write(&[&record]).await;
            }
            Some(Earlier::Begun(kept)) => self.kept = Some(*kept),
            _ => {}
        }
        if let Some(table) = world.standing() {
            self.before(table, &world).await?;
        }
        let action = match first {
            Step::Done => Action::Already,
            _ if self.cli.dry_run => {
                self.rehearse(world.clone())?;
                Action::WouldRetire
            }
            _ => {
                self.carry_out(&mut world).await?;
                Action::Retired
            }
        };
        self.write(action, table.as_ref(), &world).await
    }

    /// All that must be known, and be as it should be, before anything is changed.
    async fn before(&mut self, table: &TableDescription, world: &World) -> Result<()> {
        self.recovery = recovery(&self.dynamodb.client, &self.target.table).await.map_err(explained)?;
        let mut settings =
            Settings::of(&self.dynamodb.client, table, self.recovery.as_ref()).await.map_err(explained)?;
        // An earlier run may have lifted it, and that is to be set again too.
        settings.deletion_protection |=
            self.kept.as_ref().is_some_and(|kept| kept.settings.deletion_protection);
        self.check(world).await?;
        self.kept = Some(Kept {
            item_count: table.item_count(),
            creation: Some(way_back::creation(table, &self.target.table)),
            stream_arn: stream_arn(table).map(str::to_owned),
            set_again: settings.commands(table, &self.region),
            settings,
            is_recoverable: self.recovery.is_some(),
            left: self.tell(table).await,
            units: self.units,
        });
        Ok(())
    }

    async fn write(self, action: Action, table: Option<&TableDescription>, world: &World) -> Result<()> {
        let Self { target, region, .. } = &self;
        let archive = world.archive.as_ref();
        let settings = self.kept.as_ref().map(|kept| kept.settings.clone());
        let kept = self.kept.clone().unwrap_or_default();
        // One that is being deleted says less, and that alone is known without a journal.
        let creation = kept.creation.or_else(|| table.map(|table| way_back::creation(table, &target.table)));
        let bring_back =
            archive.and_then(|archive| way_back::bring_back(archive, creation.as_ref(), target, region));
        if let Some(command) = &bring_back {
            tracing::info!("to bring it back: {command}");
        }
        let units = self.units.or(kept.units);
        let retire = Retire {
            action,
            table_id: target.table_id.clone(),
            archive: archive.map(|archive| Archive::of(archive, target)),
            item_count: kept.item_count.or_else(|| table?.item_count()),
            read_units: units.map(|(read, _)| read),
            write_units: units.map(|(_, write)| write),
            quiet_s: self.cli.quiet_for.as_secs(),
            bring_back,
            set_again: kept.set_again,
            last_second: kept.is_recoverable.then(|| way_back::last_second(&target.table, region)),
            settings,
            stream_arn: kept.stream_arn.or_else(|| table.and_then(stream_arn).map(str::to_owned)),
            left: kept.left,
            dry_run: self.cli.dry_run,
        };
        let record = Record { table: target.table.clone(), retire };
        let journaled = match &self.page {
            Some(page) if !self.cli.dry_run => page.commit(&record).await,
            _ => Ok(()),
        };
        self.ctx.counts.done(1);
        // What was done leaves, whether the journal has it or not.
        Receipts::new(self.ctx, self.lines).write(&[&record]).await?;
        journaled
    }
}
