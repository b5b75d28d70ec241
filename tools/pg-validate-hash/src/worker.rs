//! One connection that takes pieces of work until there are none.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use common::Reject;
use common::pace::Pace;
use common::pg::{Database, describe};
use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Done, Finished, Work};
use crate::find;
use crate::scan::{SEEN, Scan};
use crate::session;

/// What all workers of a run share.
pub struct Shared {
    /// The work.
    pub board: Board,
    /// Where finished tables go.
    pub finished: mpsc::Sender<Finished>,
    /// The run is being stopped.
    pub stop: CancellationToken,
    /// The limit of `--rows-per-second`.
    pub pace: Option<Pace>,
    /// The condition of `--where`.
    pub condition: Option<String>,
    /// Whether ids of types are erased.
    pub portable: bool,
    /// Whether rows are only counted.
    pub only_count: bool,
    /// Rows that a comparison can tell apart; nothing where rows are not compared.
    pub capacity: Option<NonZeroUsize>,
}

/// How a piece of work ended: with a result, or with a table that cannot be read.
type Outcome = Result<Result<Done, Reject>>;

/// Works for a side until there is nothing left, on the rows that the snapshot shows.
///
/// # Errors
/// The connection fails, or the server does what no table can explain.
pub async fn work(
    database: Database,
    side: usize,
    snapshot: Option<String>,
    shared: Arc<Shared>,
) -> Result<()> {
    let worked = database.connected(TOOL, async |client| {
        let cancel = client.cancel_token();
        tokio::select! {
            worked = drain(client, side, snapshot.as_deref(), &shared) => worked,
            () = shared.stop.cancelled() => {
                // Whoever cannot be asked has ended the query with the connection.
                let _ = cancel.cancel_query(database.tls()).await;
                Ok(())
            }
        }
    });
    worked.await
}

/// The name that the server shows for our connections.
pub const TOOL: &str = "pg-validate-hash";

async fn drain(client: &Client, side: usize, snapshot: Option<&str>, shared: &Shared) -> Result<()> {
    session::settle(client, shared.condition.is_none() && !shared.only_count).await?;
    let seen = client.prepare(SEEN).await.map_err(|error| anyhow!("{}", describe(&error)))?;
    session::begin(client, snapshot).await?;
    session::mark(client).await?;
    let mut counted = HashMap::new();
    while let Some(work) = shared.board.next(side).await {
        let result = piece(client, &seen, side, &work, shared, &mut counted).await?;
        session::back(client).await?;
        if let Some(finished) = shared.board.done(side, &work, result)
            && shared.finished.send(finished).await.is_err()
        {
            break;
        }
    }
    Ok(())
}

/// `counted` is what the server said last of each leaf in this transaction.
async fn piece(
    client: &Client,
    seen: &Statement,
    side: usize,
    work: &Work,
    shared: &Shared,
    counted: &mut HashMap<u32, i64>,
) -> Outcome {
    let table = shared.board.table(side, work.table).ok_or_else(|| anyhow!("no such piece of work"))?;
    let leaf = table.leaves.get(work.leaf).ok_or_else(|| anyhow!("no such piece of work"))?;
    let scan = Scan { client, table, leaf, work, shared, seen };
    let result = checked(&scan, counted).await;
    result.or_else(|error| refused(&table.name, error).map(Err))
}

async fn checked(scan: &Scan<'_>, counted: &mut HashMap<u32, i64>) -> Outcome {
    let read = if scan.shared.only_count { scan.count().await? } else { scan.rows().await? };
    let before = counted.get(&scan.leaf.oid).copied().unwrap_or_default();
    let mut seen = scan.seen().await?;
    if !seen.is_same_file {
        let name = &scan.table.name;
        let message = format!("{name} was emptied or rewritten while this run went on: run again");
        return Ok(Err(Reject::retryable("rewritten", message)));
    }
    let (scanned, arrived) = (seen.rows - before, i64::try_from(read.rows).unwrap_or(i64::MAX));
    if scan.is_counted() && seen.is_counting && scanned != arrived {
        bail!("{arrived} rows of {} arrived, and the server scanned {scanned}", scan.leaf.name);
    }
    let mut done = read.done;
    if !read.candidates.is_empty() {
        done.found = find::named(scan.client, scan.table, scan.leaf, read.candidates).await?;
        // Asking for the keys may have been a scan as well.
        seen = scan.seen().await?;
    }
    counted.insert(scan.leaf.oid, seen.rows);
    Ok(Ok(done))
}

/// An error that is about one table is a reject; any other ends the run.
fn refused(table: &str, error: anyhow::Error) -> Result<Reject> {
    let Some(answer) = error.downcast_ref::<tokio_postgres::Error>() else {
        return Err(error.context(format!("cannot hash {table}")));
    };
    let message = format!("{table}: {}", describe(answer));
    let Some(db) = answer.as_db_error() else { return Err(anyhow!(message)) };
    let code = db.code();
    Ok(match code.code().get(..2).unwrap_or_default() {
        // The connection, the server or the snapshot is at an end.
        "08" | "53" | "58" => return Err(anyhow!(message)),
        "57" if *code != SqlState::QUERY_CANCELED => return Err(anyhow!(message)),
        "57" => Reject::retryable("cancelled", message),
        "40" => Reject::retryable("conflict", message),
        "XX" => Reject::new("corrupted", message),
        _ => match *code {
            SqlState::LOCK_NOT_AVAILABLE => Reject::retryable("locked", message),
            SqlState::UNDEFINED_TABLE => Reject::new("no-such-table", message),
            SqlState::INSUFFICIENT_PRIVILEGE if message.contains("row-level security") => {
                let message = format!("{message}; hash as its owner or as a role with BYPASSRLS");
                Reject::new("row-level-security", message)
            }
            SqlState::INSUFFICIENT_PRIVILEGE => Reject::new("denied", message),
            _ => Reject::new("refused", message),
        },
    })
}
