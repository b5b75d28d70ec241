//! From entries in the store's order to the records that were asked for.

use anyhow::Result;
use common::s3::{Action, Entry, Plan};
use jiff::Timestamp;
use serde::Serialize;

use crate::at::History;
use crate::select::Select;

/// What is written of each key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum View {
    /// Every version and delete marker.
    Every,
    /// The latest version or delete marker.
    Latest,
    /// The version beneath the delete markers on top.
    Deleted,
    /// The way back to an instant; with `all`, also where there is nothing to do.
    At { at: Timestamp, all: bool },
}

/// Turns entries into lines of JSON; one for each bucket, or for each key where keys are asked for singly.
pub struct Writer<'a> {
    bucket: &'a str,
    view: View,
    select: &'a Select,
    history: Option<History>,
    lines: Vec<u8>,
    records: u64,
    /// The key of the last line, and where its lines and records begin.
    last: (String, usize, u64),
}

/// The record of a version or delete marker. What S3 did not say is left out.
#[derive(Serialize)]
struct Line<'a> {
    bucket: &'a str,
    key: &'a str,
    version_id: &'a str,
    is_latest: bool,
    delete_marker: bool,
    last_modified: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    checksum_algorithm: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_in_progress: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan>,
}

impl<'a> Writer<'a> {
    pub fn new(bucket: &'a str, view: View, select: &'a Select) -> Self {
        Self {
            bucket,
            view,
            select,
            history: None,
            lines: Vec::new(),
            records: 0,
            last: (String::new(), 0, 0),
        }
    }

    /// Takes the next entry in the store's order.
    ///
    /// # Errors
    /// When a time decides and the store gave none that can be read.
    pub fn push(&mut self, entry: Entry) -> Result<()> {
        match self.view {
            View::Every => {
                if self.wants(&entry)? {
                    self.line(&entry, None)?;
                }
            }
            View::Latest => {
                if entry.is_latest && self.wants(&entry)? {
                    self.line(&entry, None)?;
                }
            }
            View::Deleted => self.follow(None, entry)?,
            View::At { at, .. } => self.follow(Some(at), entry)?,
        }
        Ok(())
    }

    /// Decides the last key.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn finish(&mut self) -> Result<()> {
        self.history.take().map_or(Ok(()), |history| self.decide(history))
    }

    /// Whether no older entry of this key, the last one, changes what is written.
    pub fn is_settled(&self, key: &str) -> bool {
        if !self.select.holds(key) {
            return true;
        }
        match self.view {
            View::Every => false,
            View::Latest => true,
            View::Deleted | View::At { .. } => {
                self.history.as_ref().is_some_and(|history| history.key() == key && history.is_settled())
            }
        }
    }

    /// The lines since the last call, and how many records they are.
    pub fn take(&mut self) -> (Vec<u8>, u64) {
        (self.last.1, self.last.2) = (0, 0);
        (std::mem::take(&mut self.lines), std::mem::take(&mut self.records))
    }

    /// The same without those of this key, if it is the last one.
    pub fn take_before(&mut self, key: Option<&str>) -> (Vec<u8>, u64) {
        let (last, at, records) = &self.last;
        if key != Some(last) || self.lines.is_empty() {
            return self.take();
        }
        let (at, records) = (*at, *records);
        let rest = self.lines.split_off(at);
        let before = (std::mem::replace(&mut self.lines, rest), records);
        self.records -= records;
        (self.last.1, self.last.2) = (0, 0);
        before
    }

    /// How many bytes of lines there are.
    pub fn held(&self) -> usize {
        self.lines.len()
    }

    fn wants(&self, entry: &Entry) -> Result<bool> {
        Ok(self.select.key(&entry.key) && self.select.size(entry) && self.select.time(entry)?)
    }

    fn follow(&mut self, at: Option<Timestamp>, entry: Entry) -> Result<()> {
        match &mut self.history {
            Some(history) if history.key() == entry.key => history.push(entry),
            _ => {
                self.finish()?;
                if self.select.key(&entry.key) {
                    self.history = Some(History::new(at, entry)?);
                }
                Ok(())
            }
        }
    }

    fn decide(&mut self, history: History) -> Result<()> {
        let in_time = self.select.time(history.current())?;
        let (entry, plan) = history.decide();
        let wanted = plan.action != Action::None || matches!(self.view, View::At { all: true, .. });
        if wanted && in_time && self.select.size(&entry) {
            self.line(&entry, Some(&plan))?;
        }
        Ok(())
    }

    fn line(&mut self, entry: &Entry, plan: Option<&Plan>) -> Result<()> {
        let line = Line {
            bucket: self.bucket,
            key: &entry.key,
            version_id: &entry.version_id,
            is_latest: entry.is_latest,
            delete_marker: entry.delete_marker,
            last_modified: &entry.last_modified,
            size: entry.size,
            etag: entry.etag.as_deref(),
            storage_class: entry.storage_class.as_deref(),
            owner: entry.owner.as_deref(),
            checksum_algorithm: &entry.checksum_algorithm,
            checksum_type: entry.checksum_type.as_deref(),
            restore_in_progress: entry.restore_in_progress,
            plan,
        };
        if self.last.0 != entry.key {
            self.last.0.clone_from(&entry.key);
            (self.last.1, self.last.2) = (self.lines.len(), self.records);
        }
        serde_json::to_writer(&mut self.lines, &line)?;
        self.lines.push(b'\n');
        self.records += 1;
        Ok(())
    }
}
