//! Receipts: the records on stdout, one for each batch.

use serde::{Deserialize, Serialize};

/// What was done with a batch.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
    /// Those that were refused.
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
    /// Nothing was sent.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub dry_run: bool,
}
