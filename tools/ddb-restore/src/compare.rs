//! `--validate-only`: two tables that are there.

use anyhow::Result;
use common::input::Item;
use common::pipe::Lines;
use common::receipts::Receipts;
use common::reject::Rejects;
use common::{Ctx, Record};
use serde::Serialize;

use crate::cli::Cli;
use crate::clients::Clients;
use crate::validate::{Outcome, validate};

#[derive(Serialize)]
struct Compared<'a> {
    table: &'a str,
    from: &'a str,
    validate: &'a Outcome,
}

/// Compares them.
///
/// # Errors
/// As [`validate`].
pub async fn run(
    cli: &Cli,
    to: &str,
    ctx: &Ctx,
    clients: &Clients,
    rejects: &Rejects,
    lines: Lines,
) -> Result<()> {
    let outcome = validate(clients, &cli.from, to, &cli.compare, ctx, rejects).await?;
    write(
        &Compared { table: to, from: &cli.from, validate: &outcome },
        Some((&outcome, &cli.from, to)),
        ctx,
        rejects,
        lines,
    )
    .await
}

/// Writes a record to stdout, or as a reject where the tables differ, so that no next stage acts on it.
///
/// # Errors
/// It cannot be written.
pub async fn write(
    record: &impl Serialize,
    compared: Option<(&Outcome, &str, &str)>,
    ctx: &Ctx,
    rejects: &Rejects,
    lines: Lines,
) -> Result<()> {
    match compared.map(|(outcome, from, to)| outcome.checked(from, to)) {
        Some(Err(reject)) => rejects.write(&reject, &Item::Record(Record::from_value(record)?)),
        _ => {
            ctx.counts.done(1);
            Receipts::new(ctx.clone(), lines).write(&[record]).await
        }
    }
}
