//! Receipts: the records on stdout, one for each event that the handler has.

use anyhow::{Error, Result};
use common::Record;
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// What was done with an event.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Receipt {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    replay: Replay,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Replay {
    /// The status of the answer that accepted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    status: Option<u16>,
    /// Calls that were made, the accepted one among them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    attempts: Option<u32>,
    /// How long the accepted call took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ms: Option<u64>,
    /// An earlier run did it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    already: bool,
    /// Nothing was sent.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    dry_run: bool,
}

impl Receipt {
    /// The handler has accepted it.
    pub fn accepted(event: &Event, status: u16, attempts: u32, ms: u64) -> Self {
        let (status, attempts, ms) = (Some(status), Some(attempts), Some(ms));
        Self::new(event, Replay { status, attempts, ms, ..Replay::default() })
    }

    /// It would be sent.
    pub fn rehearsed(event: &Event) -> Self {
        Self::new(event, Replay { dry_run: true, ..Replay::default() })
    }

    /// What a journal holds of it.
    ///
    /// # Errors
    /// The journal is of another tool.
    pub fn again(result: &Record, dry_run: bool) -> Result<Self> {
        let mut receipt: Self = result
            .view()
            .map_err(|why| Error::msg(format!("the journal holds no receipt of stripe-replay: {why}")))?;
        receipt.replay.already = true;
        receipt.replay.dry_run = dry_run;
        Ok(receipt)
    }

    fn new(event: &Event, replay: Replay) -> Self {
        Self { id: event.id.clone(), kind: event.kind.clone(), created: event.created, replay }
    }
}
