//! The settings of the cluster: API reference, RestoreDBClusterToPointInTime, and what it resets where nothing is given.

use anyhow::{Result, bail};
use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDbClusterToPointInTimeInputBuilder as Input;
use aws_sdk_rds::types::{DbCluster, DbClusterAssociatedRole, ServerlessV2ScalingConfiguration};
use aws_smithy_types::DateTime;

use crate::choose::{By, Choices};
use crate::cli::Cli;
use crate::mark::{self, Mark};
use crate::overrides::{Overrides, either, word};
use crate::source::{Source, text};

/// The request for the new cluster.
pub(super) fn input(choices: &mut Choices, source: &Source, cli: &Cli, mark: &Mark) -> Result<Input> {
    let (from, given) = (&source.cluster, &cli.overrides);
    let input = Input::default().db_cluster_identifier(&cli.to);
    let input = if source.deleted {
        input.source_db_cluster_resource_id(&source.resource_id)
    } else {
        input.source_db_cluster_identifier(&source.id)
    };
    // Both together are refused, also a time with an explicit false.
    let input = match cli.at {
        Some(at) => {
            let nanos = u32::try_from(at.subsec_nanosecond()).unwrap_or_default();
            input.restore_to_time(DateTime::from_secs_and_nanos(at.as_second(), nanos))
        }
        None => input.use_latest_restorable_time(true),
    };
    let input = place(choices, input, from, given);
    let input = input.set_serverless_v2_scaling_configuration(scaling(choices, from, given)?);
    let input = kept(choices, input, from, given);
    let input = watched(choices, input, from, given);
    let input = input.set_associated_roles(roles(choices, from));
    let tags = mark::tags(from.tag_list(), &given.tag, &given.drop_tag, mark)?;
    let by = if given.tag.is_empty() && given.drop_tag.is_empty() { By::Carried } else { By::Override };
    choices.note("Tags", Some(mark::shown(from.tag_list())), Some(mark::shown(&tags)), by);
    Ok(input.set_tags(Some(tags)))
}

/// Where it is and who reaches it.
fn place(choices: &mut Choices, input: Input, from: &DbCluster, given: &Overrides) -> Input {
    let groups = from.vpc_security_groups().iter();
    let groups = groups.filter_map(|group| group.vpc_security_group_id()).map(str::to_owned).collect();
    let domain = from.domain_memberships().iter().find(|membership| membership.domain().is_some());
    input
        .set_vpc_security_group_ids(choices.choose(
            "VpcSecurityGroupIds",
            "--security-group",
            some(groups),
            some(given.security_group.clone()),
        ))
        .set_db_subnet_group_name(choices.choose(
            "DBSubnetGroupName",
            "--subnet-group",
            text(&from.db_subnet_group),
            given.subnet_group.clone(),
        ))
        .set_network_type(choices.choose(
            "NetworkType",
            "--network-type",
            text(&from.network_type),
            word(given.network_type),
        ))
        .set_port(choices.choose("Port", "--port", from.port, given.port))
        .set_enable_iam_database_authentication(choices.choose(
            "EnableIAMDatabaseAuthentication",
            "--iam-authentication",
            from.iam_database_authentication_enabled,
            either(given.iam_authentication, given.no_iam_authentication),
        ))
        .set_domain(choices.choose("Domain", "", domain.and_then(|domain| text(&domain.domain)), None))
        .set_domain_iam_role_name(choices.choose(
            "DomainIAMRoleName",
            "",
            domain.and_then(|domain| text(&domain.iam_role_name)),
            None,
        ))
}

/// How data is kept, and for how long.
fn kept(choices: &mut Choices, input: Input, from: &DbCluster, given: &Overrides) -> Input {
    let mysql = from.engine() == Some("aurora-mysql");
    let key = choices.choose("KmsKeyId", "", text(&from.kms_key_id), given.kms_key.clone());
    let input = input
        .set_db_cluster_parameter_group_name(choices.choose(
            "DBClusterParameterGroupName",
            "--cluster-parameter-group",
            text(&from.db_cluster_parameter_group),
            given.cluster_parameter_group.clone(),
        ))
        .set_storage_type(choices.choose(
            "StorageType",
            "--storage-type",
            text(&from.storage_type),
            word(given.storage_type),
        ))
        .set_engine_lifecycle_support(choices.choose(
            "EngineLifecycleSupport",
            "--engine-lifecycle-support",
            text(&from.engine_lifecycle_support),
            word(given.engine_lifecycle_support),
        ))
        .set_deletion_protection(choices.choose(
            "DeletionProtection",
            "--deletion-protection",
            from.deletion_protection,
            either(given.deletion_protection, given.no_deletion_protection),
        ))
        .set_copy_tags_to_snapshot(choices.choose(
            "CopyTagsToSnapshot",
            "--copy-tags-to-snapshot",
            from.copy_tags_to_snapshot,
            either(given.copy_tags_to_snapshot, given.no_copy_tags_to_snapshot),
        ))
        .set_backup_retention_period(choices.choose(
            "BackupRetentionPeriod",
            "--backup-retention-period",
            from.backup_retention_period,
            given.backup_retention_period,
        ))
        .set_preferred_backup_window(choices.choose(
            "PreferredBackupWindow",
            "",
            text(&from.preferred_backup_window),
            None,
        ))
        // The source's key is used by itself, and need not be one that the caller may name.
        .set_kms_key_id(key.filter(|_| given.kms_key.is_some()));
    if mysql || given.backtrack_window.is_some() {
        input.set_backtrack_window(choices.choose(
            "BacktrackWindow",
            "--backtrack-window",
            from.backtrack_window.filter(|_| mysql),
            given.backtrack_window,
        ))
    } else {
        input
    }
}

/// Logs and metrics.
fn watched(choices: &mut Choices, input: Input, from: &DbCluster, given: &Overrides) -> Input {
    let interval = from.monitoring_interval.filter(|seconds| *seconds > 0);
    let insights = from.performance_insights_enabled.filter(|on| *on);
    let with_insights = insights.is_some();
    input
        .set_enable_cloudwatch_logs_exports(choices.choose(
            "EnableCloudwatchLogsExports",
            "--log-export",
            some(from.enabled_cloudwatch_logs_exports().to_vec()),
            some(given.log_export.clone()),
        ))
        .set_monitoring_interval(choices.choose("MonitoringInterval", "", interval, None))
        .set_monitoring_role_arn(choices.choose(
            "MonitoringRoleArn",
            "",
            text(&from.monitoring_role_arn).filter(|_| interval.is_some()),
            None,
        ))
        .set_enable_performance_insights(choices.choose("EnablePerformanceInsights", "", insights, None))
        .set_performance_insights_kms_key_id(choices.choose(
            "PerformanceInsightsKMSKeyId",
            "",
            text(&from.performance_insights_kms_key_id).filter(|_| with_insights),
            None,
        ))
        .set_performance_insights_retention_period(choices.choose(
            "PerformanceInsightsRetentionPeriod",
            "",
            from.performance_insights_retention_period.filter(|_| with_insights),
            None,
        ))
}

/// Least and most are given together or not at all; a pause is only for a least of 0.
fn scaling(
    choices: &mut Choices,
    from: &DbCluster,
    given: &Overrides,
) -> Result<Option<ServerlessV2ScalingConfiguration>> {
    let source = from.serverless_v2_scaling_configuration();
    let min = choices.choose(
        "ServerlessV2ScalingConfiguration.MinCapacity",
        "--min-acu",
        source.and_then(|source| source.min_capacity()),
        given.min_acu,
    );
    let max = choices.choose(
        "ServerlessV2ScalingConfiguration.MaxCapacity",
        "--max-acu",
        source.and_then(|source| source.max_capacity()),
        given.max_acu,
    );
    let (min, max) = match (min, max) {
        (Some(min), Some(max)) => (min, max),
        (None, None) => return Ok(None),
        (Some(_), None) => bail!("a scaling configuration needs its most capacity too: give --max-acu"),
        (None, Some(_)) => bail!("a scaling configuration needs its least capacity too: give --min-acu"),
    };
    if min > max {
        bail!("the least capacity would be {min} ACUs and the most {max}: give --min-acu and --max-acu");
    }
    let pause = source.and_then(|source| source.seconds_until_auto_pause()).filter(|_| min == 0.0);
    let pause = choices.choose("ServerlessV2ScalingConfiguration.SecondsUntilAutoPause", "", pause, None);
    let scaling = ServerlessV2ScalingConfiguration::builder().min_capacity(min).max_capacity(max);
    Ok(Some(scaling.set_seconds_until_auto_pause(pause).build()))
}

fn roles(choices: &mut Choices, from: &DbCluster) -> Option<Vec<DbClusterAssociatedRole>> {
    let name = |role: &DbClusterAssociatedRole| match role.feature_name() {
        Some(feature) => format!("{} ({feature})", role.role_arn()),
        None => role.role_arn().to_owned(),
    };
    let carried = from.associated_roles().iter().filter_map(|role| {
        let carried = DbClusterAssociatedRole::builder().set_role_arn(role.role_arn.clone());
        // Fails for a role without an ARN, which is none.
        carried.set_feature_name(role.feature_name.clone()).build().ok()
    });
    let roles: Vec<_> = carried.collect();
    choices.choose("AssociatedRoles", "", some(roles.iter().map(name).collect()), None)?;
    Some(roles)
}

/// A list that says something.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
