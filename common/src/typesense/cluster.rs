//! Requests to the nodes of one cluster.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Response};
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::{self, Trouble};
use crate::retry::Backoff;
use crate::writes;

/// The longest that a node may take to answer a question that changes nothing.
const ANSWER: Duration = Duration::from_secs(60);
/// The longest that a node may take to say whether it is healthy.
const CHECK: Duration = Duration::from_secs(10);
/// Rounds through all nodes before the first answer of a run: a wrong address is told within seconds.
const FIRST_ROUNDS: u32 = 3;
/// Time between two rounds through all nodes, unless they ask for more of it.
const AGAIN: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(10) };
/// What segments of a path keep: RFC 3986's unreserved characters.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a request, from segments that may have any characters: `/collections/people`.
pub fn path(segments: &[&str]) -> String {
    segments.iter().map(|segment| format!("/{}", utf8_percent_encode(segment, &KEPT))).collect()
}

/// The server's version. A build without a number is taken for newer than all others.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version {
    /// The first number: 0 in 0.24.1.
    pub major: u32,
    /// The second number: 24 in 0.24.1.
    pub minor: u32,
}

impl Version {
    fn parse(text: &str) -> Self {
        let mut numbers = text.split('.').map(|part| part.parse().ok());
        match (numbers.next().flatten(), numbers.next().flatten()) {
            (Some(major), minor) => Self { major, minor: minor.unwrap_or(0) },
            (None, _) => Self { major: u32::MAX, minor: 0 },
        }
    }
}

/// Nodes that hold the same data. One of them is in use, until it fails.
pub struct Cluster {
    http: Client,
    nodes: Vec<String>,
    used: AtomicUsize,
    patience: Duration,
    stop: CancellationToken,
}

impl Cluster {
    pub(super) fn new(
        nodes: Vec<String>,
        key: HeaderValue,
        patience: Duration,
        stop: CancellationToken,
    ) -> Result<Self> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-typesense-api-key"), key)]);
        let http = http::client(patience).default_headers(headers).build();
        let http = http.context("cannot make an HTTP client")?;
        Ok(Self { http, nodes, used: AtomicUsize::new(0), patience, stop })
    }

    /// Finds a node that answers at all.
    pub(super) async fn answers(&self) -> Result<(), Trouble> {
        let end = Instant::now() + self.patience;
        let mut round = 0;
        loop {
            match self.find_healthy().await {
                Err(trouble) if trouble.status.is_none() => {
                    round += 1;
                    tracing::debug!("{}; round {round} of {FIRST_ROUNDS}", trouble.message);
                    if round == FIRST_ROUNDS || Instant::now() >= end || !self.sleep(AGAIN.delay(round)).await
                    {
                        return Err(trouble);
                    }
                }
                Err(_) | Ok(()) => return Ok(()),
            }
        }
    }

    /// The URLs of the nodes, without a slash at their ends.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The URL of the node in use.
    pub fn node(&self) -> &str {
        &self.nodes[self.used.load(Relaxed) % self.nodes.len()]
    }

    /// Takes the node after this one into use, unless that was done already.
    pub fn leave(&self, node: &str) {
        let index = self.used.load(Relaxed);
        if self.nodes[index % self.nodes.len()] == node {
            // It fails where somebody else has just left the node too.
            let _ = self.used.compare_exchange(index, index.wrapping_add(1), Relaxed, Relaxed);
        }
    }

    /// Asks a node whether it is healthy, and does not wait long for the answer.
    ///
    /// # Errors
    /// It is not, or does not answer.
    pub async fn health(&self, node: &str) -> Result<(), Trouble> {
        self.try_once(node, Method::GET, "/health", "", Some(CHECK.min(self.patience))).await.map(drop)
    }

    /// Takes the first node into use that says it is healthy, beginning with the one in use.
    ///
    /// # Errors
    /// None is: what one of those said that answered, or why none did. The node in use is the same as before.
    pub async fn find_healthy(&self) -> Result<(), Trouble> {
        let start = self.used.load(Relaxed);
        let mut last: Option<Trouble> = None;
        for step in 0..self.nodes.len() {
            let index = start.wrapping_add(step);
            let node = &self.nodes[index % self.nodes.len()];
            match self.health(node).await {
                Ok(()) => {
                    self.used.store(index, Relaxed);
                    return Ok(());
                }
                Err(trouble) => {
                    last = Some(match last {
                        Some(last) if last.status.is_some() => last,
                        _ => trouble,
                    });
                }
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// Sends a request once, to one node, and returns its answer as it begins to come; the rest of it may be silent
    /// for as long as the patience lasts.
    ///
    /// # Errors
    /// No answer, or another one than success.
    pub async fn once(
        &self,
        node: &str,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> Result<Response, Trouble> {
        let limit = (method == Method::GET).then_some(ANSWER);
        self.try_once(node, method, path, body, limit).await
    }

    async fn try_once(
        &self,
        node: &str,
        method: Method,
        path: &str,
        body: impl Into<Body>,
        limit: Option<Duration>,
    ) -> Result<Response, Trouble> {
        let what = what(&method, path, node);
        let _open = (method != Method::GET).then(writes::begin);
        let mut request = self.http.request(method, format!("{node}{path}")).body(body);
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(answer),
            Ok(answer) => Err(Trouble::refused(&what, answer).await),
            Err(error) => Err(Trouble::unanswered(&what, error)),
        }
    }

    async fn text(&self, what: &str, answer: Response) -> Result<String, Trouble> {
        let body = http::body(what, answer, self.patience.min(ANSWER)).await?;
        String::from_utf8(body).map_err(|_| Trouble::unreadable(what, "it is not UTF-8"))
    }

    /// Sends a request until a node has answered, and returns the body. A request whose answer was lost is sent again,
    /// so that a POST that made something may be told that it is there already (409).
    ///
    /// # Errors
    /// What no further try would change, the last trouble when the patience is at its end, or a stop of the run.
    pub async fn call(&self, method: Method, path: &str, body: Option<&str>) -> Result<String, Trouble> {
        let end = Instant::now() + self.patience;
        let mut failed = 0;
        loop {
            let node = self.node();
            let body = body.unwrap_or_default().to_owned();
            // Until the whole answer is here: its head says that something was changed, and the record is yet to come.
            let open = (method != Method::GET).then(writes::begin);
            let trouble = match self.once(node, method.clone(), path, body).await {
                Ok(answer) => match self.text(&what(&method, path, node), answer).await {
                    Ok(text) => return Ok(text),
                    Err(trouble) => trouble,
                },
                Err(trouble) => trouble,
            };
            drop(open);
            if !passes(&trouble) || self.stop.is_cancelled() {
                return Err(trouble);
            }
            tracing::debug!("{}, and is tried again", trouble.message);
            self.leave(node);
            failed += 1;
            if failed % self.nodes.len() != 0 {
                continue;
            }
            let rounds = u32::try_from(failed / self.nodes.len()).unwrap_or(u32::MAX);
            let pause = pause(&trouble, rounds - 1);
            if Instant::now() + pause > end {
                return Err(trouble);
            }
            if rounds == 1 {
                tracing::info!("waiting: {}", trouble.message);
            }
            if !self.sleep(pause).await {
                return Err(trouble);
            }
        }
    }

    /// Waits. False as soon as the run is stopped.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// The version of the node in use.
    ///
    /// # Errors
    /// As [`Cluster::call`]: the key may not ask (`debug:list`), for one.
    pub async fn version(&self) -> Result<Version> {
        #[derive(Deserialize)]
        struct Debug {
            version: String,
        }
        let text = self.call(Method::GET, "/debug", None).await?;
        let debug: Debug = serde_json::from_str(&text).context("GET /debug: no version in the answer")?;
        Ok(Version::parse(&debug.version))
    }
}

fn what(method: &Method, path: &str, node: &str) -> String {
    format!("{method} {path} at {node}")
}

/// Whether the same request may succeed later, or at another node. Typesense also says 500 to requests that are wrong,
/// so that of those only what it says while it elects a leader counts.
pub fn passes(trouble: &Trouble) -> bool {
    match trouble.status {
        Some(500) => trouble.words.contains("leader"),
        _ => trouble.is_retryable(),
    }
}

/// How long to leave the cluster alone after a request that may pass, and after how many waits before this one. A
/// cluster that lags gets 10 to 60 s, at random, since whatever comes at once slows it further (guide, "Handling HTTP
/// 503s").
pub fn pause(trouble: &Trouble, waited: u32) -> Duration {
    match (trouble.status, waited) {
        (Some(503 | 429), 0) => between(10, 20),
        (Some(503 | 429), 1) => between(20, 40),
        (Some(503 | 429), _) => between(30, 60),
        _ => AGAIN.delay(waited),
    }
}

fn between(from: u64, to: u64) -> Duration {
    Duration::from_millis(fastrand::u64(from * 1000..=to * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(status: u16, words: &str) -> Trouble {
        Trouble { status: Some(status), words: words.to_owned(), message: String::new() }
    }

    #[test]
    fn a_segment_may_have_any_characters() {
        assert_eq!(path(&["collections", "a b/c?é-_.~"]), "/collections/a%20b%2Fc%3F%C3%A9-_.~");
    }

    #[test]
    fn versions_are_ordered_and_a_nightly_is_the_newest() {
        let versions: Vec<_> = ["0.24.1", "0.25.0.rc1", "27.1", "30", "nightly"].map(Version::parse).into();
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    }

    #[test]
    fn an_error_of_ones_own_is_not_tried_again() {
        assert!(passes(&trouble(500, "Could not find a leader.")));
        assert!(passes(&trouble(503, "Not Ready or Lagging")));
        assert!(!passes(&trouble(500, "Name `a` conflicts with an existing collection name.")));
        assert!(!passes(&trouble(422, "Rejecting write: running out of resource type: OUT_OF_DISK")));
    }

    #[test]
    fn a_cluster_that_lags_is_left_alone_for_10_to_60_seconds() {
        for waited in 0..100 {
            let pause = pause(&trouble(503, "Not Ready or Lagging"), waited);
            assert!((Duration::from_secs(10)..=Duration::from_secs(60)).contains(&pause), "{pause:?}");
        }
        assert!(pause(&trouble(500, "Could not find a leader."), 99) <= AGAIN.cap);
    }
}
