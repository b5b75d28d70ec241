//! How much is in flight at once: halved when the store asks to slow down, raised by one after each window without that.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use tokio::sync::Notify;

/// A limit that learns from the store's answers.
#[derive(Clone, Debug)]
pub struct Throttle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
    most: usize,
}

#[derive(Debug)]
struct State {
    limit: usize,
    busy: usize,
    /// Answers since the limit was last changed.
    answers: usize,
    /// Answers still to come to what was sent before the limit was last halved: they say nothing about the new one.
    stale: usize,
}

/// The right to work on one record.
#[derive(Debug)]
pub struct Permit(Throttle);

impl Throttle {
    /// A limit that begins at the most it can be.
    pub fn new(most: NonZeroUsize) -> Self {
        let most = most.get();
        let state = State { limit: most, busy: 0, answers: 0, stale: 0 };
        Self(Arc::new(Shared { state: Mutex::new(state), freed: Notify::new(), most }))
    }

    /// Waits until less than the limit is in flight.
    pub async fn permit(&self) -> Permit {
        loop {
            let freed = self.0.freed.notified();
            {
                let mut state = self.state();
                if state.busy < state.limit {
                    state.busy += 1;
                    // Two places that become free at once may leave one wake-up behind.
                    if state.busy < state.limit {
                        self.0.freed.notify_one();
                    }
                    return Permit(self.clone());
                }
            }
            freed.await;
        }
    }

    fn answered(&self, slow_down: bool) {
        let raised = self.state().answered(slow_down, self.0.most);
        if raised {
            self.0.freed.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Learns from one answer; returns whether there is more room now.
    fn answered(&mut self, slow_down: bool, most: usize) -> bool {
        if self.stale > 0 {
            self.stale -= 1;
            return false;
        }
        if slow_down {
            self.limit = (self.limit / 2).max(1);
            self.stale = self.busy.saturating_sub(1);
            self.answers = 0;
            tracing::info!("asked to slow down: {} records at once", self.limit);
            return false;
        }
        self.answers += 1;
        if self.answers < self.limit || self.limit >= most {
            return false;
        }
        self.limit += 1;
        self.answers = 0;
        true
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.state().busy -= 1;
        self.0.0.freed.notify_one();
    }
}

impl Intercept for Throttle {
    fn name(&self) -> &'static str {
        "Throttle"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(answer) = context.response() {
            self.answered(matches!(answer.status().as_u16(), 429 | 503));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(limit: usize, busy: usize) -> State {
        State { limit, busy, answers: 0, stale: 0 }
    }

    #[test]
    fn a_storm_of_refusals_to_one_window_halves_once() {
        let mut state = state(64, 64);
        for _ in 0..64 {
            state.answered(true, 64);
        }
        assert_eq!(state.limit, 32);
        state.answered(true, 64);
        assert_eq!(state.limit, 16);
    }

    #[test]
    fn it_never_falls_below_one_and_never_rises_above_the_most() {
        let mut state = state(4, 1);
        for _ in 0..10 {
            state.answered(true, 4);
        }
        assert_eq!(state.limit, 1);
        for _ in 0..100 {
            state.answered(false, 4);
        }
        assert_eq!(state.limit, 4);
    }

    #[test]
    fn it_rises_by_one_after_a_window_of_answers() {
        let mut state = state(8, 8);
        assert!((0..7).all(|_| !state.answered(false, 64)));
        assert!(state.answered(false, 64));
        assert_eq!(state.limit, 9);
    }

    #[tokio::test]
    async fn a_permit_is_handed_on() {
        let throttle = Throttle::new(NonZeroUsize::MIN);
        let held = throttle.permit().await;
        let waiting = tokio::spawn({
            let throttle = throttle.clone();
            async move { throttle.permit().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        drop(waiting.await.unwrap());
        assert_eq!(throttle.state().busy, 0);
    }
}
