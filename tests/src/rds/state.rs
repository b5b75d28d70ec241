//! What the server knows, and how tests make it behave.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::fields::Fields;
use super::refusal::Refusal;
use super::resource::{Resource, Stage};

/// All that the server knows. Tests read and write it as they like.
#[derive(Debug)]
pub struct State {
    /// Clusters, each with the members of the API's `DBCluster` but for its own members, which are [`State::instances`].
    pub clusters: Vec<Resource>,
    /// Instances, each with the members of `DBInstance`, and `IsClusterWriter` for the cluster's list of them.
    pub instances: Vec<Resource>,
    /// Manual and automatic snapshots: `DBClusterSnapshot`.
    pub snapshots: Vec<Resource>,
    /// Automated backups: `DBClusterAutomatedBackup`.
    pub backups: Vec<Resource>,
    /// What clusters that are restored will go through after `creating`.
    pub restore_stages: Vec<Stage>,
    /// What instances that are created will go through after `creating`.
    pub instance_stages: Vec<Stage>,
    /// What a cluster that is modified will go through after `modifying`.
    pub modify_stages: Vec<Stage>,
    /// What snapshots go through after `creating`.
    pub snapshot_stages: Vec<Stage>,
    /// How many looks a cluster or an instance lasts once its deletion began.
    pub deletion_looks: u32,
    /// The host of the endpoints of clusters that are restored, in the place of a name that leads nowhere.
    pub endpoint: Option<String>,
    /// Names and ids that are gone: a request for one of them is told that there is no such group or key.
    pub missing: BTreeSet<String>,
    /// Operations that never answer.
    pub hangs: BTreeMap<String, Hang>,
    /// Every request so far, in the order of their answers.
    pub log: Vec<Logged>,
    refusals: VecDeque<(String, Refusal)>,
}

/// What becomes of a request that is never answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hang {
    /// It is not carried out.
    Before,
    /// It is carried out.
    After,
}

/// A request and how it was answered.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Its `Action`, such as `CreateDBInstance`.
    pub operation: String,
    /// All that it said.
    pub request: Fields,
    /// The code of the error that it was answered with.
    pub refused: Option<&'static str>,
}

impl Default for State {
    fn default() -> Self {
        let available = Stage::after(1).with("Status", "available").without("PercentProgress");
        let restorable = Stage::after(1)
            .with("EarliestRestorableTime", "2026-11-25T02:00:00Z")
            .with("LatestRestorableTime", "2026-11-25T02:10:00Z");
        let ready = Stage::after(1).with("DBInstanceStatus", "available").with("IsClusterWriter", "true");
        Self {
            clusters: Vec::new(),
            instances: Vec::new(),
            snapshots: Vec::new(),
            backups: Vec::new(),
            restore_stages: vec![
                Stage::after(1).with("PercentProgress", "40"),
                available.clone(),
                restorable,
            ],
            instance_stages: vec![ready],
            modify_stages: vec![available],
            snapshot_stages: vec![
                Stage::after(1).with("PercentProgress", "40"),
                Stage::after(1).with("Status", "available").with("PercentProgress", "100"),
            ],
            deletion_looks: 2,
            endpoint: None,
            missing: BTreeSet::new(),
            hangs: BTreeMap::new(),
            log: Vec::new(),
            refusals: VecDeque::new(),
        }
    }
}

impl State {
    /// Answers the next request for this operation with an error; several are answered in their order.
    pub fn refuse(&mut self, operation: &str, refusal: Refusal) {
        self.refusals.push_back((operation.to_owned(), refusal));
    }

    /// A cluster by its name.
    pub fn cluster(&self, id: &str) -> Option<&Resource> {
        self.clusters.iter().find(|cluster| cluster.get("DBClusterIdentifier") == id)
    }

    /// The same, to be changed.
    pub fn cluster_mut(&mut self, id: &str) -> Option<&mut Resource> {
        self.clusters.iter_mut().find(|cluster| cluster.get("DBClusterIdentifier") == id)
    }

    /// An instance by its name.
    pub fn instance(&self, id: &str) -> Option<&Resource> {
        self.instances.iter().find(|instance| instance.get("DBInstanceIdentifier") == id)
    }

    /// The requests for one operation.
    pub fn sent(&self, operation: &str) -> Vec<&Fields> {
        let of_it = self.log.iter().filter(|logged| logged.operation == operation);
        of_it.map(|logged| &logged.request).collect()
    }

    /// The refusal that waits for this operation.
    pub(super) fn refusal(&mut self, operation: &str) -> Option<Refusal> {
        let index = self.refusals.iter().position(|(name, _)| name == operation)?;
        self.refusals.remove(index).map(|(_, refusal)| refusal)
    }

    /// Refuses a request that names what is gone.
    pub(super) fn check_missing(
        &self,
        request: &Fields,
        path: &str,
        code: &'static str,
    ) -> Result<(), Refusal> {
        let named = request.get(path).into_iter().chain(request.values(path));
        match named.into_iter().find(|name| self.missing.contains(*name)) {
            Some(name) => Err(Refusal::new(404, code, format!("{name} not found."))),
            None => Ok(()),
        }
    }
}
