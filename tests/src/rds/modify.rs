//! Changes of a cluster that is there.

use super::describe;
use super::fields::Fields;
use super::refusal::Refusal;
use super::state::State;

/// Members of the request that become members of the cluster.
const TAKEN: [(&str, &str); 10] = [
    ("AutoMinorVersionUpgrade", "AutoMinorVersionUpgrade"),
    ("BackupRetentionPeriod", "BackupRetentionPeriod"),
    ("CopyTagsToSnapshot", "CopyTagsToSnapshot"),
    ("DBClusterParameterGroupName", "DBClusterParameterGroup"),
    ("DatabaseInsightsMode", "DatabaseInsightsMode"),
    ("DeletionProtection", "DeletionProtection"),
    ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
    ("PerformanceInsightsRetentionPeriod", "PerformanceInsightsRetentionPeriod"),
    ("PreferredMaintenanceWindow", "PreferredMaintenanceWindow"),
    ("ServerlessV2ScalingConfiguration", "ServerlessV2ScalingConfiguration"),
];

/// ModifyDBCluster: `modifying` at once, then `modify_stages`.
pub(super) fn cluster(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let id = request.get("DBClusterIdentifier").ok_or_else(|| Refusal::missing("DBClusterIdentifier"))?;
    let stages = state.modify_stages.clone();
    let cluster = state.cluster_mut(id).ok_or_else(|| Refusal::cluster_not_found(id))?;
    if cluster.get("Status") != "available" {
        return Err(Refusal::cluster_state(id, cluster.get("Status")));
    }
    if request.is("ManageMasterUserPassword") && request.has("MasterUserPassword") {
        let message = "MasterUserPassword can't be specified if ManageMasterUserPassword is on";
        return Err(Refusal::combination(message));
    }
    let days = request.get("PerformanceInsightsRetentionPeriod").and_then(|days| days.parse().ok());
    let insights = request.is("EnablePerformanceInsights") && days.is_some_and(|days: u32| days >= 465);
    if request.get("DatabaseInsightsMode") == Some("advanced") && !insights {
        let message = "The advanced mode needs EnablePerformanceInsights and a retention of 465 days or more";
        return Err(Refusal::combination(message));
    }
    for (member, shown) in TAKEN {
        if request.has(member) {
            cluster.fields.put(shown, request.sub(member));
        }
    }
    if request.is("ManageMasterUserPassword") {
        let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!cluster-c0ffee";
        cluster.fields.set("MasterUserSecret.SecretArn", secret);
    }
    cluster.fields.set("Status", "modifying");
    for stage in stages.into_iter().rev() {
        cluster.stages.push_front(stage);
    }
    let cluster = cluster.clone();
    let mut result = Fields::default();
    result.put("DBCluster", describe::shown(state, &cluster));
    Ok(result)
}

/// EnableHttpEndpoint, by the cluster's ARN.
pub(super) fn enable_http_endpoint(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let arn = request.get("ResourceArn").ok_or_else(|| Refusal::missing("ResourceArn"))?;
    let found = state.clusters.iter_mut().find(|cluster| cluster.get("DBClusterArn") == arn);
    let cluster = found.ok_or_else(|| Refusal::new(404, "ResourceNotFoundFault", "Resource not found"))?;
    if cluster.get("Status") != "available" {
        return Err(Refusal::new(400, "InvalidResourceStateFault", "Another operation is in progress"));
    }
    cluster.fields.set("HttpEndpointEnabled", "true");
    let mut result = Fields::default();
    result.set("ResourceArn", arn).set("HttpEndpointEnabled", "true");
    Ok(result)
}
