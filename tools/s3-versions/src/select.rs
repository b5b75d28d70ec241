//! Which keys and versions are wanted.

use anyhow::Result;
use common::s3::{Entry, Shard};
use globset::GlobMatcher;
use jiff::Timestamp;
use regex::Regex;

/// The conditions of the command line; what is not given holds for everything.
#[derive(Clone, Debug, Default)]
pub struct Select {
    pub glob: Option<GlobMatcher>,
    pub regex: Option<Regex>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Bytes.
    pub min_size: Option<u64>,
    /// Bytes.
    pub max_size: Option<u64>,
    pub shard: Option<Shard>,
}

impl Select {
    /// Whether the key is wanted at all; what is of another shard is counted.
    pub fn key(&self, key: &str) -> bool {
        self.shard.as_ref().is_none_or(|shard| shard.takes(key)) && self.matches(key)
    }

    /// The same without counting.
    pub fn holds(&self, key: &str) -> bool {
        self.shard.as_ref().is_none_or(|shard| shard.holds(key)) && self.matches(key)
    }

    fn matches(&self, key: &str) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob.is_match(key))
            && self.regex.as_ref().is_none_or(|regex| regex.is_match(key))
    }

    /// Whether an entry was written in the wanted time.
    ///
    /// # Errors
    /// When the store gave it no readable time.
    pub fn time(&self, entry: &Entry) -> Result<bool> {
        if self.since.is_none() && self.until.is_none() {
            return Ok(true);
        }
        let written = entry.instant()?;
        Ok(self.since.is_none_or(|since| since <= written) && self.until.is_none_or(|until| written <= until))
    }

    /// Whether a version has the wanted size; with a size asked for, a delete marker has none.
    pub fn size(&self, entry: &Entry) -> bool {
        if self.min_size.is_none() && self.max_size.is_none() {
            return true;
        }
        entry.size.is_some_and(|size| {
            self.min_size.is_none_or(|min| min <= size) && self.max_size.is_none_or(|max| size <= max)
        })
    }
}
