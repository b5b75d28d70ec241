//! The end of clusters and their members.

use super::describe;
use super::fields::Fields;
use super::refusal::Refusal;
use super::resource::Stage;
use super::seed::automated_backup;
use super::snapshot;
use super::state::State;

/// DeleteDBInstance, of a member of an Aurora cluster: `deleting` at once, gone after `deletion_looks`.
pub(super) fn instance(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let id = request.get("DBInstanceIdentifier").ok_or_else(|| Refusal::missing("DBInstanceIdentifier"))?;
    let looks = state.deletion_looks;
    let index = state.instances.iter().position(|one| one.get("DBInstanceIdentifier") == id);
    let index = index.ok_or_else(|| Refusal::instance_not_found(id))?;
    if state.instances[index].get("DBInstanceStatus") == "deleting" {
        let message = format!("Instance {id} is already being deleted.");
        return Err(Refusal::new(400, "InvalidDBInstanceState", message));
    }
    if !request.is("SkipFinalSnapshot") {
        return Err(Refusal::combination("A member of an Aurora cluster has no snapshot of its own."));
    }
    let instance = &mut state.instances[index];
    let was_writer = instance.fields.is("IsClusterWriter");
    instance.fields.set("DBInstanceStatus", "deleting");
    instance.stages = [Stage::gone(looks)].into();
    let (instance, cluster) = (instance.clone(), instance.get("DBClusterIdentifier").to_owned());
    // Without its writer, a cluster promotes a reader.
    let reader = state
        .instances
        .iter_mut()
        .find(|one| one.get("DBClusterIdentifier") == cluster && one.get("DBInstanceStatus") != "deleting");
    if let Some(reader) = reader.filter(|_| was_writer) {
        reader.fields.set("IsClusterWriter", "true");
    }
    let mut result = Fields::default();
    result.put("DBInstance", describe::shown_instance(&instance));
    Ok(result)
}

/// DeleteDBCluster: `deleting` at once with the final snapshot being made, gone after `deletion_looks`. Its automated
/// backups go with it unless the request says otherwise.
pub(super) fn cluster(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let id = request.get("DBClusterIdentifier").ok_or_else(|| Refusal::missing("DBClusterIdentifier"))?;
    let cluster = state.cluster(id).ok_or_else(|| Refusal::cluster_not_found(id))?.clone();
    if cluster.fields.is("DeletionProtection") {
        let message = "Cannot delete protected Cluster, please disable deletion protection and try again.";
        return Err(Refusal::combination(message));
    }
    if cluster.get("Status") != "available" {
        return Err(Refusal::cluster_state(id, cluster.get("Status")));
    }
    let mut members = state.instances.iter().filter(|one| one.get("DBClusterIdentifier") == id);
    if members.any(|one| one.get("DBInstanceStatus") != "deleting") {
        let message = "Cluster cannot be deleted, it still contains DB instances in non-deleting state.";
        return Err(Refusal::new(400, "InvalidDBClusterStateFault", message));
    }
    match (request.is("SkipFinalSnapshot"), request.get("FinalDBSnapshotIdentifier")) {
        (true, None) => {}
        (false, Some(last)) => snapshot::make(state, id, last, &[])?,
        (true, Some(_)) => {
            return Err(Refusal::combination("FinalDBSnapshotIdentifier can't be with SkipFinalSnapshot"));
        }
        (false, None) => return Err(Refusal::combination("FinalDBSnapshotIdentifier is required")),
    }
    if request.get("DeleteAutomatedBackups") == Some("false") {
        state.backups.push(automated_backup(&cluster));
    }
    let looks = state.deletion_looks;
    if let Some(cluster) = state.cluster_mut(id) {
        cluster.fields.set("Status", "deleting");
        cluster.stages = [Stage::gone(looks)].into();
    }
    let mut result = Fields::default();
    result.put("DBCluster", describe::shown(state, &cluster));
    Ok(result)
}
