//! The run: one of four commands.

use anyhow::Result;
use common::Ctx;

use crate::cli::{Cli, Command};
use crate::{apply, diff, export, swap};

/// Does what the command line says.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    match cli.command()? {
        Command::Apply(flags) => apply::apply(flags, ctx).await,
        Command::Export(flags) => export::export(flags, ctx).await,
        Command::Diff(flags) => diff::diff(flags, ctx).await,
        Command::Swap(flags) => swap::swap(flags, ctx).await,
    }
}
