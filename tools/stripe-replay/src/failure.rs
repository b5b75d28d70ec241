//! Why a call was not accepted, and whether the same call may be later.

use std::time::Duration;

use common::Reject;
use common::http::{Trouble, is_retryable};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// A call that was answered with something else than 2xx, or not at all.
#[derive(Debug)]
pub struct Failure {
    /// What it is as a reject.
    pub kind: &'static str,
    /// One line: the call, the status, the handler's words.
    pub message: String,
    /// Whether the same call may be accepted later.
    pub retryable: bool,
    /// How long the handler wants to be left alone.
    pub after: Option<Duration>,
}

impl Failure {
    /// A call without an answer; `what` names it.
    pub fn unanswered(what: &str, error: reqwest::Error) -> Self {
        let kind = match () {
            () if error.is_connect() => "unreachable",
            () if error.is_timeout() => "timed-out",
            () => "no-answer",
        };
        let message = Trouble::unanswered(what, error).message;
        Self { kind, message, retryable: true, after: None }
    }

    /// A call with an answer that is not 2xx.
    pub async fn refused(what: &str, answer: Response) -> Self {
        let status = answer.status().as_u16();
        let after = retry_after(answer.headers(), Timestamp::now());
        let (kind, retryable) = meaning(status);
        Self { kind, message: Trouble::refused(what, answer).await.message, retryable, after }
    }

    /// The reject of an event that had this as its last call.
    pub fn reject(self, message: String) -> Reject {
        let Self { kind, retryable, .. } = self;
        Reject { kind, message, retryable }
    }
}

/// Stripe sends an event again after any answer but 2xx. Here only what may pass is sent again: what is common to all
/// services, and 409, with which handlers say that they are at work on the same event.
fn meaning(status: u16) -> (&'static str, bool) {
    let kind = match status {
        300..=399 => "redirected",
        429 => "throttled",
        500..=599 => "handler-error",
        _ => "refused",
    };
    (kind, is_retryable(status) || status == 409)
}

/// Retry-After as seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_sent_again() {
        for (status, expected) in [
            (302, ("redirected", false)),
            (400, ("refused", false)),
            (408, ("refused", true)),
            (409, ("refused", true)),
            (410, ("refused", false)),
            (425, ("refused", true)),
            (429, ("throttled", true)),
            (500, ("handler-error", true)),
            (503, ("handler-error", true)),
        ] {
            assert_eq!(meaning(status), expected, "{status}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2015-10-21T07:28:00Z".parse().unwrap();
        let of = |text: &str| retry_after(&[(RETRY_AFTER, text.parse().unwrap())].into_iter().collect(), now);
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Wed, 21 Oct 2015 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(of("Wed, 21 Oct 2015 07:27:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
