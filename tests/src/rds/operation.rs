//! Which handler carries out which operation.

use super::fields::Fields;
use super::refusal::Refusal;
use super::state::State;
use super::{delete, describe, instance, modify, restore, snapshot, tag};

/// Carries out a request; what it returns are the members of the operation's result.
pub(super) fn carry_out(state: &mut State, operation: &str, request: &Fields) -> Result<Fields, Refusal> {
    let handler = match operation {
        "DescribeDBClusters" => describe::clusters,
        "DescribeDBInstances" => describe::instances,
        "DescribeDBClusterAutomatedBackups" => describe::automated_backups,
        "DescribeDBClusterSnapshots" => snapshot::describe,
        "CreateDBClusterSnapshot" => snapshot::create,
        "DeleteDBInstance" => delete::instance,
        "DeleteDBCluster" => delete::cluster,
        "RestoreDBClusterToPointInTime" => restore::to_point_in_time,
        "CreateDBInstance" => instance::create,
        "ModifyDBCluster" => modify::cluster,
        "EnableHttpEndpoint" => modify::enable_http_endpoint,
        "AddTagsToResource" => tag::add,
        _ => {
            return Err(Refusal::new(400, "InvalidAction", format!("Could not find operation {operation}")));
        }
    };
    handler(state, request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rds::{cluster, instance};

    /// The code that a request is refused with, from a server that has the cluster `prod`.
    fn refused(operation: &str, form: &str) -> &'static str {
        let mut state = State::default();
        state.clusters.push(cluster("prod"));
        state.instances.push(instance("prod-1", "prod", true));
        carry_out(&mut state, operation, &Fields::of_form(form))
            .map_or_else(|refusal| refusal.code, |_| "none")
    }

    #[test]
    fn a_restore_that_contradicts_itself_is_refused() {
        let base = "DBClusterIdentifier=new&SourceDBClusterIdentifier=prod";
        let timed = format!("{base}&RestoreToTime=2026-11-20T09:30:00Z");
        let tags: String = (1..=51).map(|n| format!("&Tags.Tag.{n}.Key=k{n}&Tags.Tag.{n}.Value=")).collect();
        for (form, code) in [
            (timed.clone(), "none"),
            (format!("{base}&UseLatestRestorableTime=true"), "none"),
            (base.to_owned(), "MissingParameter"),
            (format!("{timed}&UseLatestRestorableTime=true"), "InvalidParameterCombination"),
            (format!("{timed}&UseLatestRestorableTime=false"), "InvalidParameterCombination"),
            (format!("{timed}&RestoreType=copy-on-write"), "InvalidParameterCombination"),
            (format!("{timed}&SourceDbClusterResourceId=cluster-PROD"), "InvalidParameterCombination"),
            (format!("{base}&RestoreToTime=2026-11-20T12:00:01Z"), "InvalidParameterValue"),
            (format!("{timed}{tags}"), "InvalidParameterValue"),
            (format!("{timed}&Tags.Tag.1.Key=aws:x&Tags.Tag.1.Value="), "InvalidParameterValue"),
            (format!("{timed}&Port=80"), "InvalidParameterValue"),
            (format!("{timed}&Iops=1000"), "InvalidParameterCombination"),
            (format!("{timed}&BacktrackWindow=60"), "InvalidParameterCombination"),
            (
                format!("{timed}&ServerlessV2ScalingConfiguration.MinCapacity=1"),
                "InvalidParameterCombination",
            ),
            (format!("{timed}&MonitoringInterval=60"), "InvalidParameterCombination"),
            (format!("{timed}&PerformanceInsightsRetentionPeriod=7"), "InvalidParameterCombination"),
            (
                format!("{timed}&EnablePerformanceInsights=true&PerformanceInsightsRetentionPeriod=8"),
                "InvalidParameterValue",
            ),
            (timed.replace("=new", "=prod"), "DBClusterAlreadyExistsFault"),
            (timed.replace("=prod", "=none"), "DBClusterNotFoundFault"),
        ] {
            assert_eq!(refused("RestoreDBClusterToPointInTime", &form), code, "{form}");
        }
    }

    #[test]
    fn an_instance_that_does_not_fit_its_cluster_is_refused() {
        let base = "DBInstanceIdentifier=new&DBClusterIdentifier=prod&Engine=aurora-postgresql";
        let serverless = format!("{base}&DBInstanceClass=db.serverless");
        for (form, code) in [
            (serverless.clone(), "none"),
            (base.to_owned(), "MissingParameter"),
            (serverless.replace("aurora-postgresql", "aurora-mysql"), "InvalidParameterCombination"),
            (format!("{serverless}&MasterUsername=a"), "InvalidParameterCombination"),
            (
                format!("{serverless}&VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1"),
                "InvalidParameterCombination",
            ),
            (serverless.replace("=new", "=prod-1"), "DBInstanceAlreadyExists"),
            (serverless.replace("=prod", "=none"), "DBClusterNotFoundFault"),
        ] {
            assert_eq!(refused("CreateDBInstance", &form), code, "{form}");
        }
        let mut state = State::default();
        state.clusters.push(cluster("prod"));
        let create = |state: &mut State| {
            let created = carry_out(state, "CreateDBInstance", &Fields::of_form(&serverless));
            created.map_or_else(|refusal| refusal.code, |_| "none")
        };
        let there = &mut state.clusters[0].fields;
        there.set("Status", "creating");
        assert_eq!(create(&mut state), "InvalidDBClusterStateFault");
        let there = &mut state.clusters[0].fields;
        there.set("Status", "available").remove("ServerlessV2ScalingConfiguration");
        assert_eq!(create(&mut state), "InvalidDBClusterStateFault");
    }
}
