//! The run as a whole, and how it ends.

use anyhow::{Context, Result};
use common::Ctx;
use common::pipe::Out;

use crate::api::Api;
use crate::cli::Cli;
use crate::query::Query;
use crate::walk::walk;
use crate::write::Writer;

/// Writes the events of the command line.
///
/// # Errors
/// Whatever keeps the output from being whole, unless it is a signal or the reader of stdout.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    let api = Api::open(&cli)?;
    let query = Query::new(&api, &cli)?;
    if cli.undelivered {
        tracing::warn!(
            "--undelivered leaves out events that a handler acknowledged, also those that it has lost since then"
        );
    }
    let out = Out::start()?;
    let mut writer = Writer::new(&ctx, out.lines());
    let interval = cli.follow.then_some(cli.interval);
    let done = tokio::select! {
        biased;
        () = ctx.stop.cancelled() => Ok(()),
        () = out.lines().closed() => Ok(()),
        done = walk(&query, &cli.since, interval, &mut writer) => done,
    };
    let last = writer.last().map(str::to_owned);
    let written = out.finish().await;
    let Some(last) = last else { return done.and(written) };
    if done.is_ok() && written.is_ok() {
        tracing::info!("the last event is {last}");
    }
    done.with_context(|| format!("the output ends with {last}, after which --since {last} goes on"))
        .and(written)
}
