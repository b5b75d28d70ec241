//! One limit of units a second for everybody who works on something.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A line in which work waits for its turn.
#[derive(Debug)]
pub struct Pace {
    per_second: f64,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most this many units a second from each of so many sources, which are read in step.
    pub fn new(per_second: NonZeroU64, sources: usize) -> Self {
        Self { per_second: per_second.get() as f64 * sources as f64, next: Mutex::new(Instant::now()) }
    }

    /// Waits until all units that were taken so far have had their time, and takes some more.
    pub async fn turn(&self, units: f64) {
        tokio::time::sleep_until(self.take(units)).await;
    }

    /// Takes units that were used already: whoever comes next waits for them. The time is that at which it was their turn.
    pub fn take(&self, units: f64) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = (*next).max(Instant::now());
        *next = turn + Duration::from_secs_f64(units / self.per_second);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_next_waits_for_what_was_taken() {
        let pace = Pace::new(NonZeroU64::new(10).unwrap(), 2);
        let first = pace.take(600.0);
        assert_eq!(pace.take(0.0) - first, Duration::from_secs(30));
        assert_eq!(pace.take(20.0) - first, Duration::from_secs(30));
        assert_eq!(pace.take(1.0) - first, Duration::from_secs(31));
    }
}
