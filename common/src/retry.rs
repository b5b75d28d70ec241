//! Waits between tries, for what the service clients do not retry themselves.

use std::time::Duration;

/// Exponential waits with full jitter, so that many waiters do not come back as one.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The longest that the first wait can be.
    pub base: Duration,
    /// The longest that any wait can be.
    pub cap: Duration,
}

impl Backoff {
    /// How long to wait after a try, counted from 0: anything up to `base * 2^tried`, at most `cap`.
    pub fn delay(&self, tried: u32) -> Duration {
        let limit = self.base.saturating_mul(2u32.saturating_pow(tried)).min(self.cap);
        limit.mul_f64(fastrand::f64())
    }

    /// Waits as long after a try, or until `halted` resolves.
    pub async fn pause(&self, tried: u32, halted: impl Future<Output = ()>) {
        tokio::select! {
            () = halted => {}
            () = tokio::time::sleep(self.delay(tried)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_stay_below_their_limit(tried: u32, base in 0u64..5_000, cap in 0u64..60_000) {
            let (base, cap) = (Duration::from_millis(base), Duration::from_millis(cap));
            let wait = Backoff { base, cap }.delay(tried);
            prop_assert!(wait <= cap);
            if tried == 0 {
                prop_assert!(wait <= base);
            }
        }
    }
}
