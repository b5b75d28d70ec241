//! How much is in flight at once: found by doubling where that is asked for, halved when the store asks to slow down, and
//! raised by one after each window without that.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aws_sdk_s3::config::retry::{RetryPartition, TokenBucket};
use aws_sdk_s3::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use tokio::sync::Notify;

/// Answers of a window at least: fewer do not tell a rate.
const WINDOW: usize = 8;
/// How much faster twice as many in flight must be to be worth their memory.
const WORTH: f64 = 1.15;
/// Windows after which it is tried again whether more are worth it now.
const PATIENCE: u32 = 64;

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
    /// The limit that was last found worth it, to which a halved one comes back.
    useful: usize,
    window: Window,
    /// Windows without a trial.
    calm: u32,
    trial: Option<Trial>,
    /// How often the limit was halved.
    asked: u64,
    /// Answers still to come to what was sent before the limit was last halved: they say nothing about the new one.
    stale: usize,
}

/// Answers since the limit was last changed or judged.
#[derive(Debug)]
struct Window {
    began: Instant,
    answers: usize,
    /// Answers that came while as much was in flight as was allowed.
    full: usize,
}

/// Whether a doubled limit is worth it.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// Answers a second before.
    before: f64,
    /// Whether a window has passed: the first is that of new connections.
    warm: bool,
}

/// The right to have one more in flight.
#[derive(Debug)]
pub struct Permit(Throttle);

impl Throttle {
    /// A limit that begins at the most it can be.
    pub fn new(most: NonZeroUsize) -> Self {
        Self::with(most.get(), most.get(), None)
    }

    /// A limit that begins low and doubles for as long as that makes answers come faster.
    pub fn doubling(first: NonZeroUsize, most: NonZeroUsize) -> Self {
        let first = first.min(most).get();
        Self::with(first, most.get(), Some(Trial { before: 0.0, warm: false }))
    }

    fn with(limit: usize, most: usize, trial: Option<Trial>) -> Self {
        let state = State {
            limit,
            busy: 0,
            useful: limit,
            window: Window::new(),
            calm: 0,
            trial,
            asked: 0,
            stale: 0,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), freed: Notify::new(), most }))
    }

    /// Lets a client learn the limit, and leaves to it what the SDK would do about a storm.
    pub fn watch(&self, client: Builder, tool: &'static str) -> Builder {
        // The SDK stops retrying once 100 retries of the whole run have failed, which a storm of SlowDown does at once;
        // here the limit reacts to a storm, and the tries of each request end by themselves.
        let retries = RetryPartition::custom(tool).token_bucket(TokenBucket::unlimited()).build();
        client.interceptor(self.clone()).retry_partition(retries)
    }

    /// How much may be in flight now.
    pub fn limit(&self) -> usize {
        self.state().limit
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
        let raised = self.state().answered(slow_down, self.0.most, Instant::now());
        if raised {
            self.0.freed.notify_one();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn new() -> Self {
        Self { began: Instant::now(), answers: 0, full: 0 }
    }

    /// Ends the window: how many answers there were a second, where the limit was what held them back.
    fn end(&mut self, now: Instant) -> Option<f64> {
        let Self { began, answers, full } = std::mem::replace(self, Self { began: now, answers: 0, full: 0 });
        let seconds = now.saturating_duration_since(began).as_secs_f64().max(1e-9);
        (full * 2 >= answers).then_some(answers as f64 / seconds)
    }
}

impl State {
    /// Learns from one answer; returns whether there is more room now.
    fn answered(&mut self, slow_down: bool, most: usize, now: Instant) -> bool {
        if self.stale > 0 {
            self.stale -= 1;
            return false;
        }
        if slow_down {
            self.limit = (self.limit / 2).max(1);
            self.stale = self.busy.saturating_sub(1);
            self.trial = None;
            self.calm = 0;
            self.window.end(now);
            self.asked += 1;
            // A storm says the same again and again.
            match self.asked {
                1 | 10 | 100 | 1000 | 10_000 => {
                    tracing::info!("asked to slow down, {} times by now: {} at once", self.asked, self.limit);
                }
                _ => tracing::debug!("asked to slow down: {} at once", self.limit),
            }
            return false;
        }
        self.window.answers += 1;
        self.window.full += usize::from(self.busy >= self.limit);
        let enough = if self.useful == most { self.limit } else { self.limit.max(WINDOW) };
        if self.window.answers < enough {
            return false;
        }
        let before = self.limit;
        let rate = self.window.end(now);
        match (rate, self.trial) {
            (Some(_), Some(Trial { before, warm: false })) => self.trial = Some(Trial { before, warm: true }),
            (Some(rate), Some(Trial { before, warm: true })) => {
                self.judge(rate, rate >= before * WORTH, most)
            }
            (_, None) if self.limit < self.useful => self.limit += 1,
            (Some(rate), None) => {
                self.calm += 1;
                if self.calm > PATIENCE {
                    self.judge(rate, true, most);
                }
            }
            (None, _) => {}
        }
        self.limit > before
    }

    /// Ends a trial, and begins the next where this one was worth it.
    fn judge(&mut self, rate: f64, worth: bool, most: usize) {
        self.calm = 0;
        self.trial = None;
        if !worth {
            self.limit = self.useful;
            return;
        }
        self.useful = self.limit;
        if self.limit < most {
            self.limit = (self.limit * 2).min(most);
            self.trial = Some(Trial { before: rate, warm: false });
        }
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
    use std::time::Duration;

    /// A limit of which as much is used as it allows.
    fn state(limit: usize, useful: usize, trial: Option<Trial>) -> State {
        State { limit, busy: usize::MAX, useful, window: Window::new(), calm: 0, trial, asked: 0, stale: 0 }
    }

    /// Answers for as long as it takes to judge, each a second divided by the rate that a limit has.
    fn settle(state: &mut State, most: usize, rate: impl Fn(usize) -> f64) -> usize {
        let mut now = Instant::now();
        state.window.began = now;
        for _ in 0..100_000 {
            now += Duration::from_secs_f64(1.0 / rate(state.limit));
            state.answered(false, most, now);
            if state.trial.is_none() {
                break;
            }
        }
        state.limit
    }

    const TRIAL: Option<Trial> = Some(Trial { before: 0.0, warm: false });

    #[test]
    fn it_doubles_for_as_long_as_answers_come_faster() {
        assert_eq!(settle(&mut state(4, 4, TRIAL), 256, |limit| limit as f64), 256);
        assert_eq!(settle(&mut state(4, 4, TRIAL), 256, |limit| limit.min(32) as f64), 32);
        assert_eq!(settle(&mut state(4, 4, TRIAL), 24, |limit| limit as f64), 24);
        assert_eq!(settle(&mut state(4, 4, TRIAL), 256, |_| 5.0), 4);
    }

    #[test]
    fn what_is_not_used_is_not_judged() {
        let mut state = state(4, 4, TRIAL);
        state.busy = 1;
        for _ in 0..1000 {
            state.answered(false, 256, Instant::now());
        }
        assert_eq!(state.limit, 4);
    }

    #[test]
    fn more_is_tried_again_after_a_while() {
        let mut state = state(4, 4, TRIAL);
        assert_eq!(settle(&mut state, 256, |_| 5.0), 4);
        let answers = (1..).find(|_| state.answered(false, 256, Instant::now()));
        assert_eq!((answers, state.limit), (Some(8 * (PATIENCE as usize + 1)), 8));
        assert_eq!(settle(&mut state, 256, |_| 5.0), 4);
    }

    #[test]
    fn a_storm_of_refusals_to_one_window_halves_once() {
        let mut state = state(64, 64, None);
        state.busy = 64;
        for _ in 0..64 {
            state.answered(true, 64, Instant::now());
        }
        assert_eq!(state.limit, 32);
        state.answered(true, 64, Instant::now());
        assert_eq!(state.limit, 16);
    }

    #[test]
    fn it_never_falls_below_one_and_never_rises_above_the_most() {
        let mut state = state(4, 4, None);
        state.busy = 1;
        for _ in 0..10 {
            state.answered(true, 4, Instant::now());
        }
        assert_eq!(state.limit, 1);
        for _ in 0..100 {
            state.answered(false, 4, Instant::now());
        }
        assert_eq!(state.limit, 4);
    }

    #[test]
    fn it_rises_by_one_after_a_window_of_answers() {
        let mut state = state(8, 64, None);
        assert!((0..7).all(|_| !state.answered(false, 64, Instant::now())));
        assert!(state.answered(false, 64, Instant::now()));
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
