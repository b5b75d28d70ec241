//! One transaction: the query, as often as it is asked for, and its end.

use std::cell::Cell;
use std::future::pending;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use common::input::Item;
use common::pg::Database;
use common::pipe::{Items, Lines, Out};
use common::reject::Rejects;
use common::{Ctx, Failure, Reject};
use futures_util::FutureExt as _;
use serde::Serialize;
use tokio::time::timeout;
use tokio_postgres::{Client, Statement};
use tokio_util::sync::CancellationToken;

use crate::cli::Cli;
use crate::failure;
use crate::params::{self, Params};
use crate::query::Query;
use crate::rows::Writer;

/// How long a statement waits for another session's lock.
pub const LOCK_TIMEOUT: &str = "10s";
/// How often the server looks whether this side still lives while it computes.
const CHECK: &str = "2s";
/// How long each part of cancelling may take: asking for it, and the query's end.
const CANCEL: Duration = Duration::from_secs(5);
/// Records read ahead of the one that runs.
const AHEAD: NonZeroUsize = NonZeroUsize::MIN;

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
    let job = Job { cli: &cli, ctx: &ctx, query: &query, rejects: &rejects, halt: CancellationToken::new() };
    let done = job.connect(&database, params, out.lines()).await;
    let written = out.finish().await;
    done.and(written)
}

struct Job<'a> {
    cli: &'a Cli,
    ctx: &'a Ctx,
    query: &'a Query,
    rejects: &'a Rejects,
    halt: CancellationToken,
}

/// What was written.
#[derive(Debug, Default, Serialize)]
struct Done {
    rows: u64,
    complete: bool,
}

/// The last record of a stream that must be whole.
#[derive(Serialize)]
struct Trailer {
    pg_rows: Done,
}

impl Job<'_> {
    async fn connect(&self, database: &Database, params: Params, lines: &Lines) -> Result<()> {
        let written = Cell::new(0);
        let connected = Cell::new(false);
        let ended = database.connected(self.ctx.tool, async |client| {
            connected.set(true);
            let mut work = pin!(self.work(client, params, lines, &written));
            tokio::select! {
                done = &mut work => done,
                () = self.halted(lines) => {
                    self.cancel(database, client, work).await;
                    Ok(None)
                }
            }
        });
        let halted_before = async {
            self.halted(lines).await;
            if connected.get() {
                pending::<()>().await;
            }
        };
        let ended = tokio::select! {
            ended = ended => ended,
            () = halted_before => Ok(None),
        };
        match ended.map_err(failure::explained) {
            Ok(Some(done)) => self.finish(done, lines).await,
            Ok(None) if self.cli.read_write && !self.ctx.stop.is_cancelled() => {
                bail!("stdout was closed before the last row: what the query changed was rolled back")
            }
            Ok(None) => Ok(()),
            Err(error) if written.get() > 0 => {
                Err(error.context(format!("the output is incomplete, it ends after {} rows", written.get())))
            }
            Err(error) => Err(error),
        }
    }

    async fn finish(&self, done: Done, lines: &Lines) -> Result<()> {
        if self.cli.trailer {
            let mut line =
                serde_json::to_vec(&Trailer { pg_rows: done }).context("cannot write the trailer")?;
            line.push(b'\n');
            // A dead stdout is told by its end.
            let _ = lines.send(line).await;
        }
        Ok(())
    }

    /// Until a signal comes or nobody reads any more.
    async fn halted(&self, lines: &Lines) {
        tokio::select! {
            () = self.ctx.stop.cancelled() => {}
            () = lines.closed() => {}
        }
    }

    /// Has the server end the query, and takes what it still sends, or it could not tell that it did.
    async fn cancel(&self, database: &Database, client: &Client, work: impl Future) {
        self.halt.cancel();
        let asked = timeout(CANCEL, client.cancel_token().cancel_query(database.tls())).await;
        let ended = timeout(CANCEL, work).await;
        if !matches!(asked, Ok(Ok(()))) || ended.is_err() {
            tracing::warn!("the query may still be running on {database}: it could not be cancelled");
        }
    }

    /// Nothing where it was halted.
    async fn work(
        &self,
        client: &Client,
        params: Params,
        lines: &Lines,
        written: &Cell<u64>,
    ) -> Result<Option<Done>> {
        client.batch_execute(&self.begin()).await?;
        let statement = self.query.prepare(client, params.len()).await?;
        let mut writer = Writer::new(self.ctx, lines, &self.halt, written);
        let rejected = match params {
            Params::Given(params) => {
                let ran = writer.run(client, &statement, &params).await;
                self.ctx.counts.read(writer.taken());
                ran.map(|()| false)
            }
            Params::Each(source, fields) => {
                let mut items = Items::read(source, AHEAD)?;
                self.each(client, &statement, &mut items, &fields, &mut writer).await
            }
        };
        // Also where it failed: what was read is told.
        writer.send().await;
        let rejected = rejected?;
        if self.halt.is_cancelled() {
            return Ok(None);
        }
        client.batch_execute("commit").await?;
        Ok(Some(Done { rows: written.get(), complete: !rejected }))
    }

    fn begin(&self) -> String {
        let mode =
            if self.cli.read_write { "read write" } else { "isolation level repeatable read, read only" };
        let limit = self.cli.timeout.map_or_else(String::new, |limit| {
            format!("set local statement_timeout = '{}ms';", limit.as_millis())
        });
        // Every digit of a float, whatever the role's setting. The last is not known to every version of the server.
        format!(
            "begin {mode}; {limit} set local lock_timeout = '{LOCK_TIMEOUT}'; set local extra_float_digits = 1;
            select set_config(name, '{CHECK}', true) from pg_settings where name = 'client_connection_check_interval'"
        )
    }

    /// Whether any was rejected.
    async fn each(
        &self,
        client: &Client,
        statement: &Statement,
        items: &mut Items<std::io::Result<Item>>,
        fields: &[String],
        writer: &mut Writer<'_>,
    ) -> Result<bool> {
        let mut rejected = false;
        loop {
            let next = match items.next().now_or_never() {
                Some(ready) => ready,
                None => {
                    // The next record may be long in coming.
                    writer.send().await;
                    tokio::select! {
                        () = self.halt.cancelled() => return Ok(rejected),
                        item = items.next() => item,
                    }
                }
            };
            let Some(item) = next else { return Ok(rejected) };
            let item = item.map_err(|err| anyhow!(err).context("cannot read --params-from"))?;
            self.ctx.counts.read(1);
            match self.one(client, statement, &item, fields, writer).await {
                Ok(()) => {}
                Err(Failure::Reject(reject)) => {
                    rejected = true;
                    self.rejects.write(&reject, &item)?;
                }
                Err(Failure::Fatal(error)) => return Err(error),
            }
        }
    }

    /// One run between savepoints, so that its failure leaves the snapshot to the next.
    async fn one(
        &self,
        client: &Client,
        statement: &Statement,
        item: &Item,
        fields: &[String],
        writer: &mut Writer<'_>,
    ) -> Result<(), Failure> {
        let params = match item {
            Item::Record(record) => params::of(record, fields)?,
            Item::Line(bad) => return Err(Reject::from(bad).into()),
        };
        let tell = |sql| async move { client.batch_execute(sql).await.map_err(anyhow::Error::new) };
        tell("savepoint pg_rows").await?;
        let before = writer.taken();
        match writer.run(client, statement, &params).await {
            Ok(()) => tell("release savepoint pg_rows").await?,
            Err(error) => match failure::of_set(error, writer.taken() - before) {
                Failure::Reject(_) if self.halt.is_cancelled() => return Ok(()),
                Failure::Reject(reject) => {
                    tell("rollback to savepoint pg_rows; release savepoint pg_rows").await?;
                    return Err(reject.into());
                }
                fatal @ Failure::Fatal(_) => return Err(fatal),
            },
        }
        Ok(())
    }
}
