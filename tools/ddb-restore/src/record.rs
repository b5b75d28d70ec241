//! What a run leaves on stdout.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::overrides::Overrides;
use crate::settings::Step;
use crate::validate::Outcome;

/// The new table, with what the next stage needs at the top.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    pub table: &'a str,
    pub arn: Option<&'a str>,
    pub table_id: Option<&'a str>,
    pub stream_arn: Option<&'a str>,
    pub restore: Restore<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validate: Option<&'a Outcome>,
}

/// What was restored, and how.
#[derive(Debug, Serialize)]
pub struct Restore<'a> {
    pub action: Action,
    pub from: &'a str,
    pub from_arn: Option<&'a str>,
    /// An instant, or `latest` while it is not known which that will be.
    pub at: String,
    /// The window of the source, where this run asked for it.
    pub earliest_restorable_time: Option<Timestamp>,
    pub latest_restorable_time: Option<Timestamp>,
    pub overrides: &'a Overrides,
    pub settings: &'a [Step],
    pub not_carried: &'a [String],
    pub timings: Timings,
    pub dry_run: bool,
}

/// What the run did.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Started the restore, and finished it.
    Restored,
    /// Finished one that an earlier run had started.
    Resumed,
    /// Found all done.
    Already,
}

/// How long each phase took in this run; nothing where it was not gone through.
#[derive(Debug, Default, Serialize)]
pub struct Timings {
    #[serde(serialize_with = "seconds")]
    pub restore: Option<Duration>,
    #[serde(serialize_with = "seconds")]
    pub settings: Option<Duration>,
    #[serde(serialize_with = "seconds")]
    pub validate: Option<Duration>,
}

fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let tenths = |time: &Duration| (time.as_secs_f64() * 10.0).round() / 10.0;
    time.as_ref().map(tenths).serialize(serializer)
}
