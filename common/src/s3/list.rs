//! The versions of one key.

use aws_sdk_s3::Client;

use super::order::Style;
use super::page::{Entry, Page, Position};
use super::pages::Pages;
use crate::aws::Trouble;

/// Walks the versions and delete markers of exactly one key, newest first. Whoever knows enough asks for no more.
pub struct Lister {
    pages: Pages,
    style: Style,
    next: Next,
}

enum Next {
    First,
    After(Position),
    None,
}

impl Lister {
    /// The versions of exactly this key; keys that merely begin with it are left out.
    pub fn of_key(client: Client, bucket: &str, key: &str) -> Self {
        Self { pages: Pages::of_key(client, bucket, key), style: Style::default(), next: Next::First }
    }

    /// The next entries, or nothing at the end. A page may be empty.
    ///
    /// # Errors
    /// When the store cannot be asked or its answer cannot be read, after retries.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, Trouble> {
        let start = match std::mem::replace(&mut self.next, Next::None) {
            Next::First => None,
            Next::After(position) => Some(position),
            Next::None => return Ok(None),
        };
        let Page { mut entries, next, .. } = self.pages.fetch(start.as_ref()).await?;
        let key = self.pages.prefix();
        if entries.last().is_none_or(|entry| entry.key == key)
            && let Some(position) = next
        {
            self.next = Next::After(position);
        }
        entries.retain(|entry| entry.key == key);
        self.pages.arrange(&mut entries, &mut self.style, start.as_ref()).await?;
        Ok(Some(entries))
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
