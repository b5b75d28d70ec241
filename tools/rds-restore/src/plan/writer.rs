//! The settings of the writer: API reference, CreateDBInstance, for a member of an Aurora cluster.

use anyhow::{Context, Result, bail};
use aws_sdk_rds::operation::create_db_instance::builders::CreateDbInstanceInputBuilder as Input;
use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDbClusterToPointInTimeInputBuilder;
use aws_sdk_rds::types::DbInstance;

use crate::choose::{By, Choices};
use crate::cli::Cli;
use crate::mark::{self, Mark};
use crate::overrides::Class;
use crate::source::{Source, text};

/// The class whose capacity follows the load.
const SERVERLESS: &str = "db.serverless";

/// The request for the writer.
pub(super) fn input(
    choices: &mut Choices,
    source: &Source,
    cli: &Cli,
    cluster: &RestoreDbClusterToPointInTimeInputBuilder,
    mark: &Mark,
) -> Result<Input> {
    let (from, given) = (source.writer.as_ref(), &cli.overrides);
    choices.set_known(from.is_some());
    let class = class(choices, source, given.instance_class.as_ref())?;
    if class == SERVERLESS && cluster.get_serverless_v2_scaling_configuration().is_none() {
        let same = match from.and_then(DbInstance::db_instance_class) {
            Some(class) if class != SERVERLESS => format!(", or --instance-class same ({class})"),
            _ => ", or --instance-class".to_owned(),
        };
        bail!(
            "the writer would be {SERVERLESS}, and {} has no scaling configuration: give --min-acu and --max-acu{same}",
            source.id
        );
    }
    let group = from.and_then(|from| from.db_parameter_groups().first());
    let input = Input::default()
        .db_instance_identifier(cli.writer_id())
        .db_cluster_identifier(&cli.to)
        .engine(source.cluster.engine().context("a source without an engine")?)
        .db_instance_class(class)
        .set_db_parameter_group_name(choices.choose(
            "writer.DBParameterGroupName",
            "--instance-parameter-group",
            group.and_then(|group| text(&group.db_parameter_group_name)),
            given.instance_parameter_group.clone(),
        ))
        .set_ca_certificate_identifier(choices.choose(
            "writer.CACertificateIdentifier",
            "--ca-certificate-identifier",
            from.and_then(|from| text(&from.ca_certificate_identifier)),
            given.ca_certificate_identifier.clone(),
        ))
        .set_publicly_accessible(choices.choose(
            "writer.PubliclyAccessible",
            "",
            from.and_then(|from| from.publicly_accessible),
            None,
        ))
        .set_promotion_tier(choices.choose(
            "writer.PromotionTier",
            "",
            from.and_then(|from| from.promotion_tier),
            None,
        ))
        .set_auto_minor_version_upgrade(choices.choose(
            "writer.AutoMinorVersionUpgrade",
            "",
            from.and_then(|from| from.auto_minor_version_upgrade),
            None,
        ))
        .set_preferred_maintenance_window(choices.choose(
            "writer.PreferredMaintenanceWindow",
            "",
            from.and_then(|from| text(&from.preferred_maintenance_window)),
            None,
        ));
    let input = watched(choices, input, from);
    let tags = from.map(DbInstance::tag_list).unwrap_or_default();
    Ok(input.set_tags(Some(mark::tags(tags, &given.tag, &given.drop_tag, mark)?)))
}

fn class(choices: &mut Choices, source: &Source, given: Option<&Class>) -> Result<String> {
    let old = source.writer.as_ref().and_then(|writer| writer.db_instance_class.clone());
    let (class, by) = match given {
        None => (SERVERLESS.to_owned(), By::Default),
        Some(Class::Named(class)) => (class.clone(), By::Override),
        Some(Class::Same) => match &old {
            Some(class) => (class.clone(), By::Carried),
            None => bail!("--instance-class same: {} has no writer whose class is known", source.id),
        },
    };
    choices.note("writer.DBInstanceClass", old, Some(class.clone()), by);
    Ok(class)
}

/// Metrics, as the source's writer has them. A role without an interval is refused by the service, and the other way
/// round.
fn watched(choices: &mut Choices, input: Input, from: Option<&DbInstance>) -> Input {
    let interval = from.and_then(|from| from.monitoring_interval).filter(|seconds| *seconds > 0);
    let insights = from.and_then(|from| from.performance_insights_enabled).filter(|on| *on);
    let with_insights = from.filter(|_| insights.is_some());
    input
        .set_monitoring_interval(choices.choose("writer.MonitoringInterval", "", interval, None))
        .set_monitoring_role_arn(choices.choose(
            "writer.MonitoringRoleArn",
            "",
            from.and_then(|from| text(&from.monitoring_role_arn)).filter(|_| interval.is_some()),
            None,
        ))
        .set_enable_performance_insights(choices.choose(
            "writer.EnablePerformanceInsights",
            "",
            insights,
            None,
        ))
        .set_performance_insights_kms_key_id(choices.choose(
            "writer.PerformanceInsightsKMSKeyId",
            "",
            with_insights.and_then(|from| text(&from.performance_insights_kms_key_id)),
            None,
        ))
        .set_performance_insights_retention_period(choices.choose(
            "writer.PerformanceInsightsRetentionPeriod",
            "",
            with_insights.and_then(|from| from.performance_insights_retention_period),
            None,
        ))
}
