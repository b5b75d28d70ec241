//! The run: which of the tool's three modes it is.

use anyhow::{Result, anyhow, bail};
use common::Ctx;
use common::pipe::Out;
use common::wait::Unfinished;

use crate::cli::Cli;
use crate::clients::Clients;
use crate::restore::Restoring;
use crate::{compare, flip};

/// Does what the command line says.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    cli.check()?;
    let rejects = ctx.rejects(&cli.rejects)?;
    let clients = Clients::new(&cli.aws).await?;
    let out = Out::start()?;
    let lines = out.lines().clone();
    let (cli, ctx, clients, rejects) = (&cli, &ctx, &clients, &rejects);
    let result = match (&cli.flip, &cli.to) {
        (Some(region), _) => flip::run(cli, region, ctx, clients, rejects, lines).await,
        (None, Some(to)) if cli.validate_only => {
            Box::pin(compare::run(cli, to, ctx, clients, rejects, lines)).await
        }
        (None, Some(to)) => Box::pin(Restoring { cli, to, ctx, clients, rejects, lines }.run()).await,
        (None, None) => bail!("neither --to nor --flip was given"),
    };
    let result = result.map_err(|error| match error.downcast_ref::<Unfinished>() {
        Some(wait) => anyhow!("{wait}; what was started goes on in AWS: the same command again takes it up"),
        None => error,
    });
    out.end(result).await
}
