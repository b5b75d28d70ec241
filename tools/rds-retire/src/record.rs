//! The record on stdout: what was done, and how to undo it.

use serde::Serialize;

use crate::cluster::{World, id};
use crate::kept::Kept;

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// This run retired the cluster, or the rest of it.
    Retired,
    /// The cluster was gone and its final snapshot was there.
    Already,
    /// A rehearsal: it can be retired.
    WouldRetire,
}

/// Whether the automated backups outlive the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backups {
    /// They are kept until they expire.
    Retained,
    /// They will be, once the cluster is deleted.
    ToBeRetained,
    /// There are none, or none any more.
    Missing,
}

/// The seconds that can be restored, in RFC 3339.
#[derive(Debug, Serialize)]
pub struct Window {
    pub earliest: Option<String>,
    pub latest: Option<String>,
}

/// A DB instance that went with the cluster.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Instance {
    pub id: String,
    pub class: Option<String>,
    pub writer: bool,
}

/// The instances that an earlier run kept and those of a look, the writer first.
pub fn instances(world: &World, kept: Option<&Kept>) -> Vec<Instance> {
    let one = |one| Instance {
        id: id(one).to_owned(),
        class: one.db_instance_class.clone(),
        writer: world.is_writer(one),
    };
    let mut all = kept.map(|kept| kept.instances.clone()).unwrap_or_default();
    for seen in world.instances.iter().map(one) {
        if all.iter().all(|known| known.id != seen.id) {
            all.push(seen);
        }
    }
    all.sort_by_key(|one| !one.writer);
    all
}

/// The whole record.
#[derive(Debug, Serialize)]
pub struct Record {
    pub cluster: String,
    pub retire: Retire,
}

/// The field `retire`.
#[derive(Debug, Serialize)]
pub struct Retire {
    pub action: Action,
    pub resource_id: String,
    pub snapshot_id: String,
    pub final_snapshot_id: String,
    /// All that belonged to the cluster, also those that an earlier run deleted.
    pub instances: Vec<Instance>,
    pub automated_backups: Backups,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_window: Option<Window>,
    /// The most connections that an instance had in `quiet_s` seconds before a check; nothing where nobody could have any,
    /// or where it is not known.
    pub connections_max: Option<u64>,
    pub quiet_s: u64,
    pub bring_back: Option<String>,
    pub point_in_time: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}
