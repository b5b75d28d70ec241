//! Receipts: the records on stdout, one for each batch.

use std::ops::Not;

use serde::{Deserialize, Serialize};

/// What was done with a batch.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Receipt {
    /// The collection, by its own name.
    pub collection: String,
    /// Documents of the input before the batch.
    pub after: u64,
    /// Documents in the batch.
    pub documents: usize,
    /// Those that were imported.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted: Option<usize>,
    /// Those that were refused, or are not there any more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rejected: Option<usize>,
    /// Bytes that were sent, once.
    pub bytes: usize,
    /// From the first request to the last result, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ms: Option<u64>,
    /// How often documents of the batch were sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requests: Option<u32>,
    /// A run before that one may have imported documents of it.
    #[serde(skip_serializing_if = "Not::not", default)]
    pub resent: bool,
    /// An earlier run did it.
    #[serde(skip_serializing_if = "Not::not", default)]
    pub replayed: bool,
    /// Whether it was looked at what is there now; only said where it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checked: Option<bool>,
    /// Nothing was sent.
    #[serde(skip_serializing_if = "Not::not", default)]
    pub dry_run: bool,
}
