//! The connection, and how the run ends.

use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use common::Ctx;
use common::pg::Database;
use common::pipe::{Lines, Out};
use serde::Serialize;
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use crate::cli::Cli;
use crate::failure;
use crate::params::Params;
use crate::query::Query;
use crate::transaction::{Done, Transaction};

/// How often the server is asked to end the query: it forgets what it is asked between two statements.
const ASKED: u32 = 5;
/// How long it has for each answer, and the query for its end.
const ANSWER: Duration = Duration::from_secs(1);

/// Runs the query of the command line.
///
/// # Errors
/// Whatever keeps the output from being whole, unless it is a signal or the reader of stdout.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    let query = Query::open(&cli)?;
    let params = Params::open(&cli)?;
    let rejects = ctx.rejects(&cli.rejects)?;
    let database = Database::of(&cli.pg, &cli.aws).await?;
    let out = Out::start()?;
    let halt = CancellationToken::new();
    let transaction = Transaction { cli: &cli, ctx: &ctx, query: &query, rejects: &rejects, halt };
    let done = connect(&database, &transaction, params, out.lines()).await;
    out.end(done).await
}

async fn connect(
    database: &Database,
    transaction: &Transaction<'_>,
    params: Params,
    lines: &Lines,
) -> Result<()> {
    let stop = &transaction.ctx.stop;
    let written = Cell::new(0);
    let connected = Cell::new(false);
    let ended = database.connected(transaction.ctx.tool, async |client| {
        connected.set(true);
        let mut work = pin!(transaction.run(client, params, lines, &written));
        tokio::select! {
            // A signal goes before the end of the input, which would mean a commit.
            biased;
            () = lines.halted(stop) => {
                transaction.halt.cancel();
                Ok(cancel(database, client, work).await)
            }
            done = &mut work => done,
        }
    });
    let halted_before = async {
        lines.halted(stop).await;
        if connected.get() {
            pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = ended => ended,
        () = halted_before => Ok(None),
    };
    match ended.map_err(failure::explained) {
        Ok(Some(done)) if transaction.cli.trailer => write_trailer(done, lines).await,
        Ok(None) if transaction.cli.read_write && !stop.is_cancelled() => {
            bail!("stdout was closed before the last row: what the query changed was rolled back")
        }
        Ok(_) => Ok(()),
        Err(error) if written.get() > 0 => {
            Err(error.context(format!("the output is incomplete, it ends after {} rows", written.get())))
        }
        Err(error) => Err(error),
    }
}

/// Has the server end the query, and takes what it still sends, or it could not tell that it did. What was done, if the
/// commit was on its way already.
async fn cancel(
    database: &Database,
    client: &Client,
    work: impl Future<Output = Result<Option<Done>>>,
) -> Option<Done> {
    let mut work = pin!(work);
    for _ in 0..ASKED {
        // Where it cannot be asked, the end of the work tells whether that matters.
        let _ = timeout(ANSWER, client.cancel_token().cancel_query(database.tls())).await;
        if let Ok(ended) = timeout(ANSWER, &mut work).await {
            return ended.unwrap_or_default();
        }
    }
    tracing::warn!("the query may still be running on {database}: it could not be cancelled");
    None
}

/// The last record of a stream that must be whole.
#[derive(Serialize)]
struct Trailer {
    pg_rows: Done,
}

async fn write_trailer(done: Done, lines: &Lines) -> Result<()> {
    let mut line = serde_json::to_vec(&Trailer { pg_rows: done }).context("cannot write the trailer")?;
    line.push(b'\n');
    // A dead stdout is told by its end.
    let _ = lines.send(line).await;
    Ok(())
}
