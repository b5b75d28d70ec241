//! Waiting for what a service does in its own time, up to a deadline that one run has for all its waits.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::retry::Backoff;
use crate::run::Ctx;

/// Time between two looks. What changed just now is looked at again soon, what stays as it is less and less often.
const PACE: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(20) };

/// What one look found.
#[derive(Debug)]
pub enum Look<T> {
    /// What was waited for.
    Done(T),
    /// The state it is in, in words such as `creating, 40 %`.
    Yet(String),
    /// The look failed in a way that passes, such as a connection that broke off.
    Missed(String),
}

/// A wait that ended before what it waited for.
#[derive(Debug)]
pub struct Unfinished {
    /// What was waited for.
    what: String,
    /// What was last known of it.
    last: String,
    /// How long the run could have taken, or nothing where a signal ended the wait.
    timeout: Option<Duration>,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, last, timeout } = self;
        match timeout {
            Some(timeout) => write!(f, "{what}: {last}, and {timeout:?} are over (--timeout)"),
            None => write!(f, "{what}: {last}, and a signal ended the wait"),
        }
    }
}

impl std::error::Error for Unfinished {}

/// The time that a run has for its waits.
pub struct Wait {
    stop: CancellationToken,
    timeout: Duration,
    end: Instant,
}

impl Wait {
    /// The deadline is counted from now.
    pub fn new(ctx: &Ctx, timeout: Duration) -> Self {
        Self::until_stopped(ctx.stop.clone(), timeout)
    }

    fn until_stopped(stop: CancellationToken, timeout: Duration) -> Self {
        Self { stop, timeout, end: Instant::now() + timeout }
    }

    /// Looks until it is done, and tells each change of state once on stderr as `what: state`.
    ///
    /// A look is dropped in the middle at the deadline or at a signal: it must only read.
    ///
    /// # Errors
    /// That of a look, at once; [`Unfinished`] at the deadline, or at the signal that stops the run.
    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Result<Look<T>>) -> Result<T> {
        let mut last = String::from("not seen yet");
        let mut unchanged = 0;
        loop {
            let looked = tokio::select! {
                biased;
                () = self.stop.cancelled() => break Err(self.unfinished(what, last, None)),
                looked = timeout_at(self.end, look()) => looked,
            };
            let Ok(looked) = looked else {
                break Err(self.unfinished(what, last, Some(self.timeout)));
            };
            match looked? {
                Look::Done(found) => break Ok(found),
                Look::Yet(state) if state != last => {
                    tracing::info!("{what}: {state}");
                    (last, unchanged) = (state, 0);
                }
                Look::Missed(trouble) if trouble != last => {
                    tracing::warn!("{trouble}, and is tried again");
                    last = trouble;
                }
                Look::Yet(_) | Look::Missed(_) => {}
            }
            // The look at the deadline itself is the last one, however quick it is.
            if Instant::now() >= self.end {
                break Err(self.unfinished(what, last, Some(self.timeout)));
            }
            let next = Instant::now() + PACE.delay(unchanged);
            unchanged += 1;
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = sleep_until(next.min(self.end)) => {}
            }
        }
    }

    fn unfinished(&self, what: &str, last: String, timeout: Option<Duration>) -> anyhow::Error {
        Unfinished { what: what.to_owned(), last, timeout }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    /// Waits with looks that find these in turn, and the last of them for ever.
    async fn wait(timeout: Duration, stop: &CancellationToken, finds: &[&str]) -> Result<usize> {
        let mut looks = 0;
        let wait = Wait::until_stopped(stop.clone(), timeout);
        wait.until("c1", async || {
            looks += 1;
            match finds[(looks - 1).min(finds.len() - 1)] {
                "done" => Ok(Look::Done(looks)),
                "missed" => Ok(Look::Missed("reset".into())),
                "failed" => Err(anyhow!("c1 has failed")),
                "silent" => std::future::pending().await,
                "stop" => {
                    stop.cancel();
                    Ok(Look::Yet("creating".into()))
                }
                state => Ok(Look::Yet(state.into())),
            }
        })
        .await
    }

    #[tokio::test]
    async fn it_ends_when_a_look_is_done_or_fails() {
        let (long, stop) = (Duration::from_secs(600), CancellationToken::new());
        assert_eq!(wait(long, &stop, &["creating", "missed", "backing-up", "done"]).await.unwrap(), 4);
        let error = wait(long, &stop, &["creating", "failed"]).await.unwrap_err();
        assert_eq!(error.to_string(), "c1 has failed");
        assert!(!error.is::<Unfinished>());
    }

    #[tokio::test]
    async fn it_ends_at_the_deadline_with_what_was_last_known() {
        let stop = CancellationToken::new();
        for (finds, expected) in [
            (&["creating"][..], "c1: creating, and 30ms are over (--timeout)"),
            (&["missed"], "c1: reset, and 30ms are over (--timeout)"),
            (&["silent"], "c1: not seen yet, and 30ms are over (--timeout)"),
        ] {
            let error = wait(Duration::from_millis(30), &stop, finds).await.unwrap_err();
            assert!(error.is::<Unfinished>());
            assert_eq!(error.to_string(), expected);
        }
    }

    #[tokio::test]
    async fn a_signal_ends_it() {
        let error = wait(Duration::from_secs(600), &CancellationToken::new(), &["stop"]).await.unwrap_err();
        assert_eq!(error.to_string(), "c1: creating, and a signal ended the wait");
    }
}
