//! Which handler carries out which operation.

use super::fields::Fields;
use super::refusal::Refusal;
use super::state::State;
use super::{delete, describe, instance, modify, restore, snapshot, tag};

/// Carries out a request; what it returns are the members of the operation's result.
pub(super) fn carry_out(state: &mut State, operation: &str, request: &Fields) -> Result<Fields, Refusal> {
    let handler = match operation {
        "DescribeDBClusters" => describe::clusters,
        "DescribeDBInstances" => describe::instances,
        "DescribeDBClusterAutomatedBackups" => describe::automated_backups,
        "DescribeDBClusterSnapshots" => snapshot::describe,
        "CreateDBClusterSnapshot" => snapshot::create,
        "DeleteDBInstance" => delete::instance,
        "DeleteDBCluster" => delete::cluster,
        "RestoreDBClusterToPointInTime" => restore::to_point_in_time,
        "CreateDBInstance" => instance::create,
        "ModifyDBCluster" => modify::cluster,
        "EnableHttpEndpoint" => modify::enable_http_endpoint,
        "AddRoleToDBCluster" => modify::add_role,
        "ListTagsForResource" => tag::list,
        "AddTagsToResource" => tag::add,
        _ => {
            return Err(Refusal::new(400, "InvalidAction", format!("Could not find operation {operation}")));
        }
    };
    handler(state, request)
}
