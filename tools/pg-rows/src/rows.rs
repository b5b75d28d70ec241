//! Rows of the running query, made lines as they come.

use std::cell::Cell;
use std::error::Error;
use std::pin::{Pin, pin};
use std::time::Duration;

use anyhow::Result;
use common::Ctx;
use common::pipe::Lines;
use futures_util::{FutureExt as _, TryStreamExt as _};
use tokio::time::timeout;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row, RowStream, Statement};
use tokio_util::sync::CancellationToken;

use crate::params::Param;

/// Lines are handed to stdout in chunks of about so many bytes.
const CHUNK: usize = 1 << 16;
/// A quiet query does not hold its last rows back longer than this.
const QUIET: Duration = Duration::from_millis(20);

/// What writes the rows of one run after the other.
pub struct Writer<'a> {
    ctx: &'a Ctx,
    lines: &'a Lines,
    /// Once it is cancelled, rows that still come are thrown away.
    halt: &'a CancellationToken,
    /// Rows that went to stdout.
    written: &'a Cell<u64>,
    chunk: Vec<u8>,
    waiting: u64,
}

/// JSON as the server's own text. It is UTF-8: the server sends nothing else to a client that asked for it.
struct Json<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Json<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(wanted: &Type) -> bool {
        *wanted == Type::JSON
    }
}

impl<'a> Writer<'a> {
    /// Writes to `lines` until `halt`, and counts what it has `written`.
    pub fn new(ctx: &'a Ctx, lines: &'a Lines, halt: &'a CancellationToken, written: &'a Cell<u64>) -> Self {
        Self { ctx, lines, halt, written, chunk: Vec::with_capacity(CHUNK * 2), waiting: 0 }
    }

    /// Rows that the server has sent so far.
    pub fn taken(&self) -> u64 {
        self.written.get() + self.waiting
    }

    /// Runs the statement once.
    ///
    /// # Errors
    /// The server's refusal or a lost connection, as [`tokio_postgres::Error`].
    pub async fn run(&mut self, client: &Client, statement: &Statement, params: &[Param]) -> Result<()> {
        let mut stream = pin!(client.query_raw(statement, params).await?);
        while let Some(row) = self.next(stream.as_mut()).await? {
            let Json(text) = row.try_get(0)?;
            push(&mut self.chunk, text);
            self.waiting += 1;
            if self.chunk.len() >= CHUNK {
                self.send().await;
            }
        }
        Ok(())
    }

    /// The next row. Where it lets itself be waited for, the lines before it go out.
    async fn next(&mut self, mut stream: Pin<&mut RowStream>) -> Result<Option<Row>> {
        if let Some(ready) = stream.try_next().now_or_never() {
            return Ok(ready?);
        }
        if !self.chunk.is_empty() {
            if let Ok(soon) = timeout(QUIET, stream.try_next()).await {
                return Ok(soon?);
            }
            self.send().await;
        }
        Ok(stream.try_next().await?)
    }

    /// Hands over what there is.
    pub async fn send(&mut self) {
        if self.chunk.is_empty() {
            return;
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK * 2));
        let rows = std::mem::take(&mut self.waiting);
        tokio::select! {
            biased;
            () = self.halt.cancelled() => {}
            sent = self.lines.send(chunk) => if sent.is_ok() {
                self.written.set(self.written.get() + rows);
                self.ctx.counts.done(rows);
            },
        }
    }
}

/// Adds a row as one line. A line break can only be white space between the tokens of a json column.
fn push(chunk: &mut Vec<u8>, row: &[u8]) {
    let start = chunk.len();
    chunk.extend_from_slice(row);
    if row.contains(&b'\n') {
        for byte in &mut chunk[start..] {
            if *byte == b'\n' {
                *byte = b' ';
            }
        }
    }
    chunk.push(b'\n');
}
