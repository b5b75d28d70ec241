//! The two ways back to a cluster that is gone.

use aws_sdk_rds::types::{DbCluster, DbInstance};

use crate::cluster::{Target, World};
use crate::from_snapshot;
use common::shell::Command;

/// Lines for a shell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ways {
    /// Brings the cluster back as it was in its last second.
    pub bring_back: String,
    /// Brings it back as it was at `TIME`, as long as its automated backups are retained.
    pub point_in_time: String,
}

impl Ways {
    /// Those to the cluster that is seen; nothing where none is.
    pub fn of(world: &World, target: &Target, region: &str) -> Option<Self> {
        let cluster = world.cluster.as_ref()?;
        Some(Self {
            bring_back: from_snapshot::commands(cluster, world, target, region),
            point_in_time: point_in_time(cluster, world, target, region),
        })
    }

    /// Both as one text.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.bring_back, self.point_in_time)
    }
}

/// rds-restore knows a cluster that is gone by its backups alone, and these hold no groups and no scaling.
fn point_in_time(cluster: &DbCluster, world: &World, target: &Target, region: &str) -> String {
    let mut command = Command::new("rds-restore");
    command.option("--from-resource-id", Some(&target.resource_id));
    command.option("--to", Some(&target.cluster));
    command.option("--at", Some("TIME"));
    command.option("--subnet-group", cluster.db_subnet_group());
    for group in cluster.vpc_security_groups() {
        command.option("--security-group", group.vpc_security_group_id());
    }
    command.option("--cluster-parameter-group", cluster.db_cluster_parameter_group());
    command.option("--port", cluster.port());
    command.option("--storage-type", cluster.storage_type());
    command.option("--network-type", cluster.network_type());
    command.option("--engine-lifecycle-support", cluster.engine_lifecycle_support());
    let scaling = cluster.serverless_v2_scaling_configuration();
    command.option("--min-acu", scaling.and_then(|scaling| scaling.min_capacity()));
    command.option("--max-acu", scaling.and_then(|scaling| scaling.max_capacity()));
    for log in cluster.enabled_cloudwatch_logs_exports() {
        command.option("--log-export", Some(log));
    }
    command.flag("--iam-authentication", cluster.iam_database_authentication_enabled() == Some(true));
    command.flag("--copy-tags-to-snapshot", cluster.copy_tags_to_snapshot() == Some(true));
    command.flag("--deletion-protection", cluster.deletion_protection() == Some(true));
    if let Some(writer) = world.instances.iter().find(|one| world.is_writer(one)) {
        command.option("--instance-class", writer.db_instance_class());
        command.option("--instance-parameter-group", parameter_group(writer));
    }
    command.option("--region", Some(region));
    command.into_line()
}

/// The DB parameter group of an instance.
pub fn parameter_group(instance: &DbInstance) -> Option<&str> {
    instance.db_parameter_groups().first()?.db_parameter_group_name()
}
