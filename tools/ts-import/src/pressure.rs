//! Back-pressure: while the nodes have many writes in their queues, nothing is added to them.

use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::{Result, bail};
use common::http::Trouble;
use common::typesense::Cluster;
use reqwest::Method;
use serde::Deserialize;
use tokio::time::{Instant, timeout};

/// Time between two looks at the queues. Typesense decides every 3 s whether it turns writes away.
const LOOK: Duration = Duration::from_secs(1);
/// The longest that a look may take.
const ANSWER: Duration = Duration::from_secs(2);
/// A node that did not answer is not asked for this long.
const AWAY: Duration = Duration::from_secs(30);

/// Looks at the queues of all nodes.
pub struct Pressure {
    most: NonZeroU64,
    looked: Option<Instant>,
    /// When to ask each node again.
    nodes: Vec<Instant>,
    is_possible: bool,
}

/// The longest queue.
struct Queue {
    node: String,
    writes: u64,
}

#[derive(Deserialize)]
struct Status {
    queued_writes: u64,
}

impl Pressure {
    /// Nothing is sent while a node has more than `most` writes in its queue.
    pub fn new(most: NonZeroU64, cluster: &Cluster) -> Self {
        Self { most, looked: None, nodes: vec![Instant::now(); cluster.nodes().len()], is_possible: true }
    }

    /// Returns when all queues are short. False when the run was stopped before.
    ///
    /// # Errors
    /// One was too long for all the `patience`.
    pub async fn settle(&mut self, cluster: &Cluster, patience: Duration) -> Result<bool> {
        if !self.is_possible || self.looked.is_some_and(|looked| looked.elapsed() < LOOK) {
            return Ok(true);
        }
        let start = Instant::now();
        let mut told = false;
        while let Some(Queue { node, writes }) = self.longest(cluster).await
            && writes > self.most.get()
        {
            let most = self.most;
            if start.elapsed() > patience {
                bail!("{node} has had more than {most} writes in its queue for {patience:?} (--timeout)");
            }
            if !std::mem::replace(&mut told, true) {
                tracing::info!("waiting: {node} has {writes} writes in its queue, more than {most}");
            }
            if !cluster.sleep(LOOK).await {
                return Ok(false);
            }
        }
        self.looked = Some(Instant::now());
        Ok(true)
    }

    async fn longest(&mut self, cluster: &Cluster) -> Option<Queue> {
        let mut longest: Option<Queue> = None;
        for (node, next) in cluster.nodes().iter().zip(&mut self.nodes) {
            if *next > Instant::now() {
                continue;
            }
            match timeout(ANSWER, queued(cluster, node)).await {
                Ok(Ok(writes)) if longest.as_ref().is_none_or(|longest| writes > longest.writes) => {
                    longest = Some(Queue { node: node.clone(), writes });
                }
                Ok(Ok(_)) => {}
                Ok(Err(trouble)) if trouble.status.is_some_and(|status| (400..500).contains(&status)) => {
                    tracing::debug!("{}: the queues are not watched", trouble.message);
                    self.is_possible = false;
                    return None;
                }
                Ok(Err(_)) | Err(_) => *next = Instant::now() + AWAY,
            }
        }
        longest
    }
}

async fn queued(cluster: &Cluster, node: &str) -> Result<u64, Trouble> {
    let answer = cluster.once(node, Method::GET, "/status", "").await?;
    let text = answer.text().await.map_err(|error| Trouble::unanswered("GET /status", error))?;
    // A server that does not count has nothing in its queue.
    Ok(serde_json::from_str(&text).map_or(0, |status: Status| status.queued_writes))
}
