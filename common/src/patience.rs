//! How long the body of an answer may take: no rule for each case, but one that ends silence and dripping alike.

use std::time::Duration;

/// The slowest that a body may come, in bytes a second of waiting for it: half a megabyte in a minute.
const SLOWEST: f64 = 8192.0;

/// The waits for one body. All of them together may take as long as one silence and what its bytes take at the slowest;
/// none may take longer than a silence. The time that its reader takes for them does not count.
#[derive(Debug)]
pub(crate) struct Patience {
    silence: Duration,
    waited: Duration,
    read: u64,
}

impl Patience {
    /// With this longest silence.
    pub(crate) fn new(silence: Duration) -> Self {
        Self { silence, waited: Duration::ZERO, read: 0 }
    }

    /// How long the next wait may take.
    pub(crate) fn left(&self) -> Duration {
        let earned = Duration::from_secs_f64(self.read as f64 / SLOWEST);
        (self.silence + earned).saturating_sub(self.waited).min(self.silence)
    }

    /// Counts a wait that is over, and the bytes that came with it.
    pub(crate) fn count(&mut self, waited: Duration, bytes: usize) {
        self.waited += waited;
        self.read += bytes as u64;
    }

    /// Bytes that have come.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// What is said of a body that took too long.
    pub(crate) fn at_an_end(&self) -> String {
        format!("the answer came too slowly: {} bytes in {:.0?} (--read-timeout)", self.read, self.waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dripping_ends_as_silence_does_and_speed_does_not() {
        let second = Duration::from_secs(1);
        let mut dripping = Patience::new(30 * second);
        let mut waits = 0;
        while dripping.left() >= second {
            dripping.count(second, 1);
            waits += 1;
        }
        assert_eq!(waits, 30);
        let mut quick = Patience::new(30 * second);
        for _ in 0..10_000 {
            quick.count(second, 1 << 16);
        }
        assert_eq!(quick.left(), 30 * second);
        assert_eq!(Patience::new(30 * second).left(), 30 * second);
    }
}
