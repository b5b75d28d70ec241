//! What there is, a look at a time.

use super::fields::Fields;
use super::refusal::Refusal;
use super::resource::Resource;
use super::seed::automated_backup;
use super::state::State;

/// DescribeDBClusters.
pub(super) fn clusters(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    state.clusters.retain_mut(Resource::look);
    let wanted = request.get("DBClusterIdentifier");
    let is_wanted = |cluster: &&Resource| {
        wanted
            .is_none_or(|id| [cluster.get("DBClusterIdentifier"), cluster.get("DBClusterArn")].contains(&id))
    };
    let found: Vec<Fields> =
        state.clusters.iter().filter(is_wanted).map(|cluster| shown(state, cluster)).collect();
    match wanted {
        Some(id) if found.is_empty() => Err(Refusal::cluster_not_found(id)),
        _ => Ok(all("DBClusters.DBCluster", found)),
    }
}

/// A cluster with its members.
pub(super) fn shown(state: &State, cluster: &Resource) -> Fields {
    let mut fields = cluster.fields.clone();
    let id = cluster.get("DBClusterIdentifier");
    let members = state.instances.iter().filter(|instance| instance.get("DBClusterIdentifier") == id);
    for (index, instance) in members.enumerate() {
        let place = format!("DBClusterMembers.DBClusterMember.{}", index + 1);
        fields
            .set(&format!("{place}.DBInstanceIdentifier"), instance.get("DBInstanceIdentifier"))
            .set(&format!("{place}.IsClusterWriter"), instance.get("IsClusterWriter"))
            .set(&format!("{place}.PromotionTier"), instance.get("PromotionTier"));
    }
    fields
}

/// DescribeDBInstances, by name or by the filter `db-cluster-id`.
pub(super) fn instances(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    state.instances.retain_mut(Resource::look);
    let wanted = request.get("DBInstanceIdentifier");
    let clusters = filtered(request)?;
    let found: Vec<Fields> = state
        .instances
        .iter()
        .filter(|instance| wanted.is_none_or(|id| instance.get("DBInstanceIdentifier") == id))
        .filter(|instance| clusters.is_empty() || clusters.contains(&instance.get("DBClusterIdentifier")))
        .map(shown_instance)
        .collect();
    match wanted {
        Some(id) if found.is_empty() => Err(Refusal::instance_not_found(id)),
        _ => Ok(all("DBInstances.DBInstance", found)),
    }
}

/// The clusters that the filter `db-cluster-id` names, all without one.
pub(super) fn filtered(request: &Fields) -> Result<Vec<&str>, Refusal> {
    match request.get("Filters.Filter.1.Name") {
        Some("db-cluster-id") => Ok(request.values("Filters.Filter.1.Values.Value")),
        None => Ok(Vec::new()),
        Some(other) => Err(Refusal::value(format!("Unrecognized filter name: {other}"))),
    }
}

/// An instance without what only its cluster tells of it.
pub(super) fn shown_instance(instance: &Resource) -> Fields {
    let mut fields = instance.fields.clone();
    fields.remove("IsClusterWriter");
    fields
}

/// DescribeDBClusterAutomatedBackups, of clusters that were and of those that are there.
pub(super) fn automated_backups(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    state.backups.retain_mut(Resource::look);
    let current: Vec<Resource> = state.clusters.iter().map(current_backup).collect();
    let clusters = filtered(request)?;
    let wanted = request.get("DbClusterResourceId");
    let found: Vec<Fields> = state
        .backups
        .iter()
        .chain(&current)
        .filter(|backup| {
            wanted.is_none_or(|wanted| backup.get("DbClusterResourceId").eq_ignore_ascii_case(wanted))
        })
        .filter(|backup| clusters.is_empty() || clusters.contains(&backup.get("DBClusterIdentifier")))
        .map(|backup| backup.fields.clone())
        .collect();
    if found.is_empty() && wanted.is_some() {
        let message = "No automated backup for this DB cluster was found.";
        return Err(Refusal::new(404, "DBClusterAutomatedBackupNotFoundFault", message));
    }
    Ok(all("DBClusterAutomatedBackups.DBClusterAutomatedBackup", found))
}

fn current_backup(cluster: &Resource) -> Resource {
    let mut backup = automated_backup(cluster);
    backup.fields.set("Status", "active");
    backup
}

/// A result that is a list, in one page.
pub(super) fn all(path: &str, members: Vec<Fields>) -> Fields {
    let mut result = Fields::default();
    for (index, member) in members.into_iter().enumerate() {
        result.put(&format!("{path}.{}", index + 1), member);
    }
    result
}
