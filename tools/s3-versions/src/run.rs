//! The run: where the entries come from.

use anyhow::Result;
use common::Ctx;
use common::s3::Shard;

use crate::cli::Cli;
use crate::{inventory, keys, walk};

/// Lists what the flags ask for.
///
/// # Errors
/// What ends the run.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    let job = cli.job()?;
    let listed = match (&job.keys, &job.inventory) {
        (Some(keys), _) => keys::run(&ctx, &job, keys).await,
        (None, Some(inventory)) => inventory::run(&ctx, &job, inventory).await,
        (None, None) => walk::run(&ctx, &job, &job.walk).await,
    };
    job.select.shard.iter().for_each(Shard::tell);
    listed
}
