//! Requests to Stripe's API, tried again where that can help.

use std::time::Duration;

use anyhow::{Context, Result};
use common::http::{self, Trouble};
use common::retry::Backoff;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use reqwest::{Client, StatusCode, Url};
use tokio::time::{Instant, timeout_at};

use crate::cli::{API_BASE, Cli, base};
use crate::key::Key;

/// The longest that an answer may be silent.
const SILENCE: Duration = Duration::from_secs(30);
/// Time between two tries.
const AGAIN: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(20) };
/// The longest wait that a server can ask for.
const ASKED: Duration = Duration::from_secs(60);

/// Stripe's API, with a key.
pub struct Api {
    http: Client,
    base: Url,
    key: Key,
    patience: Duration,
}

/// A try that failed.
struct Failed {
    trouble: Trouble,
    /// Whether the same request may succeed later.
    passes: bool,
    /// The least time until then.
    wait: Duration,
}

impl Api {
    /// The API of the command line.
    ///
    /// # Errors
    /// [`common::Usage`] for a key or an address that cannot be used.
    pub fn open(cli: &Cli) -> Result<Self> {
        let key = Key::of(cli)?;
        let address = match &cli.api_base {
            Some(address) => address.clone(),
            None => {
                let text = std::env::var(API_BASE).ok().filter(|text| !text.is_empty());
                let read = base(text.as_deref().unwrap_or("https://api.stripe.com"));
                read.map_err(|why| common::Usage::Wrong(format!("{API_BASE}: {why}")))?
            }
        };
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, key.bearer()?)]);
        headers
            .extend(cli.account.clone().map(|account| (HeaderName::from_static("stripe-account"), account)));
        let http = http::client(SILENCE).default_headers(headers).build();
        let http = http.context("cannot make an HTTP client")?;
        Ok(Self { http, base: address, key, patience: cli.timeout })
    }

    /// Whether it shows events of live mode.
    pub fn is_live(&self) -> bool {
        self.key.is_live()
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    /// Gets a whole answer, until one has come or the patience is at its end.
    ///
    /// # Errors
    /// What no further try would change, or the last trouble.
    pub async fn get(&self, url: Url) -> Result<Vec<u8>, Trouble> {
        let end = Instant::now() + self.patience;
        let what = format!("GET {}", shown(&url));
        let mut tried = 0;
        loop {
            let answer = timeout_at(end, self.once(&what, url.clone())).await;
            let Failed { trouble, passes, wait } = match answer {
                Ok(Ok(body)) => return Ok(body),
                Ok(Err(failed)) => failed,
                Err(_) => return Err(self.late(&what)),
            };
            let pause = AGAIN.delay(tried).max(wait);
            if !passes || Instant::now() + pause > end {
                return Err(trouble);
            }
            if tried == 0 {
                tracing::info!("waiting: {}", trouble.message);
            } else {
                tracing::debug!("still waiting: {}", trouble.message);
            }
            tried += 1;
            tokio::time::sleep(pause).await;
        }
    }

    fn late(&self, what: &str) -> Trouble {
        let words = format!("no whole answer in {:?}", self.patience);
        Trouble { status: None, message: format!("{what}: {words}"), words }
    }

    async fn once(&self, what: &str, url: Url) -> Result<Vec<u8>, Failed> {
        let unanswered =
            |error| Failed { trouble: Trouble::unanswered(what, error), passes: true, wait: Duration::ZERO };
        let answer = self.http.get(url).send().await.map_err(unanswered)?;
        if answer.status() == StatusCode::OK {
            let body = http::body(what, answer, SILENCE).await;
            return body.map_err(|trouble| Failed { trouble, passes: true, wait: Duration::ZERO });
        }
        let header = |name: &str| answer.headers().get(name)?.to_str().ok().map(str::to_owned);
        let passes = passes(answer.status().as_u16(), header("stripe-should-retry").as_deref());
        let wait = wait(header("retry-after").as_deref());
        let request = header("request-id").map(|id| format!(" (request {id})")).unwrap_or_default();
        let mut trouble = Trouble::refused(what, answer).await;
        trouble.message.push_str(&request);
        Err(Failed { trouble, passes, wait })
    }
}

/// Whether Stripe may answer the same request later. Its own word counts before the status, but for 429: with that it
/// asks to be left alone, which a wait does, and reading twice does no harm.
fn passes(status: u16, should_retry: Option<&str>) -> bool {
    match (status, should_retry) {
        (429, _) | (_, Some("true")) => true,
        (_, Some("false")) => false,
        _ => status == 409 || http::is_retryable(status),
    }
}

/// The least time until the next try, of a header `Retry-After` in seconds; one in another form is passed over.
fn wait(retry_after: Option<&str>) -> Duration {
    let seconds = retry_after.and_then(|text| text.parse().ok());
    seconds.map_or(Duration::ZERO, Duration::from_secs).min(ASKED)
}

/// A request as messages name it: `/v1/events?limit=100`.
fn shown(url: &Url) -> String {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query} at {}", url.path(), url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_word_counts_before_the_status() {
        for (status, word) in
            [(429, None), (429, Some("false")), (400, Some("true")), (409, None), (503, None)]
        {
            assert!(passes(status, word), "{status} {word:?}");
        }
        for (status, word) in
            [(400, None), (401, None), (404, None), (409, Some("false")), (500, Some("false"))]
        {
            assert!(!passes(status, word), "{status} {word:?}");
        }
    }

    #[test]
    fn a_server_asks_for_a_minute_at_most() {
        for (header, seconds) in [(None, 0), (Some("soon"), 0), (Some("7"), 7), (Some("3600"), 60)] {
            assert_eq!(wait(header), Duration::from_secs(seconds), "{header:?}");
        }
    }
}
