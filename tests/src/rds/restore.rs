//! RestoreDBClusterToPointInTime.

use jiff::Timestamp;

use super::describe;
use super::fields::Fields;
use super::instance::check_performance_insights;
use super::refusal::Refusal;
use super::resource::Resource;
use super::seed::identify;
use super::state::State;
use super::tag;

/// What the new cluster has from its source whatever the request says.
const KEPT: [&str; 7] = [
    "Engine",
    "EngineVersion",
    "MasterUsername",
    "DatabaseName",
    "StorageEncrypted",
    "BackupRetentionPeriod",
    "EngineMode",
];

/// Members of the request that become members of the cluster, and what the cluster has without them.
const TAKEN: [(&str, &str, &str); 18] = [
    ("BackupRetentionPeriod", "BackupRetentionPeriod", ""),
    ("BacktrackWindow", "BacktrackWindow", ""),
    ("CopyTagsToSnapshot", "CopyTagsToSnapshot", "false"),
    ("DBClusterParameterGroupName", "DBClusterParameterGroup", "default.aurora-postgresql16"),
    ("DBSubnetGroupName", "DBSubnetGroup", "default"),
    ("DeletionProtection", "DeletionProtection", "false"),
    ("EnableCloudwatchLogsExports", "EnabledCloudwatchLogsExports", ""),
    ("EnableIAMDatabaseAuthentication", "IAMDatabaseAuthenticationEnabled", "false"),
    ("EngineLifecycleSupport", "EngineLifecycleSupport", "open-source-rds-extended-support"),
    ("KmsKeyId", "KmsKeyId", ""),
    ("MonitoringInterval", "MonitoringInterval", ""),
    ("MonitoringRoleArn", "MonitoringRoleArn", ""),
    ("NetworkType", "NetworkType", "IPV4"),
    ("Port", "Port", "5432"),
    ("PreferredBackupWindow", "PreferredBackupWindow", "07:00-07:30"),
    ("PubliclyAccessible", "PubliclyAccessible", ""),
    ("ServerlessV2ScalingConfiguration", "ServerlessV2ScalingConfiguration", ""),
    ("StorageType", "StorageType", "aurora"),
];

/// RestoreDBClusterToPointInTime: the cluster is there at once, and goes through `restore_stages`.
pub(super) fn to_point_in_time(state: &mut State, request: &Fields) -> Result<Fields, Refusal> {
    let id = request.get("DBClusterIdentifier").ok_or_else(|| Refusal::missing("DBClusterIdentifier"))?;
    if state.cluster(id).is_some() {
        return Err(Refusal::new(400, "DBClusterAlreadyExistsFault", "DB Cluster already exists"));
    }
    let source = source(state, request)?.clone();
    check_time(request, &source)?;
    check_settings(state, request, &source)?;
    let tags = if request.has("Tags") { tag::given(request)? } else { source.tags() };

    let mut fields = Fields::default();
    for name in KEPT {
        fields.put(name, source.fields.sub(name));
    }
    fields.put("KmsKeyId", source.fields.sub("KmsKeyId"));
    for (member, shown, without) in TAKEN {
        if request.has(member) {
            fields.put(shown, request.sub(member));
        } else if !without.is_empty() {
            fields.set(shown, without);
        }
    }
    let groups = request.values("VpcSecurityGroupIds.VpcSecurityGroupId");
    let groups = if groups.is_empty() { vec!["sg-default"] } else { groups };
    for (index, group) in groups.iter().enumerate() {
        let place = format!("VpcSecurityGroups.VpcSecurityGroupMembership.{}", index + 1);
        fields.set(&format!("{place}.VpcSecurityGroupId"), *group).set(&format!("{place}.Status"), "active");
    }
    for (index, role) in request.list("AssociatedRoles.DBClusterAssociatedRole").into_iter().enumerate() {
        let place = format!("AssociatedRoles.DBClusterRole.{}", index + 1);
        fields.put(&place, role.clone()).set(&format!("{place}.Status"), "ACTIVE");
    }
    fields.set("PreferredMaintenanceWindow", "mon:05:00-mon:05:30").set("AutoMinorVersionUpgrade", "true");
    fields.set("HttpEndpointEnabled", "false").set("Status", "creating");
    fields.set("DBClusterIdentifier", id);
    identify(&mut fields, id, state.endpoint.as_deref());

    let mut cluster = Resource { fields, stages: state.restore_stages.clone().into() };
    cluster.set_tags(&tags);
    let mut result = Fields::default();
    result.put("DBCluster", describe::shown(state, &cluster));
    state.clusters.push(cluster);
    Ok(result)
}

/// The cluster or the automated backup that the request names, by one name alone.
fn source<'a>(state: &'a State, request: &Fields) -> Result<&'a Resource, Refusal> {
    match (request.get("SourceDBClusterIdentifier"), request.get("SourceDbClusterResourceId")) {
        (Some(id), None) => {
            let cluster = state.cluster(id).ok_or_else(|| Refusal::cluster_not_found(id))?;
            match cluster.get("Status") {
                "available" | "backing-up" | "modifying" => Ok(cluster),
                status => Err(Refusal::cluster_state(id, status)),
            }
        }
        (None, Some(id)) => {
            let is = |one: &&Resource| one.get("DbClusterResourceId").eq_ignore_ascii_case(id);
            let message = "No automated backup for this DB cluster was found.";
            let none = || Refusal::new(404, "DBClusterAutomatedBackupNotFoundFault", message);
            state.backups.iter().chain(&state.clusters).find(is).ok_or_else(none)
        }
        _ => {
            let message = "Give one of SourceDBClusterIdentifier and SourceDbClusterResourceId";
            Err(Refusal::combination(message))
        }
    }
}

fn check_time(request: &Fields, source: &Resource) -> Result<(), Refusal> {
    let time = match (request.get("RestoreToTime"), request.get("UseLatestRestorableTime")) {
        (Some(_), Some(_)) => {
            let message = "Cannot specify both RestoreToTime and UseLatestRestorableTime";
            return Err(Refusal::combination(message));
        }
        (None, Some("true")) => None,
        (None, _) => return Err(Refusal::missing("RestoreToTime")),
        (Some(time), None) => Some(time),
    };
    if time.is_some() && request.get("RestoreType") == Some("copy-on-write") {
        return Err(Refusal::combination("RestoreToTime can't be specified if RestoreType is copy-on-write"));
    }
    let instant = |text: &str| text.parse::<Timestamp>().ok();
    let either = |one, other| instant(source.get(one)).or_else(|| instant(source.get(other)));
    let window = either("EarliestRestorableTime", "RestoreWindow.EarliestTime")
        .zip(either("LatestRestorableTime", "RestoreWindow.LatestTime"));
    let Some((earliest, latest)) = window else {
        return Err(Refusal::new(400, "InvalidDBClusterStateFault", "The cluster has no backups yet"));
    };
    match time.map(instant) {
        None => Ok(()),
        Some(Some(time)) if earliest <= time && time <= latest => Ok(()),
        Some(_) => Err(Refusal::value("The specified instance cannot be restored to this time.")),
    }
}

fn check_settings(state: &State, request: &Fields, source: &Resource) -> Result<(), Refusal> {
    let groups = "DBClusterParameterGroupName";
    state.check_missing(request, groups, "DBClusterParameterGroupNotFound")?;
    state.check_missing(request, "DBSubnetGroupName", "DBSubnetGroupNotFoundFault")?;
    state.check_missing(request, "VpcSecurityGroupIds.VpcSecurityGroupId", "InvalidVPCNetworkStateFault")?;
    state.check_missing(request, "KmsKeyId", "KMSKeyNotAccessibleFault")?;
    let mysql = source.get("Engine") == "aurora-mysql";
    if request.has("BacktrackWindow") && !mysql {
        return Err(Refusal::combination("Backtrack is not enabled for the aurora-postgresql engine."));
    }
    let aurora = source.get("Engine").starts_with("aurora");
    for name in ["Iops", "DBClusterInstanceClass"] {
        if aurora && request.has(name) {
            return Err(Refusal::combination(format!("{name} is not valid for Aurora DB clusters")));
        }
    }
    let port = request.get("Port").map_or(Ok(5432), str::parse::<u32>);
    if !port.is_ok_and(|port| (1150..=65535).contains(&port)) {
        return Err(Refusal::value("Port is a value from 1150-65535"));
    }
    let scaling = request.sub("ServerlessV2ScalingConfiguration");
    if scaling.has("MinCapacity") != scaling.has("MaxCapacity") {
        return Err(Refusal::combination("MinCapacity and MaxCapacity must be given together"));
    }
    if request.list("AssociatedRoles.DBClusterAssociatedRole").len() > 15 {
        return Err(Refusal::new(400, "DBClusterRoleQuotaExceeded", "At most 15 roles"));
    }
    check_performance_insights(request)
}
