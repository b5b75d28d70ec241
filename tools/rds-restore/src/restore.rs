//! The run: looks, decides, restores or takes up a restore, and writes the record.

use anyhow::{Result, anyhow, bail};
use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbCluster;
use common::Ctx;
use common::pg::Database;
use common::pipe::{Lines, Out};
use common::receipts::Receipts;
use common::wait::{Unfinished, Wait};
use tokio::time::Instant;

use crate::cli::Cli;
use crate::explain::explained;
use crate::login;
use crate::mark::Mark;
use crate::plan::Plan;
use crate::rds::{self, Rds};
use crate::record::{Action, Record, Restore, Timings};
use crate::source::Source;
use crate::steps::Steps;
use crate::window::Window;

/// Restores what the command line names.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn restore(cli: Cli, ctx: Ctx) -> Result<()> {
    cli.check()?;
    let database = match &cli.connect_env {
        Some(name) => Some(Database::of_variable(name, &cli.login(), &cli.aws).await?),
        None => None,
    };
    let rds = Rds::new(Client::new(&cli.aws.load().await?));
    let out = Out::start()?;
    let result = Box::pin(run(&cli, &ctx, &rds, database.as_ref(), out.lines().clone())).await;
    let result = result.map_err(|error| match error.downcast_ref::<Unfinished>() {
        Some(wait) => anyhow!("{wait}; what was started goes on in AWS: the same command again takes it up"),
        None => error,
    });
    out.end(result).await
}

async fn run(cli: &Cli, ctx: &Ctx, rds: &Rds, database: Option<&Database>, lines: Lines) -> Result<()> {
    let source = Source::find(rds, cli).await?;
    let mark = Mark::new(&source.resource_id, cli.at);
    let there = rds.cluster(&cli.to).await.map_err(explained)?;
    match &there {
        Some(there) => {
            mark.check(there, &cli.to)?;
            tracing::info!("{} is there: an earlier run started this restore", cli.to);
        }
        None => {
            source.check_name()?;
            source.window.check(&source.id, cli.at)?;
        }
    }
    let plan = Plan::new(&source, cli, &mark)?;
    plan.tell();

    let wait = Wait::new(ctx, cli.timeout);
    let steps = Steps { cli, ctx, rds, plan: &plan, mark: &mark, wait: &wait, lines: &lines };
    let complete = match &there {
        Some(there) => steps.are_done(there).await?,
        None => false,
    };
    if !complete {
        steps.check_writer_id().await?;
    }
    let action = match (&there, complete) {
        (None, _) => Action::Restored,
        (Some(_), true) => Action::Already,
        (Some(_), false) => Action::Resumed,
    };
    let mut timings = Timings::default();
    let mut not_carried = plan.not_carried.clone();
    let cluster = if cli.dry_run || complete {
        there
    } else {
        if ctx.stop.is_cancelled() {
            bail!("stopped by a signal before anything was changed");
        }
        if lines.is_closed() {
            bail!("stdout was closed before anything was changed");
        }
        Some(Box::pin(steps.carry_out(there, &mut timings, &mut not_carried)).await?)
    };
    if let (Some(database), Some(cluster), false) = (database, &cluster, cli.dry_run) {
        let began = Instant::now();
        let there = login::there(database, cluster)?;
        let what = there.to_string();
        steps.until(&what, async || login::look(&there, ctx.tool, cli.at).await).await?;
        tracing::info!("{there}: logged in");
        timings.login = Some(began.elapsed());
    }

    let there = cluster.as_ref();
    let window =
        there.map(|there| Window::new(there.earliest_restorable_time(), there.latest_restorable_time()));
    let writer = there.and_then(rds::writer).map_or_else(|| cli.writer_id(), str::to_owned);
    let record = Record {
        cluster: &cli.to,
        endpoint: there.and_then(DbCluster::endpoint),
        reader_endpoint: there.and_then(DbCluster::reader_endpoint),
        port: there.and_then(DbCluster::port),
        resource_id: there.and_then(DbCluster::db_cluster_resource_id),
        arn: there.and_then(DbCluster::db_cluster_arn),
        engine: source.cluster.engine(),
        engine_version: there.unwrap_or(&source.cluster).engine_version(),
        writer: &writer,
        restore: Restore {
            action,
            from: &source.id,
            from_resource_id: &source.resource_id,
            at: cli.at.map_or_else(|| "latest".to_owned(), |at| at.to_string()),
            earliest_restorable_time: window.and_then(|window| window.earliest),
            latest_restorable_time: window.and_then(|window| window.latest),
            settings: &plan.settings,
            not_carried: &not_carried,
            timings: &timings,
            dry_run: cli.dry_run,
        },
    };
    ctx.counts.done(1);
    Receipts::new(ctx.clone(), lines).write(&[record]).await
}
