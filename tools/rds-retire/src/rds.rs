//! What is asked of RDS.

use anyhow::anyhow;
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbClusterAutomatedBackup, DbInstance, Filter, Tag};
use common::aws::Trouble;

use crate::cluster::World;

/// The code of a snapshot whose name is taken.
const EXISTS: &str = "DBClusterSnapshotAlreadyExistsFault";

/// Codes that say a cluster, DB instance or snapshot is not, or is no longer, in the state that a request needs. Another
/// look tells what is to be done.
const STATE: [&str; 6] = [
    "DBClusterNotFoundFault",
    EXISTS,
    "DBInstanceNotFound",
    "InvalidDBClusterSnapshotStateFault",
    "InvalidDBClusterStateFault",
    "InvalidDBInstanceState",
];

/// Whether another look may lead on.
pub fn is_state(trouble: &Trouble) -> bool {
    STATE.contains(&trouble.code.as_str())
}

/// RDS, for one cluster.
pub struct Rds {
    client: Client,
    cluster: String,
}

impl Rds {
    /// For the cluster of this name.
    pub fn new(client: Client, cluster: &str) -> Self {
        Self { client, cluster: cluster.to_owned() }
    }

    /// Looks at the cluster, its DB instances and its manual snapshots.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn look(&self) -> Result<World, Trouble> {
        let cluster = self.cluster(&self.cluster).await?;
        let instances = if cluster.is_some() { self.instances().await? } else { Vec::new() };
        let what = format!("DescribeDBClusterSnapshots of {}", self.cluster);
        // The filter takes the name of a cluster that is gone; the argument for it does not.
        let request = self.client.describe_db_cluster_snapshots().snapshot_type("manual");
        let snapshots = request.filters(self.filter()).into_paginator().items().send().try_collect().await;
        let snapshots = snapshots.map_err(|error| Trouble::new(&what, &error))?;
        Ok(World { cluster, instances, snapshots })
    }

    /// The cluster of this name, or nothing when there is none.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn cluster(&self, name: &str) -> Result<Option<DbCluster>, Trouble> {
        let answer = self.client.describe_db_clusters().db_cluster_identifier(name).send().await;
        match answer.map_err(|error| Trouble::new(&format!("DescribeDBClusters of {name}"), &error)) {
            Ok(answer) => Ok(answer.db_clusters.unwrap_or_default().into_iter().next()),
            Err(trouble) if trouble.code == "DBClusterNotFoundFault" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    async fn instances(&self) -> Result<Vec<DbInstance>, Trouble> {
        let what = format!("DescribeDBInstances of {}", self.cluster);
        let request = self.client.describe_db_instances().filters(self.filter());
        let instances = request.into_paginator().items().send().try_collect().await;
        instances.map_err(|error| Trouble::new(&what, &error))
    }

    fn filter(&self) -> Filter {
        Filter::builder().name("db-cluster-id").values(&self.cluster).build()
    }

    /// The automated backups of a cluster that is there or was, or nothing when there are none.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn backups(&self, resource_id: &str) -> Result<Option<DbClusterAutomatedBackup>, Trouble> {
        let request = self.client.describe_db_cluster_automated_backups().db_cluster_resource_id(resource_id);
        let what = format!("DescribeDBClusterAutomatedBackups of {resource_id}");
        match request.send().await.map_err(|error| Trouble::new(&what, &error)) {
            Ok(answer) => Ok(answer.db_cluster_automated_backups.unwrap_or_default().into_iter().next()),
            Err(trouble) if trouble.code == "DBClusterAutomatedBackupNotFoundFault" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Makes a snapshot with these tags.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn make_snapshot(&self, name: &str, tags: Vec<Tag>) -> Result<(), Trouble> {
        let request = self.client.create_db_cluster_snapshot().db_cluster_identifier(&self.cluster);
        let made = request.db_cluster_snapshot_identifier(name).set_tags(Some(tags)).send().await;
        let what = format!("CreateDBClusterSnapshot {name} of {}", self.cluster);
        let Err(trouble) = made.map_err(|error| Trouble::new(&what, &error)) else { return Ok(()) };
        if trouble.code == EXISTS && self.look().await?.snapshot(name).is_none() {
            let message = format!("{}; it is another cluster's: give another --snapshot-id", trouble.message);
            return Err(Trouble { code: "SnapshotOfAnother".into(), message, ..trouble });
        }
        Err(trouble)
    }

    /// Adds tags to a snapshot that is there.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn tag(&self, snapshot_arn: &str, tags: Vec<Tag>) -> Result<(), Trouble> {
        let request = self.client.add_tags_to_resource().resource_name(snapshot_arn).set_tags(Some(tags));
        let what = format!("AddTagsToResource {snapshot_arn}");
        request.send().await.map(drop).map_err(|error| Trouble::new(&what, &error))
    }

    /// Turns deletion protection off.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn lift_protection(&self) -> Result<(), Trouble> {
        let request = self.client.modify_db_cluster().db_cluster_identifier(&self.cluster);
        let lifted = request.deletion_protection(false).apply_immediately(true).send().await;
        let what = format!("ModifyDBCluster {}", self.cluster);
        lifted.map(drop).map_err(|error| Trouble::new(&what, &error))
    }

    /// Deletes a DB instance. It holds no data of its own, so that there is nothing to make a final snapshot of.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn delete_instance(&self, id: &str) -> Result<(), Trouble> {
        let request = self.client.delete_db_instance().db_instance_identifier(id);
        let deleted = request.skip_final_snapshot(true).send().await;
        deleted.map(drop).map_err(|error| Trouble::new(&format!("DeleteDBInstance {id}"), &error))
    }

    /// Deletes the cluster. Without `DeleteAutomatedBackups=false` the automated backups would go with it (API reference,
    /// DeleteDBCluster).
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn delete_cluster(&self, last: &str) -> Result<(), Trouble> {
        let request = self.client.delete_db_cluster().db_cluster_identifier(&self.cluster);
        let request = request.skip_final_snapshot(false).final_db_snapshot_identifier(last);
        let deleted = request.delete_automated_backups(false).send().await;
        deleted.map(drop).map_err(|error| Trouble::new(&format!("DeleteDBCluster {}", self.cluster), &error))
    }
}

/// The end of the run, with what to do about it where that is known.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    match trouble.code.as_str() {
        "AccessDenied" | "AccessDeniedException" => {
            anyhow!("{} (the README lists the permissions that are needed)", trouble.message)
        }
        _ => trouble.into(),
    }
}
