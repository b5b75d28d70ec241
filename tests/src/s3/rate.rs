//! How many requests a server takes in a second.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The part of a second's requests that may come at once.
const BURST: f64 = 0.1;

/// A limit for all clients together. Idle time is saved up for a small burst.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    /// How many requests may come at once, and since when that is so.
    room: Mutex<(f64, Instant)>,
}

impl Rate {
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second);
        let burst = (per_second * BURST).max(1.0);
        Self { per_second, burst, room: Mutex::new((burst, now)) }
    }

    /// Whether one more request is taken now.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let (room, since) = *state;
        let room =
            (room + now.saturating_duration_since(since).as_secs_f64() * self.per_second).min(self.burst);
        let admits = room >= 1.0;
        *state = (if admits { room - 1.0 } else { room }, now.max(since));
        admits
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_second_of_steady_requests_brings_the_rate_beside_the_first_burst() {
        let start = Instant::now();
        let rate = Rate::new(500, start);
        let admitted = |from: u32| {
            let at = |n: u32| start + Duration::from_micros(u64::from(from * 10_000 + n) * 100);
            (0..10_000).filter(|n| rate.admits(at(*n))).count()
        };
        assert_eq!((admitted(0), admitted(1)), (549, 500));
    }

    #[test]
    fn idle_time_is_saved_for_a_tenth_of_a_second_at_most() {
        let start = Instant::now();
        let rate = Rate::new(500, start);
        for later in [0, 3600] {
            let now = start + Duration::from_secs(later);
            assert_eq!((0..1000).filter(|_| rate.admits(now)).count(), 50);
        }
    }

    #[test]
    fn the_lowest_rate_still_takes_one_request() {
        let start = Instant::now();
        let rate = Rate::new(1, start);
        let after = |millis| rate.admits(start + Duration::from_millis(millis));
        assert_eq!([after(0), after(999), after(1001)], [true, false, true]);
    }
}
