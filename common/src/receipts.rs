//! stdout for a tool that writes what it did in its own time, not a record for each record that it read.

use anyhow::Result;
use serde::Serialize;

use crate::pipe::Lines;
use crate::run::{ClosedStdout, Ctx};

/// Where receipts go: to stdout, and to stderr where stdout takes no more, since what was done must be told.
#[derive(Clone)]
pub struct Receipts {
    ctx: Ctx,
    lines: Lines,
}

impl Receipts {
    /// To stdout.
    pub fn new(ctx: Ctx, lines: Lines) -> Self {
        Self { ctx, lines }
    }

    /// Writes records, which stay together.
    ///
    /// # Errors
    /// When one cannot be written as JSON, or stderr does not take them either.
    pub async fn write(&self, records: &[impl Serialize]) -> Result<()> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        match self.lines.send(lines).await {
            Ok(()) => Ok(()),
            Err(lines) => self.ctx.salvage(&lines),
        }
    }

    /// Resolves when nothing more is to be started: a signal came, or nobody reads stdout any more.
    pub async fn halted(&self) {
        self.lines.halted(&self.ctx.stop).await;
    }

    /// How a run ends that was [halted](Self::halted): with an error, unless it is a signal, which says enough by
    /// itself.
    ///
    /// # Errors
    /// stdout has no reader any more.
    pub fn halt(&self) -> Result<()> {
        if self.ctx.stop.is_cancelled() { Ok(()) } else { Err(ClosedStdout.into()) }
    }
}
