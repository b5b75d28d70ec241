//! What stands in the way of a retirement, apart from connections.

use aws_sdk_rds::types::{ClusterScalabilityType, DbCluster};

use crate::cluster::AVAILABLE;

/// Why the cluster must not be retired as it is: one sentence for each reason.
pub fn of(cluster: &DbCluster, lift_protection: bool) -> Vec<String> {
    let mut reasons = Vec::new();
    let name = cluster.db_cluster_identifier().unwrap_or_default();
    let engine = cluster.engine().unwrap_or_default();
    // Multi-AZ DB clusters, Neptune and DocumentDB answer to the same requests and mean something else by them.
    if !engine.starts_with("aurora")
        || cluster.engine_mode() == Some("serverless")
        || cluster.cluster_scalability_type() == Some(&ClusterScalabilityType::Limitless)
    {
        reasons.push(format!("{name} is no Aurora cluster with DB instances, but {engine}"));
    }
    let status = cluster.status().unwrap_or("in no known state");
    if status.starts_with("stop") {
        reasons.push(format!(
            "{name} is {status}, and RDS deletes none that is: aws rds start-db-cluster --db-cluster-identifier {name}"
        ));
    } else if ["failed", "inaccessible", "incompatible"].iter().any(|bad| status.contains(bad)) {
        reasons.push(format!("{name} is {status}"));
    }
    if cluster.deletion_protection() == Some(true) && !lift_protection {
        reasons.push("deletion protection is on: say --lift-protection to turn it off".into());
    }
    if let Some(global) = cluster.global_cluster_identifier().filter(|global| !global.is_empty()) {
        reasons.push(format!("{name} belongs to the global database {global}: remove it from there first"));
    }
    if let Some(source) = cluster.replication_source_identifier().filter(|source| !source.is_empty()) {
        reasons.push(format!("{name} is a read replica of {source}: promote it first"));
    }
    let replicas = cluster.read_replica_identifiers();
    if !replicas.is_empty() {
        reasons
            .push(format!("{name} has read replicas: {}: delete or promote them first", replicas.join(", ")));
    }
    reasons
}

/// Why the cluster that takes the other's place is not ready for that.
///
/// LatestRestorableTime is null until a restore is complete, and no backup is made before (Aurora User Guide, "Backing up
/// and restoring").
pub fn of_replacement(name: &str, found: Option<&DbCluster>) -> Option<String> {
    let Some(found) = found else {
        return Some(format!("there is no cluster {name} (--restored)"));
    };
    match found.status() {
        Some(AVAILABLE) if found.db_cluster_members().is_empty() => {
            Some(format!("{name} has no DB instance yet"))
        }
        Some(AVAILABLE) if found.latest_restorable_time().is_none() => {
            Some(format!("{name} cannot be restored itself yet: it has no LatestRestorableTime"))
        }
        Some(AVAILABLE) => None,
        status => Some(format!("{name} is {}, not available", status.unwrap_or("in no known state"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_rds::types::DbClusterMember;
    use aws_sdk_rds::types::builders::DbClusterBuilder;
    use aws_smithy_types::DateTime;

    fn cluster() -> DbClusterBuilder {
        DbCluster::builder().db_cluster_identifier("app-prod").engine("aurora-postgresql").status(AVAILABLE)
    }

    #[test]
    fn each_reason_is_told() {
        assert_eq!(of(&cluster().build(), false), [""; 0]);
        for (cluster, expected) in [
            (cluster().engine("postgres"), "no Aurora cluster with DB instances, but postgres"),
            (cluster().engine_mode("serverless"), "no Aurora cluster"),
            (cluster().cluster_scalability_type(ClusterScalabilityType::Limitless), "no Aurora cluster"),
            (cluster().status("stopped"), "start-db-cluster --db-cluster-identifier app-prod"),
            (cluster().status("stopping"), "is stopping"),
            (cluster().status("inaccessible-encryption-credentials"), "inaccessible"),
            (cluster().deletion_protection(true), "--lift-protection"),
            (cluster().global_cluster_identifier("world"), "global database world"),
            (cluster().replication_source_identifier("arn:x"), "read replica of arn:x"),
            (cluster().read_replica_identifiers("arn:y"), "read replicas: arn:y"),
        ] {
            let reasons = of(&cluster.build(), false);
            assert!(matches!(&reasons[..], [one] if one.contains(expected)), "{expected}: {reasons:?}");
        }
        let all = cluster().status("stopped").deletion_protection(true).read_replica_identifiers("r");
        assert_eq!(of(&all.clone().build(), false).len(), 3);
        assert_eq!(of(&all.build(), true).len(), 2);
        assert_eq!(of(&cluster().status("failing-over").build(), false), [""; 0]);
    }

    #[test]
    fn a_replacement_serves_and_can_be_restored() {
        let member = DbClusterMember::builder().db_instance_identifier("new-1").build();
        let ready = || {
            cluster()
                .db_cluster_members(member.clone())
                .latest_restorable_time(DateTime::from_secs(1))
                .build()
        };
        assert_eq!(of_replacement("new", Some(&ready())), None);
        let (mut creating, mut empty, mut young) = (ready(), ready(), ready());
        creating.status = Some("creating".into());
        empty.db_cluster_members = None;
        young.latest_restorable_time = None;
        for (found, expected) in [
            (None, "there is no cluster new"),
            (Some(&creating), "new is creating"),
            (Some(&empty), "no DB instance"),
            (Some(&young), "LatestRestorableTime"),
        ] {
            let reason = of_replacement("new", found);
            assert!(
                reason.as_ref().is_some_and(|reason| reason.contains(expected)),
                "{expected}: {reason:?}"
            );
        }
    }
}
