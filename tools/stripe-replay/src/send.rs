//! One event: its calls, until one is accepted or nothing is left to try.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::Result;
use common::retry::Backoff;
use common::{Ctx, Reject};
use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response};
use tokio::time::{Instant, sleep};

use crate::event::Event;
use crate::failure::Failure;
use crate::pace::Pace;
use crate::receipt::Receipt;
use crate::secret::Secrets;
use crate::signature::Signer;
use crate::target::Target;

/// The type that Stripe gives the body of its own calls.
pub const JSON: &str = "application/json; charset=utf-8";
/// Waits between the calls of an event.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(30) };
/// The longest Retry-After that is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// The most of an answer that is read only to keep its connection, in bytes.
const REST: usize = 64 << 10;

/// How the calls of an event ended.
pub enum Outcome {
    /// The handler has it.
    Accepted(Receipt),
    /// The handler was asked and does not have it, or may not.
    Failed(Reject),
    /// The run ended before the first call.
    Unsent,
}

/// What all calls share.
pub struct Sender {
    pub client: Client,
    pub target: Target,
    pub secrets: Secrets,
    pub signer: Signer,
    pub pace: Pace,
    /// The limit of one call.
    pub timeout: Duration,
    /// Calls of an event, at most.
    pub attempts: NonZeroU32,
    pub ctx: Ctx,
}

impl Sender {
    /// Sends an event. A signal ends the waits and never a call.
    pub async fn send(&self, event: &Event) -> Outcome {
        let mut failed: Option<Failure> = None;
        let mut attempt = 0;
        loop {
            attempt += 1;
            if !self.may_call(attempt).await {
                return match failed {
                    Some(failure) => self.failed(event, failure, attempt - 1, ", then the run ended"),
                    None => Outcome::Unsent,
                };
            }
            let start = Instant::now();
            let failure = match self.call(event).await {
                Ok(status) => {
                    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                    return Outcome::Accepted(Receipt::accepted(event, status, attempt, ms));
                }
                Err(failure) => failure,
            };
            if !failure.retryable || attempt == self.attempts.get() {
                return self.failed(event, failure, attempt, "");
            }
            if let Some(after) = failure.after {
                if after > PATIENCE {
                    return self.failed(event, failure, attempt, ", and Retry-After is above 5 minutes");
                }
                self.pace.hold(Instant::now() + after);
            }
            tracing::debug!("{}: {}, and is tried again", event.id, self.secrets.hide(&failure.message));
            failed = Some(failure);
        }
    }

    /// Waits until it is time for this attempt; false when the run ends first.
    async fn may_call(&self, attempt: u32) -> bool {
        let turn = async {
            if let Some(tried) = attempt.checked_sub(2) {
                sleep(BACKOFF.delay(tried)).await;
            }
            self.pace.turn().await;
        };
        tokio::select! {
            biased;
            () = self.ctx.stop.cancelled() => false,
            () = turn => true,
        }
    }

    async fn call(&self, event: &Event) -> Result<u16, Failure> {
        let what = format!("POST {}", self.target);
        let body = event.record.as_str();
        let request = self
            .client
            .post(self.target.url().clone())
            .timeout(self.timeout)
            .header(CONTENT_TYPE, JSON)
            .header("Stripe-Signature", self.signer.header(Timestamp::now().as_second(), body))
            .body(body.to_owned());
        let answer = request.send().await.map_err(|error| Failure::unanswered(&what, error))?;
        if !answer.status().is_success() {
            return Err(Failure::refused(&what, answer).await);
        }
        let status = answer.status().as_u16();
        use_up(answer).await;
        Ok(status)
    }

    fn failed(&self, event: &Event, failure: Failure, attempts: u32, why: &str) -> Outcome {
        let words = self.secrets.hide(&failure.message);
        let message = format!("{}: {words} (attempt {attempts} of {}{why})", event.id, self.attempts);
        Outcome::Failed(failure.reject(message))
    }
}

/// Reads what nobody needs, for a connection whose answer was read can be used again.
async fn use_up(mut answer: Response) {
    let mut left = REST;
    while left > 0
        && let Ok(Some(part)) = answer.chunk().await
    {
        left = left.saturating_sub(part.len());
    }
}
