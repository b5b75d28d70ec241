//! ListObjectVersions, one page at a time, from wherever it is to begin.

use std::collections::HashSet;
use std::sync::{Arc, Once};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{EncodingType, OptionalObjectAttributes};
use tokio::sync::Semaphore;

use super::order::{self, Style};
use super::page::{self, Entry, Head, Page, Position};
use super::throttle::Throttle;
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

/// The versions and delete markers under a prefix, as pages that can be asked for in any order.
#[derive(Clone)]
pub struct Pages {
    client: Client,
    bucket: String,
    prefix: String,
    page: i32,
    limits: Option<Limits>,
}

#[derive(Clone)]
struct Limits {
    throttle: Throttle,
    room: Arc<Semaphore>,
}

impl Pages {
    /// Everything under a prefix.
    pub fn new(client: Client, bucket: &str, prefix: &str) -> Self {
        Self { client, bucket: bucket.into(), prefix: prefix.into(), page: PAGE, limits: None }
    }

    /// What begins with a key of which few versions are expected.
    pub(super) fn of_key(client: Client, bucket: &str, key: &str) -> Self {
        Self { page: KEY_PAGE, ..Self::new(client, bucket, key) }
    }

    /// Keeps requests to the throttle's limit, and pages that are in memory to so many: a page has its room until
    /// [`Page::room`] is dropped.
    pub fn limited(self, throttle: Throttle, rooms: usize) -> Self {
        let room = Arc::new(Semaphore::new(rooms));
        Self { limits: Some(Limits { throttle, room }), ..self }
    }

    /// The prefix of all keys.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn what(&self) -> String {
        format!("ListObjectVersions s3://{}/{}", self.bucket, self.prefix)
    }

    /// The page behind a position, or the first one; asked for again where its body breaks off. Its entries are in the
    /// order of the wire: see [`Pages::arrange`].
    ///
    /// # Errors
    /// When the store cannot be asked or its answer cannot be read, after retries.
    pub async fn fetch(&self, start: Option<&Position>) -> Result<Page, Trouble> {
        self.fetch_along(start, |_| {}).await
    }

    /// The same; `early` gets the position behind the page before its entries are there, where the store tells it then.
    ///
    /// # Errors
    /// As [`Pages::fetch`].
    pub async fn fetch_along(
        &self,
        start: Option<&Position>,
        early: impl FnOnce(Position) + Send,
    ) -> Result<Page, Trouble> {
        let mut early = Some(early);
        let mut tried = 0;
        loop {
            let permit = match &self.limits {
                Some(limits) => Some(limits.throttle.permit().await),
                None => None,
            };
            let body = self.request(start).await?;
            let room = match &self.limits {
                // Nobody closes the semaphore.
                Some(limits) => Arc::clone(&limits.room).acquire_owned().await.ok(),
                None => None,
            };
            let read = body.read_along(|head| match page::next_of_head(head) {
                Head::Short => early.is_none(),
                Head::Silent => true,
                Head::Next(next) => {
                    if let Some(early) = early.take() {
                        early(next);
                    }
                    true
                }
            });
            let read = read.await;
            drop(permit);
            let mut page = match read.and_then(|body| page::parse(&body)) {
                Ok(page) => page,
                Err(_) if tried + 1 < ATTEMPTS => {
                    drop(room);
                    tokio::time::sleep(BACKOFF.delay(tried)).await;
                    tried += 1;
                    continue;
                }
                Err(err) => return Err(self.unreadable(&err)),
            };
            page.room = room;
            return self.checked(page, start);
        }
    }

    /// Puts the entries of the page behind `start` into the store's order; what only the store knows is asked.
    ///
    /// # Errors
    /// As [`Pages::fetch`].
    pub async fn arrange(
        &self,
        entries: &mut [Entry],
        style: &mut Style,
        start: Option<&Position>,
    ) -> Result<(), Trouble> {
        for place in order::arrange(entries, style) {
            let key = entries[place.start].key.clone();
            let start = start.filter(|start| start.key == key && place.start == 0);
            let walked = self.walk(&key, &entries[place.clone()], start.cloned()).await?;
            // A version that went away meanwhile leaves its neighbours in the order the page gave.
            if walked.len() == place.len() {
                entries[place].clone_from_slice(&walked);
            }
        }
        Ok(())
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
        let sent = page.entries.len();
        page.entries.retain(|entry| match &start.version_id {
            Some(id) => entry.key != start.key || entry.version_id != *id,
            None => entry.key > start.key,
        });
        page.inclusive = page.entries.len() < sent;
        if page.next.as_ref() == Some(start) && !(page.inclusive && self.page == 1) {
            return Err(self.unreadable(&anyhow::anyhow!("the next page begins where this one did")));
        }
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
        // Without limits: a page that waits for this has its room already.
        let mut one = Self { prefix: key.into(), page: 1, limits: None, ..self.clone() };
        let mut missing: HashSet<&str> = wanted.iter().map(|entry| entry.version_id.as_str()).collect();
        let mut walked = Vec::with_capacity(wanted.len());
        let mut position = start;
        while !missing.is_empty() {
            let page = one.fetch(position.as_ref()).await?;
            if page.inclusive {
                // Its own marker and one more, or it would not go on.
                one.page = 2;
            }
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
