//! Members of clusters.

use super::describe::shown_instance;
use super::fields::Fields;
use super::refusal::Refusal;
use super::resource::Resource;
use super::seed::{arn, resource_id};
use super::state::State;
use super::tag;

/// Settings that belong to the cluster, by CreateDBInstance: "managed by the DB cluster", or without meaning in Aurora.
const OF_THE_CLUSTER: [&str; 12] = [
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "DBName",
    "DeletionProtection",
    "EnableCloudwatchLogsExports",
    "EnableIAMDatabaseAuthentication",
    "KmsKeyId",
    "MasterUserPassword",
    "MasterUsername",
    "Port",
    "StorageEncrypted",
    "VpcSecurityGroupIds",
];

/// Members of the request that become members of the instance.
const TAKEN: [&str; 9] = [
    "AutoMinorVersionUpgrade",
    "CACertificateIdentifier",
    "DBInstanceClass",
    "Engine",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "PubliclyAccessible",
];

/// CreateDBInstance, for members of Aurora clusters.
pub(super) fn create(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let required = |name| request.get(name).ok_or_else(|| Refusal::missing(name));
    let id = required("DBInstanceIdentifier")?;
    let class = required("DBInstanceClass")?;
    let engine = required("Engine")?;
    let cluster = required("DBClusterIdentifier")?;
    if state.instance(id).is_some() {
        return Err(Refusal::new(400, "DBInstanceAlreadyExists", "DB instance already exists"));
    }
    let parent = state.cluster(cluster).ok_or_else(|| Refusal::cluster_not_found(cluster))?;
    if parent.get("Status") != "available" {
        return Err(Refusal::cluster_state(cluster, parent.get("Status")));
    }
    if parent.get("Engine") != engine {
        return Err(Refusal::combination("The engine of the instance is not that of its DB cluster."));
    }
    if let Some(name) = OF_THE_CLUSTER.iter().find(|name| request.has(name)) {
        return Err(Refusal::combination(format!("Set {name} for the DB Cluster.")));
    }
    let scaling = parent.fields.sub("ServerlessV2ScalingConfiguration");
    if class == "db.serverless" && !(scaling.has("MinCapacity") && scaling.has("MaxCapacity")) {
        let message = "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a \
                       Serverless v2 DB instance.";
        return Err(Refusal::new(400, "InvalidDBClusterStateFault", message));
    }
    state.check_missing(request, "DBParameterGroupName", "DBParameterGroupNotFound")?;
    check_performance_insights(request)?;
    let tags = tag::given(request)?;

    let mut fields = Fields::default();
    for name in TAKEN {
        fields.put(name, request.sub(name));
    }
    let group = request.get("DBParameterGroupName").unwrap_or("default.aurora-postgresql16");
    let first = !state.instances.iter().any(|one| one.get("DBClusterIdentifier") == cluster);
    fields
        .set("DBInstanceIdentifier", id)
        .set("DBClusterIdentifier", cluster)
        .set("DBInstanceArn", arn("db", id))
        .set("DbiResourceId", resource_id("db", id))
        .set("DBInstanceStatus", "creating")
        .set("EngineVersion", parent.get("EngineVersion"))
        .set("DBParameterGroups.DBParameterGroup.1.DBParameterGroupName", group)
        .set("PerformanceInsightsEnabled", request.get("EnablePerformanceInsights").unwrap_or("false"))
        .set("PromotionTier", request.get("PromotionTier").unwrap_or("1"))
        .set("IsClusterWriter", "false");
    let mut instance = Resource { fields, stages: state.instance_stages.clone().into() };
    if !first {
        // Only the first one becomes the writer by itself.
        instance.stages.push_back(super::Stage::after(0).with("IsClusterWriter", "false"));
    }
    instance.set_tags(&tags);
    let mut result = Fields::default();
    result.put("DBInstance", shown_instance(&instance));
    state.instances.push(instance);
    Ok(result)
}

/// The rules for monitoring and Performance Insights, which clusters and instances share.
pub(super) fn check_performance_insights(request: &Fields) -> Result<(), Refusal> {
    let interval = request.get("MonitoringInterval").unwrap_or("0");
    if interval != "0" && !request.has("MonitoringRoleArn") {
        return Err(Refusal::combination(
            "A MonitoringRoleArn value is required if MonitoringInterval is not 0.",
        ));
    }
    if interval == "0" && request.has("MonitoringRoleArn") {
        return Err(Refusal::combination("MonitoringInterval must not be 0 if MonitoringRoleArn is given."));
    }
    let (period, key) = ("PerformanceInsightsRetentionPeriod", "PerformanceInsightsKMSKeyId");
    if !request.is("EnablePerformanceInsights") && (request.has(period) || request.has(key)) {
        return Err(Refusal::combination(format!("{period} and {key} need EnablePerformanceInsights")));
    }
    match request.get(period).map(str::parse::<u32>) {
        None | Some(Ok(7 | 731)) => Ok(()),
        Some(Ok(days)) if days % 31 == 0 && (1..=23).contains(&(days / 31)) => Ok(()),
        Some(_) => Err(Refusal::value(format!("{period} is 7, 731 or a multiple of 31"))),
    }
}
