//! ListObjectVersions, page by page, with the next page asked for while this one is worked on.

use std::collections::HashSet;
use std::sync::Once;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{EncodingType, OptionalObjectAttributes};
use tokio::task::JoinSet;

use super::order::{self, Style};
use super::page::{self, Entry, Page, Position};
use crate::aws::Trouble;
use crate::raw::RawBody;
use crate::retry::Backoff;

/// Entries of a page; the API allows no more (S3 API reference, ListObjectVersions).
const PAGE: i32 = 1000;
/// Entries of a page where the versions of one key are wanted: few keys have more.
const KEY_PAGE: i32 = 100;
/// Tries of a page whose body broke off or made no sense. The SDK has retried the request's own failures by then.
const ATTEMPTS: u32 = 6;
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(10) };
/// Walks the versions and delete markers of a prefix, or of one key, in the store's order.
pub struct Lister {
    source: Source,
    only_key: bool,
    style: Style,
    next: JoinSet<Result<(Page, Option<Position>), Trouble>>,
    started: bool,
}

#[derive(Clone)]
struct Source {
    client: Client,
    bucket: String,
    prefix: String,
    page: i32,
}

impl Lister {
    /// Everything under a prefix.
    pub fn new(client: Client, bucket: &str, prefix: &str) -> Self {
        let source = Source { client, bucket: bucket.into(), prefix: prefix.into(), page: PAGE };
        Self { source, only_key: false, style: Style::default(), next: JoinSet::new(), started: false }
    }

    /// The versions of exactly this key, newest first; keys that merely begin with it are left out.
    pub fn of_key(client: Client, bucket: &str, key: &str) -> Self {
        let mut lister = Self::new(client, bucket, key);
        lister.source.page = KEY_PAGE;
        lister.only_key = true;
        lister
    }

    /// The next entries, or nothing at the end. A page may be empty.
    ///
    /// # Errors
    /// When the store cannot be asked or its answer cannot be read, after retries.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, Trouble> {
        if !self.started {
            self.started = true;
            self.fetch(None);
        }
        let Some(fetched) = self.next.join_next().await else {
            return Ok(None);
        };
        let (page, start) = fetched.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()))?;
        let more = !self.only_key || page.entries.last().is_none_or(|entry| entry.key == self.source.prefix);
        if let Some(position) = page.next.filter(|_| more) {
            self.fetch(Some(position));
        }
        let mut entries = page.entries;
        if self.only_key {
            entries.retain(|entry| entry.key == self.source.prefix);
        }
        for place in order::arrange(&mut entries, &mut self.style) {
            let key = entries[place.start].key.clone();
            let start = start.clone().filter(|start| start.key == key && place.start == 0);
            let walked = self.source.walk(&key, &entries[place.clone()], start).await?;
            // A version that went away meanwhile leaves its neighbours in the order the page gave.
            if walked.len() == place.len() {
                entries[place].clone_from_slice(&walked);
            }
        }
        Ok(Some(entries))
    }

    fn fetch(&mut self, position: Option<Position>) {
        let source = self.source.clone();
        self.next.spawn(async move {
            let page = source.fetch(position.as_ref()).await?;
            Ok((page, position))
        });
    }
}

/// All versions and delete markers of one key, newest first.
///
/// # Errors
/// As [`Lister::next`].
pub async fn entries_of_key(client: &Client, bucket: &str, key: &str) -> Result<Vec<Entry>, Trouble> {
    let mut lister = Lister::of_key(client.clone(), bucket, key);
    let mut all = Vec::new();
    while let Some(entries) = lister.next().await? {
        all.extend(entries);
    }
    Ok(all)
}

impl Source {
    fn what(&self) -> String {
        format!("ListObjectVersions s3://{}/{}", self.bucket, self.prefix)
    }

    /// One page, asked for again where its body breaks off.
    async fn fetch(&self, start: Option<&Position>) -> Result<Page, Trouble> {
        let mut tried = 0;
        loop {
            let body = self.request(start).await?;
            let page = match body.read().await.and_then(|body| page::parse(&body)) {
                Ok(page) => page,
                Err(_) if tried + 1 < ATTEMPTS => {
                    tokio::time::sleep(BACKOFF.delay(tried)).await;
                    tried += 1;
                    continue;
                }
                Err(err) => return Err(self.unreadable(&err)),
            };
            return self.checked(page, start);
        }
    }

    /// Drops what lies at or before the start: whether a marker is inclusive differs between stores.
    fn checked(&self, mut page: Page, start: Option<&Position>) -> Result<Page, Trouble> {
        if !page.encoded && !page.entries.is_empty() {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                tracing::warn!(
                    "the store does not encode keys: one that XML cannot carry may arrive changed"
                );
            });
        }
        let Some(start) = start else { return Ok(page) };
        if page.next.as_ref() == Some(start) {
            return Err(self.unreadable(&anyhow::anyhow!("the next page begins where this one did")));
        }
        page.entries.retain(|entry| match &start.version_id {
            Some(id) => entry.key != start.key || entry.version_id != *id,
            None => entry.key > start.key,
        });
        Ok(page)
    }

    fn unreadable(&self, err: &anyhow::Error) -> Trouble {
        let message = format!("{}: unreadable answer: {err:#}", self.what());
        Trouble { code: "UnreadableAnswer".into(), message, status: None }
    }

    async fn request(&self, start: Option<&Position>) -> Result<RawBody, Trouble> {
        let body = RawBody::new("<ListVersionsResult/>");
        let mut request = self
            .client
            .list_object_versions()
            .bucket(&self.bucket)
            .encoding_type(EncodingType::Url)
            .max_keys(self.page)
            .optional_object_attributes(OptionalObjectAttributes::RestoreStatus);
        if !self.prefix.is_empty() {
            request = request.prefix(&self.prefix);
        }
        if let Some(start) = start {
            request = request.key_marker(&start.key).set_version_id_marker(start.version_id.clone());
        }
        let request = request.customize().interceptor(body.clone());
        request.send().await.map_err(|err| Trouble::new(&self.what(), &err))?;
        Ok(body)
    }

    /// The entries of one key among `wanted`, in the store's order: asked for one at a time, no answer can
    /// mix them.
    async fn walk(
        &self,
        key: &str,
        wanted: &[Entry],
        start: Option<Position>,
    ) -> Result<Vec<Entry>, Trouble> {
        let one = Self { prefix: key.into(), page: 1, ..self.clone() };
        let mut missing: HashSet<&str> = wanted.iter().map(|entry| entry.version_id.as_str()).collect();
        let mut walked = Vec::with_capacity(wanted.len());
        let mut position = start;
        while !missing.is_empty() {
            let page = one.fetch(position.as_ref()).await?;
            for entry in page.entries {
                if entry.key == key && missing.remove(entry.version_id.as_str()) {
                    walked.push(entry);
                }
            }
            match page.next {
                Some(next) if next.key == key => position = Some(next),
                _ => break,
            }
        }
        Ok(walked)
    }
}
