//! Snapshots of clusters.

use super::describe::{all, filtered};
use super::fields::Fields;
use super::refusal::Refusal;
use super::resource::Resource;
use super::seed::arn;
use super::state::State;
use super::tag;

/// Members that a snapshot has from its cluster.
const KEPT: [&str; 11] = [
    "DBClusterIdentifier",
    "DbClusterResourceId",
    "Engine",
    "EngineMode",
    "EngineVersion",
    "IAMDatabaseAuthenticationEnabled",
    "KmsKeyId",
    "MasterUsername",
    "Port",
    "StorageEncrypted",
    "StorageType",
];

/// CreateDBClusterSnapshot: `creating` at once, then `snapshot_stages`.
pub(super) fn create(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let required = |name| request.get(name).ok_or_else(|| Refusal::missing(name));
    let id = required("DBClusterSnapshotIdentifier")?;
    let cluster = required("DBClusterIdentifier")?;
    if id.len() > 63 {
        return Err(Refusal::value("DBClusterSnapshotIdentifier has 1 to 63 letters, numbers, or hyphens"));
    }
    let tags = tag::given(request)?;
    make(state, cluster, id, &tags)?;
    let mut result = Fields::default();
    result.put("DBClusterSnapshot", state.snapshots.last().map(|one| one.fields.clone()).unwrap_or_default());
    Ok(result)
}

/// Makes a manual snapshot of a cluster. With `CopyTagsToSnapshot` the cluster's tags are on it too.
pub(super) fn make(
    state: &mut State,
    cluster: &str,
    id: &str,
    tags: &[(String, String)],
) -> Result<(), Refusal> {
    if state.snapshots.iter().any(|one| one.get("DBClusterSnapshotIdentifier") == id) {
        let message =
            format!("Cannot create the snapshot because one with the identifier {id} already exists.");
        return Err(Refusal::new(400, "DBClusterSnapshotAlreadyExistsFault", message));
    }
    let source = state.cluster(cluster).ok_or_else(|| Refusal::cluster_not_found(cluster))?;
    if source.get("Status") != "available" {
        return Err(Refusal::cluster_state(cluster, source.get("Status")));
    }
    let mut fields = Fields::default();
    for name in KEPT {
        fields.put(name, source.fields.sub(name));
    }
    fields
        .set("DBClusterSnapshotIdentifier", id)
        .set("DBClusterSnapshotArn", arn("cluster-snapshot", id))
        .set("SnapshotType", "manual")
        .set("SnapshotCreateTime", format!("2026-11-25T02:{:02}:00Z", state.snapshots.len()))
        .set("Status", "creating")
        .set("PercentProgress", "0");
    let copied = if source.fields.is("CopyTagsToSnapshot") { source.tags() } else { Vec::new() };
    let mut snapshot = Resource { fields, stages: state.snapshot_stages.clone().into() };
    snapshot.set_tags(&[&copied[..], tags].concat());
    state.snapshots.push(snapshot);
    Ok(())
}

/// DescribeDBClusterSnapshots, by name, type, or the filter `db-cluster-id`.
pub(super) fn describe(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    state.snapshots.retain_mut(Resource::look);
    let wanted = request.get("DBClusterSnapshotIdentifier");
    let clusters = filtered(request)?;
    let found: Vec<Fields> = state
        .snapshots
        .iter()
        .filter(|one| wanted.is_none_or(|id| one.get("DBClusterSnapshotIdentifier") == id))
        .filter(|one| request.get("SnapshotType").is_none_or(|kind| one.get("SnapshotType") == kind))
        .filter(|one| clusters.is_empty() || clusters.contains(&one.get("DBClusterIdentifier")))
        .map(|one| one.fields.clone())
        .collect();
    match wanted {
        Some(id) if found.is_empty() => {
            let message = format!("DBClusterSnapshot {id} not found.");
            Err(Refusal::new(404, "DBClusterSnapshotNotFoundFault", message))
        }
        _ => Ok(all("DBClusterSnapshots.DBClusterSnapshot", found)),
    }
}
