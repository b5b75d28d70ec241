//! `--rows-per-second`: one limit for all connections of a run.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Rows that are taken at once, so that short waits do not cost more than they are.
pub const STEP: u64 = 256;

/// A line in which rows wait for their turn.
#[derive(Debug)]
pub struct Pace {
    step: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most this many rows a second from each of so many databases, which read in step.
    pub fn new(rows_per_second: NonZeroU64, databases: usize) -> Self {
        let step = Duration::from_secs(STEP).div_f64(rows_per_second.get() as f64 * databases as f64);
        Self { step, next: Mutex::new(Instant::now()) }
    }

    /// Waits until [`STEP`] more rows may be read.
    pub async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.step;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}
