//! Receipts: the records on stdout, one for each batch.

use anyhow::{Result, bail};
use common::{Ctx, pipe};
use serde::{Deserialize, Serialize};

/// What was done with a batch.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Receipt {
    /// The collection, by its own name.
    pub collection: String,
    /// Documents of the input before the batch.
    pub after: u64,
    /// Documents in the batch.
    pub documents: usize,
    /// Those that were imported.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted: Option<usize>,
    /// Those that were refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rejected: Option<usize>,
    /// Bytes that were sent, once.
    pub bytes: usize,
    /// From the first request to the last result, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ms: Option<u64>,
    /// How often documents of the batch were sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests: Option<u32>,
    /// Nothing was sent.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub dry_run: bool,
}

/// Where receipts go.
#[derive(Clone)]
pub struct Receipts {
    ctx: Ctx,
    lines: pipe::Lines,
}

impl Receipts {
    /// To stdout.
    pub fn new(ctx: Ctx, lines: pipe::Lines) -> Self {
        Self { ctx, lines }
    }

    /// Writes a record; to stderr where stdout takes no more.
    ///
    /// # Errors
    /// When stderr does not take it either.
    pub async fn write(&self, record: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        match self.lines.send(line).await {
            Ok(()) => Ok(()),
            Err(line) => self.ctx.salvage(&line),
        }
    }

    /// Why nothing more is to be started: an error, unless it is a signal, which says enough by itself.
    ///
    /// # Errors
    /// stdout has no reader any more.
    pub fn halt(&self) -> Result<()> {
        if !self.ctx.stop.is_cancelled() {
            bail!("stdout was closed before the run was finished");
        }
        Ok(())
    }

    /// Resolves when nothing more is to be started.
    pub async fn halted(&self) {
        tokio::select! {
            () = self.ctx.stop.cancelled() => {}
            () = self.lines.closed() => {}
        }
    }
}
