//! What the lines of a listing's journal say.

use anyhow::Result;
use common::Record;
use common::journal::Id;
use serde::{Deserialize, Serialize};

use crate::walk::board::Span;

/// What one line says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    /// A listing is begun, behind so many bytes of this file.
    Begun { stdout: Place, length: u64 },
    /// As an intent: this is about to be written. As a result: it is, and so is all before it.
    Piece(Piece),
    /// Nothing is left to list.
    Complete { stdout: Place, from: u64, to: u64, records: u64 },
}

/// The file to which records go.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Place {
    pub path: String,
    pub device: u64,
    pub inode: u64,
}

/// Whole lines that follow each other in the file.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Piece {
    /// Which run wrote them, counted from 1: what an earlier one intended and did not get to is void.
    pub run: u64,
    /// Where they begin.
    pub at: u64,
    /// How many bytes they are.
    pub length: u64,
    pub records: u64,
    /// The keys that are finished with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Span>,
    /// Of each line what proves it, see `tail`; only of an intent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub marks: String,
}

impl Said {
    /// The line's id.
    pub fn id(&self) -> Id {
        match self {
            Self::Begun { .. } => Id::of(&["listing"]),
            Self::Complete { .. } => Id::of(&["complete"]),
            Self::Piece(Piece { run, at, keys, .. }) => {
                let hi = keys.as_ref().and_then(|keys| keys.hi.as_deref()).unwrap_or_default();
                Id::of(&["piece", &run.to_string(), &at.to_string(), hi])
            }
        }
    }

    /// What is written.
    ///
    /// # Errors
    /// None that a line of ours has.
    pub fn record(&self) -> Result<Record> {
        Record::from_value(self)
    }
}

impl Piece {
    /// Where what follows it begins.
    pub fn end(&self) -> u64 {
        self.at + self.length
    }
}
