//! What tests start with.

use super::fields::Fields;
use super::resource::Resource;

/// The account that everything belongs to.
pub const ACCOUNT: &str = "123456789012";

/// The ARN of a cluster (`cluster`), an instance (`db`) or a snapshot (`cluster-snapshot`).
pub fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:rds:us-east-1:{ACCOUNT}:{kind}:{id}")
}

/// An Aurora PostgreSQL cluster as a production has it, available, with a window from 2026-11-18 to 2026-11-20 in which
/// it can be restored, and hardly a setting that a new cluster would have by itself.
pub fn cluster(id: &str) -> Resource {
    let mut fields = Fields::default();
    for (path, value) in [
        ("DBClusterIdentifier", id),
        ("Status", "available"),
        ("Engine", "aurora-postgresql"),
        ("EngineVersion", "16.4"),
        ("EngineMode", "provisioned"),
        ("Port", "6543"),
        ("MasterUsername", "app_admin"),
        ("DatabaseName", "app"),
        ("DBClusterParameterGroup", "app-cluster-pg16"),
        ("DBSubnetGroup", "app-private"),
        ("VpcSecurityGroups.VpcSecurityGroupMembership.1.VpcSecurityGroupId", "sg-0app"),
        ("VpcSecurityGroups.VpcSecurityGroupMembership.1.Status", "active"),
        ("VpcSecurityGroups.VpcSecurityGroupMembership.2.VpcSecurityGroupId", "sg-0ops"),
        ("VpcSecurityGroups.VpcSecurityGroupMembership.2.Status", "active"),
        ("IAMDatabaseAuthenticationEnabled", "true"),
        ("DeletionProtection", "true"),
        ("CopyTagsToSnapshot", "true"),
        ("EnabledCloudwatchLogsExports.member.1", "postgresql"),
        ("StorageType", "aurora-iopt1"),
        ("StorageEncrypted", "true"),
        ("KmsKeyId", "arn:aws:kms:us-east-1:123456789012:key/app"),
        ("NetworkType", "IPV4"),
        ("EngineLifecycleSupport", "open-source-rds-extended-support-disabled"),
        ("ServerlessV2ScalingConfiguration.MinCapacity", "0.5"),
        ("ServerlessV2ScalingConfiguration.MaxCapacity", "16.0"),
        ("BackupRetentionPeriod", "7"),
        ("PreferredBackupWindow", "02:00-02:30"),
        ("PreferredMaintenanceWindow", "sun:04:00-sun:04:30"),
        ("AutoMinorVersionUpgrade", "true"),
        ("EarliestRestorableTime", "2026-11-18T02:00:00Z"),
        ("LatestRestorableTime", "2026-11-20T12:00:00Z"),
        ("TagList.Tag.1.Key", "team"),
        ("TagList.Tag.1.Value", "data"),
    ] {
        fields.set(path, value);
    }
    identify(&mut fields, id, None);
    Resource { fields, ..Resource::default() }
}

/// Gives a cluster the names that only it has. Its endpoints lead to `host` where one is given.
pub(super) fn identify(fields: &mut Fields, id: &str, host: Option<&str>) {
    let name =
        |kind: &str| host.map_or_else(|| format!("{id}.{kind}.us-east-1.rds.amazonaws.com"), str::to_owned);
    fields
        .set("DBClusterArn", arn("cluster", id))
        .set("DbClusterResourceId", resource_id("cluster", id))
        .set("Endpoint", name("cluster-c0ffee"))
        .set("ReaderEndpoint", name("cluster-ro-c0ffee"));
}

/// The id of a cluster or an instance (`db`) that nothing else ever has.
pub(super) fn resource_id(kind: &str, id: &str) -> String {
    format!("{kind}-{}", id.to_uppercase().replace('-', ""))
}

/// A member of a cluster, available, with its own parameter group and monitoring.
pub fn instance(id: &str, cluster: &str, writer: bool) -> Resource {
    let mut fields = Fields::default();
    for (path, value) in [
        ("DBInstanceIdentifier", id),
        ("DBClusterIdentifier", cluster),
        ("DBInstanceStatus", "available"),
        ("DBInstanceClass", "db.r6g.large"),
        ("Engine", "aurora-postgresql"),
        ("EngineVersion", "16.4"),
        ("DBParameterGroups.DBParameterGroup.1.DBParameterGroupName", "app-instance-pg16"),
        ("DBParameterGroups.DBParameterGroup.1.ParameterApplyStatus", "in-sync"),
        ("PubliclyAccessible", "false"),
        ("PromotionTier", "1"),
        ("AutoMinorVersionUpgrade", "false"),
        ("PerformanceInsightsEnabled", "true"),
        ("PerformanceInsightsRetentionPeriod", "93"),
        ("MonitoringInterval", "60"),
        ("MonitoringRoleArn", "arn:aws:iam::123456789012:role/rds-monitoring"),
        ("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
        ("IsClusterWriter", if writer { "true" } else { "false" }),
    ] {
        fields.set(path, value);
    }
    fields.set("DBInstanceArn", arn("db", id)).set("DbiResourceId", resource_id("db", id));
    Resource { fields, ..Resource::default() }
}

/// What is left of a cluster that was deleted and whose automated backups were retained.
pub fn automated_backup(cluster: &Resource) -> Resource {
    let mut fields = Fields::default();
    for name in [
        "DBClusterIdentifier",
        "DbClusterResourceId",
        "DBClusterArn",
        "Engine",
        "EngineVersion",
        "EngineMode",
        "Port",
        "MasterUsername",
        "IAMDatabaseAuthenticationEnabled",
        "StorageEncrypted",
        "KmsKeyId",
        "BackupRetentionPeriod",
        "TagList",
    ] {
        fields.put(name, cluster.fields.sub(name));
    }
    fields
        .set("Status", "retained")
        .set("DBClusterAutomatedBackupsArn", arn("cluster-auto-backup", "ab-c0ffee"))
        .set("RestoreWindow.EarliestTime", cluster.get("EarliestRestorableTime"))
        .set("RestoreWindow.LatestTime", cluster.get("LatestRestorableTime"));
    Resource { fields, ..Resource::default() }
}
