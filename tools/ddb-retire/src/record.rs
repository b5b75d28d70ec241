//! The record on stdout: what was done, and how to undo it.

use jiff::Timestamp;
use serde::Serialize;

use crate::archive;
use crate::left::Left;
use crate::settings::Settings;
use crate::world::Target;

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// This run retired the table, or the rest of it.
    Retired,
    /// The table was gone and its archive was there.
    Already,
    /// A rehearsal: it can be retired.
    WouldRetire,
}

/// The whole record.
#[derive(Debug, Serialize)]
pub struct Record {
    pub table: String,
    pub retire: Retire,
}

/// The field `retire`.
#[derive(Debug, Serialize)]
pub struct Retire {
    pub action: Action,
    pub table_id: String,
    /// Nothing in a rehearsal that found none.
    pub archive: Option<Archive>,
    /// Of the table, as far as DynamoDB told: it counts some six hours late.
    pub item_count: Option<i64>,
    /// Capacity units consumed in `quiet_s` seconds; nothing where it is not known.
    pub read_units: Option<f64>,
    pub write_units: Option<f64>,
    pub quiet_s: u64,
    pub bring_back: Option<String>,
    pub set_again: Option<String>,
    /// Nothing where the table had no point-in-time recovery.
    pub last_second: Option<String>,
    /// Those of the table; nothing where it was gone before this run, and no journal has them.
    pub settings: Option<Settings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_arn: Option<String>,
    #[serde(skip_serializing_if = "Left::is_empty")]
    pub left: Left,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What stays of the table.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Archive {
    Backup {
        backup_arn: String,
        backup_name: String,
        created_at: Option<Timestamp>,
        item_count: Option<i64>,
        size_bytes: Option<i64>,
    },
    Export {
        export_arn: String,
        export: String,
        manifest: Option<String>,
        export_time: Option<Timestamp>,
        item_count: Option<i64>,
        size_bytes: Option<i64>,
    },
}

impl Archive {
    /// As far as it is known.
    pub fn of(archive: &archive::Archive, target: &Target) -> Self {
        let archive::Archive { arn, name, instant, item_count, size_bytes, manifest, .. } = archive.clone();
        let at = instant.and_then(|second| Timestamp::from_second(second).ok());
        match target.method {
            archive::Method::Backup(_) => {
                Self::Backup { backup_arn: arn, backup_name: name, created_at: at, item_count, size_bytes }
            }
            archive::Method::Export(_) => Self::Export {
                export_arn: arn,
                export: name,
                manifest,
                export_time: at,
                item_count,
                size_bytes,
            },
        }
    }
}
