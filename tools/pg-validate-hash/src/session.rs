//! A connection on which nothing that a role, a database or a server sets can change what is read.

use anyhow::{Context, Result, anyhow};
use common::pg::describe;
use tokio_postgres::Client;

/// What is set where the server knows it. `search_path` is empty so that types are written with their schemas; scans by
/// index are off since a hash reads whole relations, and their counts are of the heap then.
const SETTINGS: &str = "\
select set_config(pg_settings.name, wanted.value, false) from pg_settings join (values
  ('bytea_output', 'hex'), ('datestyle', 'ISO, YMD'), ('extra_float_digits', '3'), ('idle_in_transaction_session_timeout', '0'),
  ('idle_session_timeout', '0'), ('intervalstyle', 'iso_8601'), ('jit', 'off'), ('lc_monetary', 'C'), ('lock_timeout', '5s'),
  ('quote_all_identifiers', 'off'), ('row_security', 'off'), ('search_path', ''), ('statement_timeout', '0'),
  ('timezone', 'UTC'), ('transaction_timeout', '0'), ('xmlbinary', 'base64')
) wanted(name, value) on lower(pg_settings.name) = wanted.name";

const WHOLE: &str = "\
set enable_bitmapscan = off; set enable_indexonlyscan = off; set enable_indexscan = off; \
set max_parallel_workers_per_gather = 0";

/// Makes the settings; `whole` for reading relations from end to end in the way that the server counts.
///
/// # Errors
/// The server refuses one.
pub async fn settle(client: &Client, whole: bool) -> Result<()> {
    let settled = client.query(SETTINGS, &[]).await.map(drop);
    settled.map_err(|error| anyhow!("{}", describe(&error))).context("cannot make the session's settings")?;
    if whole {
        run(client, WHOLE).await.context("cannot make the session's settings")?;
    }
    Ok(())
}

/// Begins a transaction that sees one instant: its own, or that of a snapshot which another connection holds.
///
/// # Errors
/// The server refuses, or the snapshot is gone.
pub async fn begin(client: &Client, snapshot: Option<&str>) -> Result<()> {
    run(client, "begin isolation level repeatable read read only").await?;
    if let Some(snapshot) = snapshot {
        let adopted = run(client, &format!("set transaction snapshot '{snapshot}'")).await;
        adopted.context("the snapshot of this run is gone: its first connection has ended")?;
    }
    Ok(())
}

/// Marks where the reads of pieces of work begin, for [`back`].
///
/// # Errors
/// The connection is gone.
pub async fn mark(client: &Client) -> Result<()> {
    run(client, "savepoint work").await
}

/// Holds the snapshot of this transaction out for others.
///
/// # Errors
/// The server has none to give, as some standbys.
pub async fn export(client: &Client) -> Result<String> {
    let row = client.query_one("select pg_export_snapshot()", &[]).await;
    let row = row.map_err(|error| {
        anyhow!("cannot share a snapshot between connections: {} (use --concurrency 1)", describe(&error))
    })?;
    Ok(row.try_get(0)?)
}

/// Undoes what a piece of work left in the transaction: a failed state, or its locks.
///
/// # Errors
/// The connection is gone.
pub async fn back(client: &Client) -> Result<()> {
    run(client, "rollback to work").await
}

async fn run(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.map_err(|error| anyhow!("{}", describe(&error)))
}
