//! The least that a parallel listing can cost: every page of a bucket is downloaded and dropped, for benchmarks.
//!
//! `bare-list URL CONCURRENCY FILE`: URL with the bucket, so many connections, and a file of the keys that the ranges end
//! with, in ascending order; a last range has what is behind them. Requests are not signed and answers not read,
//! beyond where the next page starts. Prints how many pages and bytes there were.

use std::fs;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::{Context, Result, ensure};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Client;
use tokio::task::JoinSet;

/// Bytes at the beginning of an answer in which the next markers are, if there are any.
const HEAD: usize = 8000;

/// What was downloaded.
#[derive(Default)]
struct Seen {
    pages: usize,
    bytes: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, concurrency, file] = args.as_slice() else {
        anyhow::bail!("URL CONCURRENCY FILE");
    };
    let ends: Arc<Vec<String>> = Arc::new(fs::read_to_string(file)?.lines().map(str::to_owned).collect());
    let taken = Arc::new(AtomicUsize::new(0));
    let client = Client::new();
    let mut tasks = JoinSet::new();
    for _ in 0..concurrency.parse()? {
        tasks.spawn(list(client.clone(), url.clone(), Arc::clone(&ends), Arc::clone(&taken)));
    }
    let mut all = Seen::default();
    while let Some(ended) = tasks.join_next().await {
        let seen = ended??;
        all.pages += seen.pages;
        all.bytes += seen.bytes;
    }
    writeln!(stdout(), "{} {}", all.pages, all.bytes)?;
    Ok(())
}

/// Takes range after range.
async fn list(client: Client, url: String, ends: Arc<Vec<String>>, taken: Arc<AtomicUsize>) -> Result<Seen> {
    let mut seen = Seen::default();
    loop {
        let range = taken.fetch_add(1, Relaxed);
        if range > ends.len() {
            return Ok(seen);
        }
        let start = range
            .checked_sub(1)
            .map(|before| utf8_percent_encode(&ends[before], NON_ALPHANUMERIC).to_string());
        let mut after = start.map(|key| format!("&key-marker={key}"));
        loop {
            let target = format!("{url}?versions&encoding-type=url{}", after.unwrap_or_default());
            let answer = client.get(target).send().await?;
            ensure!(answer.status().is_success(), "ListObjectVersions: {}", answer.status());
            let body = answer.bytes().await?;
            seen.pages += 1;
            seen.bytes += body.len();
            let head = String::from_utf8_lossy(&body[..body.len().min(HEAD)]);
            let Some(key) = text(&head, "NextKeyMarker") else { break };
            let plain = percent_decode_str(&key.replace('+', " ")).decode_utf8()?.into_owned();
            if ends.get(range).is_some_and(|end| plain >= *end) {
                break;
            }
            let id = text(&head, "NextVersionIdMarker").context("a next key without a next version id")?;
            // The key is encoded already, as S3 wants it back.
            after = Some(format!("&key-marker={key}&version-id-marker={id}"));
        }
    }
}

/// The text of the first element with this name.
fn text<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(text, _)| text)
}
