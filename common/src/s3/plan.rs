//! The plan for one key: what `s3-versions --at` decides and `s3-restore` carries out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What brings a key back to its state at an instant.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Copy the version over the latest.
    Copy,
    /// Remove the delete markers above the version: it becomes the latest again, at no cost.
    Undelete,
    /// Add a delete marker: the key was not there at that instant.
    MarkDeleted,
    /// Nothing: the state now is the state then.
    None,
}

/// The plan for one key, as the record's `plan` field.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Plan {
    /// The instant whose state is wanted; none where the version was chosen in another way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What to do.
    pub action: Action,
    /// The version id or delete marker that was the latest when the plan was made; any other found later is
    /// a write that the plan did not know.
    pub current_version_id: String,
    /// The ETag of that version, in quotes as S3 gives it; a delete marker has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_etag: Option<String>,
    /// The version ids of the delete markers above the version, newest first.
    #[serde(default)]
    pub markers: Vec<String>,
}
