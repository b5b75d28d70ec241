//! What is asked of RDS.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::create_db_instance::builders::CreateDbInstanceInputBuilder;
use aws_sdk_rds::operation::modify_db_cluster::builders::ModifyDbClusterInputBuilder;
use aws_sdk_rds::operation::restore_db_cluster_to_point_in_time::builders::RestoreDbClusterToPointInTimeInputBuilder;
use aws_sdk_rds::types::{DbCluster, DbClusterAutomatedBackup, DbInstance, Filter};
use common::aws::Trouble;

/// RDS in one region.
pub struct Rds {
    client: Client,
}

impl Rds {
    /// Over this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The cluster of this name, or nothing where there is none.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn cluster(&self, id: &str) -> Result<Option<DbCluster>, Trouble> {
        let answer = self.client.describe_db_clusters().db_cluster_identifier(id).send().await;
        match answer.map_err(|error| Trouble::new(&format!("DescribeDBClusters of {id}"), &error)) {
            Ok(answer) => Ok(answer.db_clusters.unwrap_or_default().into_iter().next()),
            Err(trouble) if trouble.code == "DBClusterNotFoundFault" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The instance of this name, or nothing where there is none.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn instance(&self, id: &str) -> Result<Option<DbInstance>, Trouble> {
        let answer = self.client.describe_db_instances().db_instance_identifier(id).send().await;
        match answer.map_err(|error| Trouble::new(&format!("DescribeDBInstances of {id}"), &error)) {
            Ok(answer) => Ok(answer.db_instances.unwrap_or_default().into_iter().next()),
            Err(trouble) if trouble.code == "DBInstanceNotFound" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The automated backup of the cluster with this resource id, there or deleted.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn backup(&self, resource_id: &str) -> Result<Option<DbClusterAutomatedBackup>, Trouble> {
        let request = self.client.describe_db_cluster_automated_backups().db_cluster_resource_id(resource_id);
        let what = format!("DescribeDBClusterAutomatedBackups of {resource_id}");
        match request.send().await.map_err(|error| Trouble::new(&what, &error)) {
            Ok(answer) => Ok(answer.db_cluster_automated_backups.unwrap_or_default().into_iter().next()),
            Err(trouble) if trouble.code == "DBClusterAutomatedBackupNotFoundFault" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What deleted clusters of this name left behind.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn retained(&self, id: &str) -> Result<Vec<DbClusterAutomatedBackup>, Trouble> {
        // The argument for a name takes only that of a cluster that is there (API reference).
        let named = Filter::builder().name("db-cluster-id").values(id).build();
        let request = self.client.describe_db_cluster_automated_backups().filters(named);
        let answer = request.send().await;
        let what = format!("DescribeDBClusterAutomatedBackups of {id}");
        let answer = answer.map_err(|error| Trouble::new(&what, &error))?;
        let mut backups = answer.db_cluster_automated_backups.unwrap_or_default();
        backups.retain(|backup| backup.status() == Some("retained"));
        Ok(backups)
    }

    /// Starts a restore.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn restore(
        &self,
        what: &str,
        input: RestoreDbClusterToPointInTimeInputBuilder,
    ) -> Result<(), Trouble> {
        let what = format!("RestoreDBClusterToPointInTime to {what}");
        input.send_with(&self.client).await.map(drop).map_err(|error| Trouble::new(&what, &error))
    }

    /// Creates an instance.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn create(&self, what: &str, input: CreateDbInstanceInputBuilder) -> Result<(), Trouble> {
        let answer = input.send_with(&self.client).await;
        answer.map(drop).map_err(|error| Trouble::new(&format!("CreateDBInstance {what}"), &error))
    }

    /// Changes a cluster.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn modify(&self, what: &str, input: ModifyDbClusterInputBuilder) -> Result<(), Trouble> {
        let answer = input.send_with(&self.client).await;
        answer.map(drop).map_err(|error| Trouble::new(&format!("ModifyDBCluster {what}"), &error))
    }

    /// Switches the HTTP endpoint of a cluster on.
    ///
    /// # Errors
    /// A request that failed after all its tries.
    pub async fn enable_http_endpoint(&self, arn: &str) -> Result<(), Trouble> {
        let answer = self.client.enable_http_endpoint().resource_arn(arn).send().await;
        answer.map(drop).map_err(|error| Trouble::new(&format!("EnableHttpEndpoint of {arn}"), &error))
    }
}

/// The writer of a cluster.
pub fn writer(cluster: &DbCluster) -> Option<&str> {
    let members = cluster.db_cluster_members();
    let writer = members.iter().find(|member| member.is_cluster_writer() == Some(true));
    writer.and_then(|writer| writer.db_instance_identifier())
}
