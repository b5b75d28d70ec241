//! HTTP for services without an SDK here: one way to make a client, and errors in one line.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use crate::error::chain;
use crate::log::is_shown;
use crate::patience::Patience;
use crate::secret;

/// An address that does not answer is given up after this.
const CONNECT: Duration = Duration::from_secs(4);
/// A connection that is silent this long is probed, and given up after three probes without an answer.
const PROBE: Duration = Duration::from_secs(15);
/// The most of an answer that says why it is none, in bytes.
const WORDS: usize = 64 << 10;
/// The most of it that a message shows, in characters.
const SHOWN: usize = 300;
/// How long it may be waited for.
const REFUSAL: Duration = Duration::from_secs(10);
/// The most that an answer may have which is held in memory, in bytes.
const BODY: u64 = 64 << 20;

/// A client whose answers may be silent for at most `silence`, both before they begin and between two parts of them.
///
/// It follows no redirect: a secret in a header of one's own would go along.
pub fn client(silence: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("drkit/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(silence)
        .tcp_keepalive(PROBE)
        .tcp_keepalive_interval(PROBE)
        .tcp_keepalive_retries(3)
}

/// A request that did not succeed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// The answer's status, if there was an answer.
    pub status: Option<u16>,
    /// The service's own words, or what kept its answer away.
    pub words: String,
    /// One line: the request, the status, the words.
    pub message: String,
}

impl Trouble {
    /// A request without a whole answer; `what` names it, such as `GET /health at http://node:8108`.
    pub fn unanswered(what: &str, error: reqwest::Error) -> Self {
        let words = chain(&error.without_url());
        Self::silent(what, words)
    }

    fn silent(what: &str, words: String) -> Self {
        Self { status: None, message: format!("{what}: {words}"), words }
    }

    /// A request whose answer is a success by its status alone.
    pub fn unreadable(what: &str, why: &str) -> Self {
        let words = format!("an answer that says nothing: {why}");
        Self { status: Some(200), message: format!("{what}: {words}"), words }
    }

    /// A request that was answered with something else than success.
    pub async fn refused(what: &str, mut answer: Response) -> Self {
        let status = answer.status();
        let mut body = Vec::new();
        let mut patience = Patience::new(REFUSAL);
        while body.len() < WORDS
            && let Ok(Some(part)) = next(&mut answer, &mut patience).await
        {
            body.extend_from_slice(&part);
        }
        // A server may send back what it was sent.
        let words = secret::masked(&words(&body)).into_owned();
        let colon = if words.is_empty() { "" } else { ": " };
        let message = format!("{what}: HTTP {}{colon}{words}", status.as_u16());
        Self { status: Some(status.as_u16()), words, message }
    }

    /// Whether the same request may succeed later: no answer, too early, too many, or the server's own trouble.
    pub fn is_retryable(&self) -> bool {
        self.status.is_none_or(is_retryable)
    }
}

/// The whole body of an answer that may be silent as long as this; `what` names the request.
///
/// # Errors
/// It broke off, came too slowly, or has more than 64 MiB.
pub async fn body(what: &str, mut answer: Response, silence: Duration) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    let mut patience = Patience::new(silence);
    while let Some(part) = next(&mut answer, &mut patience).await.map_err(|why| Trouble::silent(what, why))? {
        if patience.read() > BODY {
            let status = Some(answer.status().as_u16());
            let words = format!("the answer has more than {BODY} bytes");
            return Err(Trouble { status, message: format!("{what}: {words}"), words });
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// The next part of a body, within its patience; else why there is none.
async fn next(answer: &mut Response, patience: &mut Patience) -> Result<Option<bytes::Bytes>, String> {
    let asked = Instant::now();
    let part = timeout(patience.left(), answer.chunk()).await;
    let bytes = part.as_ref().ok().and_then(|part| part.as_ref().ok()?.as_ref()).map_or(0, bytes::Bytes::len);
    patience.count(asked.elapsed(), bytes);
    match part {
        Ok(part) => part.map_err(|error| chain(&error.without_url())),
        Err(_) => Err(patience.at_an_end()),
    }
}

impl From<Trouble> for anyhow::Error {
    fn from(trouble: Trouble) -> Self {
        anyhow::anyhow!(trouble.message)
    }
}

/// Whether a request that was answered with this status may succeed later (RFC 9110, 15.5 and 15.6; RFC 6585).
pub fn is_retryable(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// `{"message":"..."}` or `{"error":{"message":"..."}}`, as services answer.
#[derive(Deserialize)]
struct Said {
    message: Option<String>,
    error: Option<SaidInside>,
}

#[derive(Deserialize)]
struct SaidInside {
    message: String,
}

fn words(body: &[u8]) -> String {
    let said = serde_json::from_slice::<Said>(body).ok();
    let text = said
        .and_then(|said| said.message.or(said.error.map(|inside| inside.message)))
        .unwrap_or_else(|| String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned());
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(SHOWN).map(|letter| if is_shown(letter) { letter } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_refusal_are_one_line_in_any_form() {
        assert_eq!(words(br#"{"message": "Not Ready or Lagging"}"#), "Not Ready or Lagging");
        assert_eq!(words(br#"{"error":{"message":"No such event","type":"t"}}"#), "No such event");
        assert_eq!(words(b"<html>\n  <b>Bad gateway</b>\n</html>\n"), "<html> <b>Bad gateway</b> </html>");
        assert_eq!(words(b""), "");
    }

    #[test]
    fn only_what_may_pass_is_retryable() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(is_retryable(status), "{status}");
        }
        for status in [200, 301, 400, 401, 404, 409, 422] {
            assert!(!is_retryable(status), "{status}");
        }
    }
}
