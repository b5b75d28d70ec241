//! Lists the versions and delete markers of an S3 bucket as records, and what brings keys back to an instant.

mod at;
mod cli;
mod inventory;
mod keys;
mod keys_input;
mod select;
mod versioning;
mod view;
mod walk;

use std::process::ExitCode;

fn main() -> ExitCode {
    common::run(|cli: cli::Cli, ctx| async move {
        let job = cli.job()?;
        match (&job.keys, &job.inventory) {
            (Some(keys), _) => keys::run(&ctx, &job, keys).await,
            (None, Some(inventory)) => inventory::run(&ctx, &job, inventory).await,
            (None, None) => walk::run(&ctx, &job).await,
        }
    })
}
