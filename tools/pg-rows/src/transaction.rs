//! One transaction: the query, as often as it is asked for.

use std::cell::Cell;
use std::num::NonZeroUsize;

use anyhow::{Result, anyhow};
use common::input::Item;
use common::pipe::{Items, Lines};
use common::reject::Rejects;
use common::{Ctx, Failure, Reject};
use futures_util::FutureExt as _;
use serde::Serialize;
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
/// Records read ahead of the one that runs.
const AHEAD: NonZeroUsize = NonZeroUsize::MIN;

/// What is to be done in it.
pub struct Transaction<'a> {
    pub cli: &'a Cli,
    pub ctx: &'a Ctx,
    pub query: &'a Query,
    pub rejects: &'a Rejects,
    /// Once it is cancelled, nothing more is written, begun or committed.
    pub halt: CancellationToken,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Done {
    pub rows: u64,
    /// Whether no record was rejected.
    pub complete: bool,
}

impl Transaction<'_> {
    /// From its begin to its commit. `written` counts rows that went to `lines`. Nothing where it was halted.
    ///
    /// # Errors
    /// What ends the run: [`tokio_postgres::Error`] where it is the server's refusal or a lost connection.
    pub async fn run(
        &self,
        client: &Client,
        params: Params,
        lines: &Lines,
        written: &Cell<u64>,
    ) -> Result<Option<Done>> {
        client.batch_execute(&self.begin()).await?;
        watch(client).await?;
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
            // Zero would be no limit.
            format!("set local statement_timeout = '{}ms';", limit.as_millis().max(1))
        });
        // Every digit of a float, whatever the role's setting.
        format!(
            "begin {mode}; {limit} set local lock_timeout = '{LOCK_TIMEOUT}'; set local extra_float_digits = 1"
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
        while !self.halt.is_cancelled() {
            let next = match items.next().now_or_never() {
                Some(ready) => ready,
                None => {
                    // The next record may be long in coming.
                    writer.send().await;
                    tokio::select! {
                        biased;
                        () = self.halt.cancelled() => None,
                        item = items.next() => item,
                    }
                }
            };
            let Some(item) = next else { break };
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
        Ok(rejected)
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

/// Has the server end the query by itself where this side vanishes. Not every version and platform of it can.
async fn watch(client: &Client) -> Result<()> {
    let set = format!("savepoint pg_rows; set local client_connection_check_interval = '{CHECK}'");
    if client.batch_execute(&set).await.is_err() {
        client.batch_execute("rollback to savepoint pg_rows").await?;
    }
    client.batch_execute("release savepoint pg_rows").await?;
    Ok(())
}
