//! The commands that restore the final snapshot under the old name, with what a restore leaves out.

use aws_sdk_rds::types::{DbCluster, DbInstance, Tag};

use crate::cluster::{Target, World, id};
use crate::tags;
use crate::way_back::parameter_group;
use common::shell::Command;

/// One line for a shell: restores the final snapshot under the old name, waits, and makes what a restore leaves out.
///
/// What is not given to RestoreDBClusterFromSnapshot gets the default of the account or of the engine, not what the
/// cluster had (API reference).
pub fn commands(cluster: &DbCluster, world: &World, target: &Target, region: &str) -> String {
    let name = target.cluster.as_str();
    let mut commands = vec![restore(cluster, target), aws("wait db-cluster-available", name)];
    commands.extend(cluster.associated_roles().iter().map(|role| {
        let mut command = aws("add-role-to-db-cluster", name);
        command.option("--role-arn", role.role_arn());
        command.option("--feature-name", role.feature_name());
        command
    }));
    if cluster.master_user_secret().is_some() {
        let mut command = aws("modify-db-cluster", name);
        command.flag("--manage-master-user-password", true);
        command.flag("--apply-immediately", true);
        commands.push(command);
    }
    if cluster.http_endpoint_enabled() == Some(true) {
        let mut command = Command::new("aws rds enable-http-endpoint");
        command.option("--resource-arn", cluster.db_cluster_arn());
        commands.push(command);
    }
    let mut instances: Vec<_> = world.instances.iter().collect();
    instances.sort_by_key(|one| !world.is_writer(one));
    commands.extend(instances.into_iter().map(|one| create(one, name)));
    for command in &mut commands {
        command.option("--region", Some(region));
    }
    commands.into_iter().map(Command::into_line).collect::<Vec<_>>().join(" && ")
}

fn aws(operation: &str, cluster: &str) -> Command {
    let mut command = Command::new(&format!("aws rds {operation}"));
    command.option("--db-cluster-identifier", Some(cluster));
    command
}

fn restore(cluster: &DbCluster, target: &Target) -> Command {
    let mut command = aws("restore-db-cluster-from-snapshot", &target.cluster);
    command.option("--snapshot-identifier", Some(&target.names.last));
    command.option("--engine", cluster.engine());
    command.option("--engine-version", cluster.engine_version());
    command.option("--port", cluster.port());
    command.option("--db-subnet-group-name", cluster.db_subnet_group());
    let groups = cluster.vpc_security_groups().iter();
    command.options("--vpc-security-group-ids", groups.filter_map(|group| group.vpc_security_group_id()));
    command.option("--db-cluster-parameter-group-name", cluster.db_cluster_parameter_group());
    command.option("--storage-type", cluster.storage_type());
    command.option("--network-type", cluster.network_type());
    command.option("--engine-lifecycle-support", cluster.engine_lifecycle_support());
    command.option("--backtrack-window", cluster.backtrack_window().filter(|&window| window > 0));
    if let Some(scaling) = cluster.serverless_v2_scaling_configuration() {
        let members = [
            scaling.min_capacity().map(|least| format!("MinCapacity={least}")),
            scaling.max_capacity().map(|most| format!("MaxCapacity={most}")),
            scaling.seconds_until_auto_pause().map(|pause| format!("SecondsUntilAutoPause={pause}")),
        ];
        let members: Vec<_> = members.into_iter().flatten().collect();
        command.option("--serverless-v2-scaling-configuration", Some(members.join(",")));
    }
    command.options("--enable-cloudwatch-logs-exports", cluster.enabled_cloudwatch_logs_exports());
    if let [membership, ..] = cluster.domain_memberships() {
        command.option("--domain", membership.domain());
        command.option("--domain-iam-role-name", membership.iam_role_name());
    }
    command.options("--tags", cluster.tag_list().iter().filter_map(tag));
    command.flag(
        "--enable-iam-database-authentication",
        cluster.iam_database_authentication_enabled() == Some(true),
    );
    command.flag("--copy-tags-to-snapshot", cluster.copy_tags_to_snapshot() == Some(true));
    command.flag("--deletion-protection", cluster.deletion_protection() == Some(true));
    command
}

fn create(instance: &DbInstance, cluster: &str) -> Command {
    let mut command = Command::new("aws rds create-db-instance");
    command.option("--db-instance-identifier", Some(id(instance)));
    command.option("--db-cluster-identifier", Some(cluster));
    command.option("--engine", instance.engine());
    command.option("--db-instance-class", instance.db_instance_class());
    command.option("--db-parameter-group-name", parameter_group(instance));
    command.option("--promotion-tier", instance.promotion_tier());
    command.option("--ca-certificate-identifier", instance.ca_certificate_identifier());
    if let Some(interval) = instance.monitoring_interval().filter(|&interval| interval > 0) {
        command.option("--monitoring-interval", Some(interval));
        command.option("--monitoring-role-arn", instance.monitoring_role_arn());
    }
    if instance.performance_insights_enabled() == Some(true) {
        command.flag("--enable-performance-insights", true);
        command.option("--performance-insights-kms-key-id", instance.performance_insights_kms_key_id());
        command.option(
            "--performance-insights-retention-period",
            instance.performance_insights_retention_period(),
        );
    }
    command.flag("--publicly-accessible", instance.publicly_accessible() == Some(true));
    command
}

/// A tag of a customer, as the AWS CLI takes it. Those of AWS itself cannot be set, and those of an earlier way back are
/// not the cluster's.
fn tag(tag: &Tag) -> Option<String> {
    let key = tag.key().filter(|key| !key.starts_with("aws:") && !tags::is_own(key))?;
    Some(format!("Key={},Value={}", shorthand(key), shorthand(tag.value().unwrap_or_default())))
}

/// A value in the shorthand syntax of the AWS CLI, where a comma or a quote would end it.
fn shorthand(value: &str) -> String {
    if value.contains([',', '"', '\'', '=', ' ']) || value.is_empty() {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;
    use aws_sdk_rds::types::{
        DbClusterMember, DbClusterRole, DbParameterGroupStatus, MasterUserSecret,
        ServerlessV2ScalingConfigurationInfo, VpcSecurityGroupMembership,
    };

    fn target() -> Target {
        Target {
            cluster: "app-prod".into(),
            resource_id: "cluster-ABC".into(),
            engine: "aurora-postgresql".into(),
            instances: Vec::new(),
            names: Names::of("app-prod", "cluster-ABC"),
        }
    }

    fn of(world: &World) -> String {
        commands(world.cluster.as_ref().unwrap(), world, &target(), "eu-west-1")
    }

    fn group(id: &str) -> VpcSecurityGroupMembership {
        VpcSecurityGroupMembership::builder().vpc_security_group_id(id).build()
    }

    #[test]
    fn a_plain_cluster_needs_two_commands() {
        let world = World { cluster: Some(DbCluster::builder().build()), ..World::default() };
        let expected = "aws rds restore-db-cluster-from-snapshot --db-cluster-identifier app-prod \
            --snapshot-identifier app-prod-final-abc --region eu-west-1 \
            && aws rds wait db-cluster-available --db-cluster-identifier app-prod --region eu-west-1";
        assert_eq!(of(&world), expected);
    }

    #[test]
    fn all_that_a_restore_would_leave_out_is_given() {
        let scaling =
            ServerlessV2ScalingConfigurationInfo::builder().min_capacity(0.5).max_capacity(16.0).build();
        let role = DbClusterRole::builder().role_arn("arn:aws:iam::1:role/s3").feature_name("s3Import");
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let cluster = DbCluster::builder()
            .engine("aurora-postgresql")
            .engine_version("16.4")
            .port(5433)
            .db_subnet_group("private")
            .vpc_security_groups(group("sg-1"))
            .vpc_security_groups(group("sg-2"))
            .db_cluster_parameter_group("app-pg16")
            .storage_type("aurora-iopt1")
            .engine_lifecycle_support("open-source-rds-extended-support-disabled")
            .serverless_v2_scaling_configuration(scaling)
            .enabled_cloudwatch_logs_exports("postgresql")
            .tag_list(tag("team", "core, night"))
            .tag_list(tag("aws:cloudformation:stack-id", "x"))
            .tag_list(tag("drkit:bring-back-1", "x"))
            .iam_database_authentication_enabled(true)
            .copy_tags_to_snapshot(true)
            .deletion_protection(true)
            .backtrack_window(0)
            .associated_roles(role.build())
            .master_user_secret(MasterUserSecret::builder().build())
            .http_endpoint_enabled(true)
            .db_cluster_arn("arn:aws:rds:eu-west-1:1:cluster:app-prod")
            .db_cluster_members(
                DbClusterMember::builder().db_instance_identifier("app-2").is_cluster_writer(true).build(),
            );
        let instance =
            |id: &str| DbInstance::builder().db_instance_identifier(id).engine("aurora-postgresql");
        let reader = instance("app-1").db_instance_class("db.serverless");
        let writer = instance("app-2")
            .db_instance_class("db.r6g.large")
            .db_parameter_groups(DbParameterGroupStatus::builder().db_parameter_group_name("app16").build())
            .promotion_tier(0)
            .ca_certificate_identifier("rds-ca-rsa2048-g1")
            .monitoring_interval(60)
            .monitoring_role_arn("arn:aws:iam::1:role/em")
            .performance_insights_enabled(true)
            .performance_insights_retention_period(7)
            .publicly_accessible(true);
        let world = World {
            cluster: Some(cluster.build()),
            instances: vec![reader.build(), writer.build()],
            snapshots: Vec::new(),
        };
        let all = of(&world).replace(" --region eu-west-1", "");
        let expected = [
            "aws rds restore-db-cluster-from-snapshot --db-cluster-identifier app-prod --snapshot-identifier \
             app-prod-final-abc --engine aurora-postgresql --engine-version 16.4 --port 5433 \
             --db-subnet-group-name private --vpc-security-group-ids sg-1 sg-2 \
             --db-cluster-parameter-group-name app-pg16 --storage-type aurora-iopt1 \
             --engine-lifecycle-support open-source-rds-extended-support-disabled \
             --serverless-v2-scaling-configuration MinCapacity=0.5,MaxCapacity=16 \
             --enable-cloudwatch-logs-exports postgresql --tags 'Key=team,Value=\"core, night\"' \
             --enable-iam-database-authentication --copy-tags-to-snapshot --deletion-protection",
            "aws rds wait db-cluster-available --db-cluster-identifier app-prod",
            "aws rds add-role-to-db-cluster --db-cluster-identifier app-prod --role-arn arn:aws:iam::1:role/s3 \
             --feature-name s3Import",
            "aws rds modify-db-cluster --db-cluster-identifier app-prod --manage-master-user-password \
             --apply-immediately",
            "aws rds enable-http-endpoint --resource-arn arn:aws:rds:eu-west-1:1:cluster:app-prod",
            "aws rds create-db-instance --db-instance-identifier app-2 --db-cluster-identifier app-prod --engine \
             aurora-postgresql --db-instance-class db.r6g.large --db-parameter-group-name app16 --promotion-tier 0 \
             --ca-certificate-identifier rds-ca-rsa2048-g1 --monitoring-interval 60 --monitoring-role-arn \
             arn:aws:iam::1:role/em --enable-performance-insights --performance-insights-retention-period 7 \
             --publicly-accessible",
            "aws rds create-db-instance --db-instance-identifier app-1 --db-cluster-identifier app-prod --engine \
             aurora-postgresql --db-instance-class db.serverless",
        ];
        assert_eq!(all.split(" && ").collect::<Vec<_>>(), expected);
    }
}
