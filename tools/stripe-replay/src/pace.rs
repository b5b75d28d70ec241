//! When the next call may begin: `--rate`, and the `Retry-After` of the handler.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Turns, one for each call, evenly apart.
pub struct Pace {
    gap: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// At most this many turns in a second, or as many as are asked for.
    pub fn new(rate: Option<NonZeroU32>) -> Self {
        let gap = rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.get());
        Self { gap, next: Mutex::new(Instant::now()) }
    }

    /// Waits for a turn. One whose wait is dropped is lost.
    pub async fn turn(&self) {
        let now = Instant::now();
        let turn = self.take(now);
        if turn > now {
            sleep_until(turn).await;
        }
    }

    /// Gives no more turns before this time.
    pub fn hold(&self, until: Instant) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = until.max(*next);
    }

    fn take(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now.max(*next);
        *next = turn + self.gap;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_apart_and_those_that_passed_are_not_made_up_for() {
        let pace = Pace::new(NonZeroU32::new(10));
        let ms = Duration::from_millis;
        let start = Instant::now() + ms(1000);
        let turns = [start, start, start + ms(50), start + ms(900), start + ms(900)]
            .map(|now| pace.take(now) - start);
        assert_eq!(turns, [ms(0), ms(100), ms(200), ms(900), ms(1000)]);
    }

    #[test]
    fn a_hold_is_for_all_and_never_shortened() {
        let pace = Pace::new(None);
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        pace.hold(later);
        pace.hold(now);
        assert_eq!((pace.take(now), pace.take(now)), (later, later));
    }
}
