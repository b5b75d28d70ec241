//! From the parts that workers have finished to stdout: as they come, or in the order of keys.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use common::Ctx;
use common::pipe::Lines;

use super::journal::{Marked, Progress};
use super::order::Order;
use super::part::{Part, Piece};
use super::spill::Spill;

/// Where all workers bring their parts.
pub struct Output {
    ctx: Ctx,
    lines: Lines,
    spill: Spill,
    order: Option<Mutex<Order>>,
    progress: Option<Progress>,
    /// Who writes: the pieces of a part follow each other.
    turn: tokio::sync::Mutex<()>,
}

impl Output {
    /// An output to these lines; `ordered` by key, or as parts come.
    pub fn new(ctx: Ctx, lines: Lines, spill: Spill, ordered: bool, progress: Option<Progress>) -> Self {
        let order = ordered.then(Mutex::default);
        Self { ctx, lines, spill, order, progress, turn: tokio::sync::Mutex::default() }
    }

    /// Keeps what is too much to be held in memory.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub async fn spill(&self, lines: Vec<u8>) -> Result<Piece> {
        Ok(Piece::Disk(self.spill.write(lines).await?))
    }

    /// Makes the interval above this key known, before anything of it is put and before the one below it is closed.
    pub fn open(&self, lo: Option<&str>) {
        if let Some(mut order) = self.order() {
            order.open(lo);
        }
    }

    /// Takes the next part of the interval above this key.
    ///
    /// # Errors
    /// When stdout is closed, or the part can neither be written nor kept.
    pub async fn put(&self, lo: Option<&str>, mut part: Part) -> Result<()> {
        if self.order().is_none_or(|order| order.is_first(lo)) {
            return self.write(part).await;
        }
        for piece in &mut part.pieces {
            if let Piece::Memory(lines) = piece {
                *piece = self.spill(std::mem::take(lines)).await?;
            }
        }
        let kept = self.order().and_then(|mut order| order.keep(lo, part));
        match kept {
            // Meanwhile all before it was written.
            Some(part) => self.write(part).await,
            None => Ok(()),
        }
    }

    /// Notes that the interval above this key has no more parts; says whether [`Output::drain`] is to be called.
    pub fn close(&self, lo: Option<&str>) -> bool {
        self.order().is_some_and(|mut order| order.close(lo))
    }

    /// Writes what was kept, up to the first interval that is still being listed or until the run is to stop.
    ///
    /// # Errors
    /// As [`Output::put`].
    pub async fn drain(&self) -> Result<()> {
        while !self.ctx.stop.is_cancelled()
            && let Some(part) = self.order().and_then(|mut order| order.next())
        {
            self.write(part).await?;
        }
        Ok(())
    }

    /// Says in the journal that the listing is complete, if it is.
    ///
    /// # Errors
    /// When the journal takes nothing any more.
    pub async fn finish(&self) -> Result<()> {
        match &self.progress {
            Some(progress) => progress.finish().await,
            None => Ok(()),
        }
    }

    async fn write(&self, mut part: Part) -> Result<()> {
        let Some(progress) = &self.progress else { return self.write_plainly(part).await };
        let last = part.pieces.pop().unwrap_or(Piece::Memory(Vec::new()));
        let last = Marked::of(self.load(last).await?);
        let turn = self.turn.lock().await;
        for piece in part.pieces {
            let placed = progress.place(Marked::of(self.load(piece).await?), None);
            progress.write(placed, &self.lines).await?;
        }
        let placed = progress.place(last, part.covered);
        // Others may have their intents written meanwhile: the disk is waited for once for all of them.
        drop(turn);
        let piece = progress.write(placed, &self.lines).await?;
        self.ctx.counts.done(part.records);
        progress.note(piece).await
    }

    async fn write_plainly(&self, part: Part) -> Result<()> {
        let _turn = self.turn.lock().await;
        for piece in part.pieces {
            let lines = self.load(piece).await?;
            if !lines.is_empty() {
                self.lines.write(lines).await?;
            }
        }
        self.ctx.counts.done(part.records);
        Ok(())
    }

    async fn load(&self, piece: Piece) -> Result<Vec<u8>> {
        match piece {
            Piece::Memory(lines) => Ok(lines),
            Piece::Disk(extent) => self.spill.read(extent).await,
        }
    }

    fn order(&self) -> Option<MutexGuard<'_, Order>> {
        self.order.as_ref().map(|order| order.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
