//! What a restore leaves behind.

use aws_sdk_rds::types::{ActivityStreamStatus, LocalWriteForwardingStatus};

use crate::overrides::Overrides;
use crate::source::Source;

/// What belongs to other services or names its cluster, and is not looked at.
const NOT_LOOKED_AT: [&str; 5] = [
    "Application Auto Scaling targets",
    "event subscriptions",
    "CloudWatch alarms",
    "RDS Proxy targets",
    "zero-ETL integrations",
];

/// What the new cluster will not have.
pub(super) fn behind(source: &Source, given: &Overrides) -> Vec<String> {
    let cluster = &source.cluster;
    let mut left = Vec::new();
    if cluster.master_user_secret().is_some() && !given.manage_master_user_password {
        left.push("the master password in Secrets Manager (--manage-master-user-password)".to_owned());
    }
    let writer = source.writer.as_ref().and_then(|writer| writer.db_instance_identifier());
    let members = cluster.db_cluster_members().iter().filter_map(|member| member.db_instance_identifier());
    left.extend(members.filter(|id| Some(*id) != writer).map(|id| format!("the reader {id}")));
    left.extend(cluster.custom_endpoints().iter().map(|name| format!("the custom endpoint {name}")));
    if let Some(global) = cluster.global_cluster_identifier() {
        left.push(format!("membership in the global database {global}"));
    }
    let streams = |status: &&ActivityStreamStatus| {
        matches!(status, ActivityStreamStatus::Started | ActivityStreamStatus::Starting)
    };
    if cluster.activity_stream_status().filter(streams).is_some() {
        left.push("the database activity stream".to_owned());
    }
    let forwards = |status: &&LocalWriteForwardingStatus| {
        !matches!(status, LocalWriteForwardingStatus::Disabled | LocalWriteForwardingStatus::Disabling)
    };
    if cluster.local_write_forwarding_status().filter(forwards).is_some() {
        left.push("local write forwarding".to_owned());
    }
    left.extend(NOT_LOOKED_AT.map(str::to_owned));
    left
}
