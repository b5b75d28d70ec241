//! What a run leaves on stdout.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::choose::Setting;

/// The new cluster, with what the next stage needs at the top.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    pub cluster: &'a str,
    pub endpoint: Option<&'a str>,
    pub reader_endpoint: Option<&'a str>,
    pub port: Option<i32>,
    pub resource_id: Option<&'a str>,
    pub arn: Option<&'a str>,
    pub engine: Option<&'a str>,
    pub engine_version: Option<&'a str>,
    pub writer: &'a str,
    pub restore: Restore<'a>,
}

/// What was restored, and how.
#[derive(Debug, Serialize)]
pub struct Restore<'a> {
    pub action: Action,
    pub from: &'a str,
    pub from_resource_id: &'a str,
    /// An instant, or `latest`.
    pub at: String,
    pub earliest_restorable_time: Option<Timestamp>,
    pub latest_restorable_time: Option<Timestamp>,
    pub settings: &'a [Setting],
    pub not_carried: &'a [String],
    pub timings: &'a Timings,
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
    pub cluster: Option<Duration>,
    #[serde(serialize_with = "seconds")]
    pub writer: Option<Duration>,
    #[serde(serialize_with = "seconds")]
    pub settings: Option<Duration>,
    #[serde(serialize_with = "seconds")]
    pub restorable: Option<Duration>,
    #[serde(serialize_with = "seconds")]
    pub login: Option<Duration>,
}

fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let tenths = |time: &Duration| (time.as_secs_f64() * 10.0).round() / 10.0;
    time.as_ref().map(tenths).serialize(serializer)
}
