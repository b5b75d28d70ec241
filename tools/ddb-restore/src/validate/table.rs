//! One of the two tables: its key, its segments, and its pages.

use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::{KeyType, ReturnConsumedCapacity};
use common::aws::Trouble;
use common::raw::RawBody;
use common::retry::Backoff;

use super::meter::Meter;
use super::page::{Key, Page};

/// Segments for each that is scanned at once: they are not equally long, and nobody waits at the end for a long one.
const SEGMENTS: usize = 4;
/// The most that a table can be cut into (API reference, Scan, TotalSegments).
const MAX_SEGMENTS: i32 = 1_000_000;
/// Tries of a page after the SDK's own few: a table that is throttled is waited for, some two minutes.
const ATTEMPTS: u32 = 12;
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(30) };

/// A table that is scanned.
pub struct Table {
    client: Client,
    /// Its name.
    pub name: String,
    /// The names of its key's attributes, the partition key first, each with its type.
    pub key: Vec<(String, String)>,
    segments: i32,
    next: AtomicI32,
    meter: Option<Meter>,
    /// Items that arrived so far, for those who wait.
    pub items: AtomicU64,
}

impl Table {
    /// Asks for the table's key. `concurrency` segments will be scanned at once, with at most `rcu` read capacity units a
    /// second.
    ///
    /// # Errors
    /// There is no such table, or it cannot be asked for.
    pub async fn of(
        client: &Client,
        name: &str,
        concurrency: NonZeroUsize,
        rcu: Option<NonZeroU64>,
    ) -> Result<Arc<Self>> {
        let described = client.describe_table().table_name(name).send().await;
        let described = described.map_err(|error| Trouble::new(&format!("DescribeTable {name}"), &error))?;
        let table =
            described.table.ok_or_else(|| anyhow!("DescribeTable {name}: an answer without a table"))?;
        let mut elements = table.key_schema.unwrap_or_default();
        elements.sort_by_key(|element| element.key_type != KeyType::Hash);
        let types = table.attribute_definitions.unwrap_or_default();
        let key = elements.into_iter().map(|element| {
            let of = types.iter().find(|of| of.attribute_name == element.attribute_name);
            let kind = of.map_or_else(String::new, |of| of.attribute_type.as_str().to_owned());
            (element.attribute_name, kind)
        });
        let segments = i32::try_from(concurrency.get().saturating_mul(SEGMENTS)).unwrap_or(MAX_SEGMENTS);
        Ok(Arc::new(Self {
            client: client.clone(),
            name: name.to_owned(),
            key: key.collect(),
            segments: segments.min(MAX_SEGMENTS),
            next: 0.into(),
            meter: rcu.map(|rcu| Meter::new(rcu, concurrency)),
            items: 0.into(),
        }))
    }

    /// Takes the next segment; nothing when all are taken.
    pub fn segment(&self) -> Option<i32> {
        let segment = self.next.fetch_add(1, Relaxed);
        (segment < self.segments).then_some(segment)
    }

    /// Begins again with the first segment.
    pub fn rewind(&self) {
        self.next.store(0, Relaxed);
        self.items.store(0, Relaxed);
    }

    /// A page of a segment, asked for again where the table is throttled or the answer breaks off.
    ///
    /// # Errors
    /// What DynamoDB says to the last try, or that it makes no sense.
    pub async fn page(&self, segment: i32, start: Option<Key>) -> Result<Page> {
        let mut tried = 0;
        let page = loop {
            let failed: anyhow::Error = match self.request(segment, start.clone()).await {
                Ok(body) => match body.read().await.and_then(Page::read) {
                    Ok(page) => break page,
                    Err(error) => error.context(format!("{}: unreadable answer", self.what())),
                },
                Err(trouble) if trouble.is_retryable() => trouble.into(),
                Err(trouble) => return Err(trouble.into()),
            };
            tried += 1;
            if tried == ATTEMPTS {
                return Err(failed);
            }
            tracing::debug!("{failed:#}: trying again");
            tokio::time::sleep(BACKOFF.delay(tried)).await;
        };
        if page.next.is_some() && page.next == start {
            bail!("{}: the next page begins where this one did", self.what());
        }
        if let Some(meter) = &self.meter {
            meter.used(&page);
        }
        self.items.fetch_add(page.items().len() as u64, Relaxed);
        Ok(page)
    }

    async fn request(&self, segment: i32, start: Option<Key>) -> Result<RawBody, Trouble> {
        let mut limit = None;
        if let Some(meter) = &self.meter {
            meter.turn().await;
            limit = Some(meter.limit());
        }
        let body = RawBody::new("{}");
        let request = self
            .client
            .scan()
            .table_name(&self.name)
            .segment(segment)
            .total_segments(self.segments)
            .set_exclusive_start_key(start)
            .set_limit(limit)
            .consistent_read(true)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .customize()
            .interceptor(body.clone())
            // Pages are asked for again here, where the rate limit counts each.
            .config_override(Builder::new().retry_config(RetryConfig::disabled()));
        request.send().await.map_err(|error| Trouble::new(&self.what(), &error))?;
        Ok(body)
    }

    fn what(&self) -> String {
        format!("Scan {}", self.name)
    }
}
