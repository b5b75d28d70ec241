//! The field `restore` of a record that leaves: what was done, and all that an undo needs.

use serde::{Deserialize, Serialize};

use crate::input::{Place, Task};
use crate::look::Seen;

/// What was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The version was copied over the latest.
    Copy,
    /// The delete markers above the version were removed.
    Undelete,
    /// A delete marker was added.
    MarkDeleted,
    /// The version is archived and was asked for; it is not restored yet.
    Thawing,
    /// The key was as wanted.
    Already,
    /// The record asked for nothing.
    None,
}

/// By what a copy was found to be its source's equal.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// A checksum of the whole object, or of the same parts.
    Checksum,
    /// The ETag, where it is a digest of the content.
    Etag,
    /// The size alone.
    Size,
    /// Nothing that can be compared.
    Unverifiable,
}

/// A place as the record names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct To {
    pub bucket: String,
    pub key: String,
}

/// The field `restore`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Done {
    pub action: Act,
    /// Where the work was done, if not at the record's own bucket and key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<To>,
    /// The version or delete marker that is the latest now; nothing where that is not known yet.
    pub version_id: Option<String>,
    /// The version or delete marker that was the latest before; nothing where there was none or it still is.
    pub previous_version_id: Option<String>,
    /// Whether that was a delete marker.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub previous_delete_marker: bool,
    /// The delete markers that were removed, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_markers: Vec<String>,
    /// By what the content was compared; nothing where none was copied.
    #[serde(default)]
    pub verified: Option<Verified>,
    /// The size of the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether nothing was written, and this is only what would have been done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Whether an earlier run with the same journal did it, and this one found it still current.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

impl Done {
    /// An outcome of which nothing but its kind is known yet.
    pub fn new(action: Act, task: &Task) -> Self {
        let Place { bucket, key } = task.target.clone();
        Self {
            action,
            to: task.is_aside().then_some(To { bucket, key }),
            version_id: None,
            previous_version_id: None,
            previous_delete_marker: false,
            removed_markers: Vec::new(),
            verified: None,
            bytes: None,
            dry_run: false,
            replayed: false,
        }
    }

    /// The outcome of a write over what was seen.
    pub fn after(action: Act, task: &Task, seen: &Seen) -> Self {
        Self {
            previous_version_id: seen.latest_id().map(str::to_owned),
            previous_delete_marker: seen.latest().is_some_and(|entry| entry.delete_marker),
            ..Self::new(action, task)
        }
    }

    /// Whether the work is over, so that a later run need not look again.
    pub fn is_final(&self) -> bool {
        !self.dry_run && self.action != Act::Thawing
    }
}
