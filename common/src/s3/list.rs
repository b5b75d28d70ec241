//! The versions of one key, with the next page asked for while this one is worked on.

use aws_sdk_s3::Client;
use tokio::task::JoinSet;

use super::order::Style;
use super::page::{Entry, Page, Position};
use super::pages::Pages;
use crate::aws::Trouble;

/// Walks the versions and delete markers of exactly one key, newest first.
pub struct Lister {
    pages: Pages,
    style: Style,
    next: JoinSet<Result<(Page, Option<Position>), Trouble>>,
    started: bool,
}

impl Lister {
    /// The versions of exactly this key; keys that merely begin with it are left out.
    pub fn of_key(client: Client, bucket: &str, key: &str) -> Self {
        let pages = Pages::of_key(client, bucket, key);
        Self { pages, style: Style::default(), next: JoinSet::new(), started: false }
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
        let key = self.pages.prefix().to_owned();
        if page.entries.last().is_none_or(|entry| entry.key == key)
            && let Some(position) = page.next
        {
            self.fetch(Some(position));
        }
        let mut entries = page.entries;
        entries.retain(|entry| entry.key == key);
        self.pages.arrange(&mut entries, &mut self.style, start.as_ref()).await?;
        Ok(Some(entries))
    }

    fn fetch(&mut self, position: Option<Position>) {
        let pages = self.pages.clone();
        self.next.spawn(async move {
            let page = pages.fetch(position.as_ref()).await?;
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
