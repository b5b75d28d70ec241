//! The least that a parallel scan can cost: every page of two tables is downloaded and dropped, for benchmarks.
//!
//! `bare-scan URL TABLE TABLE CONCURRENCY SEGMENTS`: as many connections and segments as are said, for each table.
//! Requests are not signed and answers not read, beyond where the next page starts; whatever compares tables must do more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Bytes at the end of an answer in which the next key is, if there is one.
const TAIL: usize = 300;
const NEXT: &[u8] = br#""LastEvaluatedKey":"#;

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, one, other, concurrency, segments] = args.as_slice() else {
        anyhow::bail!("URL TABLE TABLE CONCURRENCY SEGMENTS");
    };
    let (concurrency, segments): (usize, usize) = (concurrency.parse()?, segments.parse()?);
    let mut tasks = JoinSet::new();
    for table in [one, other] {
        let taken = Arc::new(AtomicUsize::new(0));
        for _ in 0..concurrency {
            tasks.spawn(scan(url.clone(), table.clone(), Arc::clone(&taken), segments));
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn scan(url: String, table: String, taken: Arc<AtomicUsize>, segments: usize) -> Result<()> {
    let client = reqwest::Client::new();
    loop {
        let segment = taken.fetch_add(1, Relaxed);
        if segment >= segments {
            return Ok(());
        }
        let mut input = json!({
            "TableName": table, "Segment": segment, "TotalSegments": segments, "ConsistentRead": true,
            "ReturnConsumedCapacity": "TOTAL",
        });
        loop {
            let request =
                client.post(&url).header("x-amz-target", "DynamoDB_20120810.Scan").body(input.to_string());
            let answer = request.send().await?;
            ensure!(answer.status().is_success(), "Scan {table}: {}", answer.status());
            let body = answer.bytes().await?;
            match next(&body)? {
                Some(key) => input["ExclusiveStartKey"] = key,
                None => break,
            }
        }
    }
}

fn next(body: &[u8]) -> Result<Option<Value>> {
    let tail = &body[body.len().saturating_sub(TAIL)..];
    let Some(at) = tail.windows(NEXT.len()).rposition(|part| part == NEXT) else { return Ok(None) };
    let key = serde_json::Deserializer::from_slice(&tail[at + NEXT.len()..]).into_iter().next();
    key.context("an answer without an end")?.context("a key that cannot be read").map(Some)
}
