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
    /// Calls that the run made, the accepted one among them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    attempts: Option<u32>,
    /// How long the accepted call took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ms: Option<u64>,
    /// A run before that one had begun it, so that the handler may have had it before.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    resent: bool,
    /// An earlier run did it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    replayed: bool,
    /// Whether the handler still has it: no handler can be asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    checked: Option<bool>,
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
    pub fn planned(event: &Event) -> Self {
        Self::new(event, Replay::default()).in_dry_run()
    }

    /// The receipt of an earlier run.
    ///
    /// # Errors
    /// The journal holds something else.
    pub fn replayed(result: &Record) -> Result<Self> {
        let mut receipt: Self = result
            .view()
            .map_err(|why| Error::msg(format!("the journal holds no receipt of stripe-replay: {why}")))?;
        (receipt.replay.replayed, receipt.replay.checked) = (true, Some(false));
        Ok(receipt)
    }

    /// The same in a dry run.
    pub fn in_dry_run(mut self) -> Self {
        self.replay.dry_run = true;
        self
    }

    fn new(event: &Event, replay: Replay) -> Self {
        let replay = Replay { resent: event.resent, ..replay };
        Self { id: event.id.clone(), kind: event.kind.clone(), created: event.created, replay }
    }
}
