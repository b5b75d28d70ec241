//! What RDS says of a cluster, its DB instances and its snapshots at one moment.

use anyhow::{Context, Result, ensure};
use aws_sdk_rds::types::{DbCluster, DbClusterSnapshot, DbInstance};

use crate::kept::Kept;
use crate::names::Names;
use crate::tags;

/// The state that something is in while RDS deletes it.
pub const DELETING: &str = "deleting";
/// The state that something is in when it is ready.
pub const AVAILABLE: &str = "available";

/// One look.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The cluster, or nothing when there is none of its name.
    pub cluster: Option<DbCluster>,
    /// Its DB instances, also those that are being deleted.
    pub instances: Vec<DbInstance>,
    /// The manual snapshots of every cluster that ever had its name.
    pub snapshots: Vec<DbClusterSnapshot>,
}

/// What is to be retired, as it was when the run began.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub cluster: String,
    /// Its `DbClusterResourceId`, which no other cluster ever has.
    pub resource_id: String,
    /// Its engine.
    pub engine: String,
    /// The `DbiResourceId` of each of its DB instances.
    pub instances: Vec<String>,
    /// Its snapshots.
    pub names: Names,
}

impl Target {
    /// The cluster that is there, or the one of this name that was retired last; nothing when there is no trace of one.
    ///
    /// # Errors
    /// RDS left out what tells one cluster from another.
    pub fn of(cluster: &str, world: &World, snapshot_id: Option<&str>) -> Result<Option<Self>> {
        let (resource_id, engine) = match (&world.cluster, world.retired(cluster)) {
            (Some(found), _) => (found.db_cluster_resource_id(), found.engine()),
            (None, Some(last)) => (last.db_cluster_resource_id(), last.engine()),
            (None, None) => return Ok(None),
        };
        let resource_id = resource_id.with_context(|| format!("{cluster} has no DbClusterResourceId"))?;
        let mut names = Names::of(cluster, resource_id);
        if let Some(name) = snapshot_id.or_else(|| world.keeper(&names.last).map(|(name, _)| name)) {
            name.clone_into(&mut names.snapshot);
        }
        ensure!(names.snapshot != names.last, "{} is the name of the final snapshot", names.last);
        Ok(Some(Self {
            cluster: cluster.to_owned(),
            resource_id: resource_id.to_owned(),
            engine: engine.unwrap_or_default().to_owned(),
            instances: world.instances.iter().filter_map(|one| one.dbi_resource_id.clone()).collect(),
            names,
        }))
    }
}

impl World {
    /// Whether the cluster is there and nobody deletes it.
    pub fn is_alive(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.status() != Some(DELETING))
    }

    /// The snapshot of this name.
    pub fn snapshot(&self, id: &str) -> Option<&DbClusterSnapshot> {
        self.snapshots.iter().find(|one| one.db_cluster_snapshot_identifier() == Some(id))
    }

    /// The DB instances that nobody deletes yet, readers first.
    pub fn standing(&self) -> Vec<&DbInstance> {
        let mut standing: Vec<_> =
            self.instances.iter().filter(|one| one.db_instance_status() != Some(DELETING)).collect();
        standing.sort_by_key(|one| self.is_writer(one));
        standing
    }

    /// Whether this DB instance takes the cluster's writes.
    pub fn is_writer(&self, instance: &DbInstance) -> bool {
        let members = self.cluster.as_ref().map(DbCluster::db_cluster_members).unwrap_or_default();
        members.iter().any(|member| {
            member.is_cluster_writer() == Some(true)
                && member.db_instance_identifier() == instance.db_instance_identifier()
        })
    }

    /// What an earlier run kept with the cluster's first snapshot.
    pub fn stored(&self, target: &Target) -> Option<Kept> {
        self.keeper(&target.names.last).and_then(|(_, text)| Kept::of_text(&text))
    }

    /// The snapshot that holds the way back from this final snapshot, by its name, and what it holds.
    fn keeper(&self, last: &str) -> Option<(&str, String)> {
        self.snapshots.iter().find_map(|one| {
            // A cluster that was restored may have inherited the tags, and speak of another.
            let text = tags::to_text(one.tag_list()).filter(|text| text.contains(last))?;
            Some((one.db_cluster_snapshot_identifier()?, text))
        })
    }

    /// The newest final snapshot that a retirement of this cluster made.
    fn retired(&self, cluster: &str) -> Option<&DbClusterSnapshot> {
        let finals = self.snapshots.iter().filter(|one| {
            one.db_cluster_resource_id().is_some_and(|resource_id| {
                one.db_cluster_snapshot_identifier() == Some(&*Names::of(cluster, resource_id).last)
            })
        });
        finals.max_by_key(|one| one.snapshot_create_time().map(|time| time.as_nanos()))
    }
}

/// The identifier of a DB instance.
pub fn id(instance: &DbInstance) -> &str {
    instance.db_instance_identifier().unwrap_or_default()
}
