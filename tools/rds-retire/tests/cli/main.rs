//! The real binary against an RDS and a CloudWatch of this process.

mod checks;
mod contract;
mod examples;
mod interrupted;
mod retire;

use serde_json::Value;
use testkit::cloudwatch::CloudWatch;
use testkit::rds::{Server, State, cluster, instance};
use testkit::tool::{Output, Tool};

/// Requests that change something, in the order in which a retirement makes them.
const CHANGES: [&str; 5] = [
    "CreateDBClusterSnapshot",
    "AddTagsToResource",
    "ModifyDBCluster",
    "DeleteDBInstance",
    "DeleteDBCluster",
];
const RESOURCE_ID: &str = "cluster-APPPROD";
const SNAPSHOT: &str = "app-prod-retire-appprod";
const FINAL: &str = "app-prod-final-appprod";

/// `app-prod`, a writer and a reader, unprotected and without connections, beside `app-restore-1120` that replaces it.
struct Incident {
    rds: Server,
    cloudwatch: CloudWatch,
}

impl Incident {
    fn new() -> Self {
        let (rds, cloudwatch) = (Server::start(), CloudWatch::start());
        let mut state = rds.state();
        state.clusters.extend([cluster("app-prod"), cluster("app-restore-1120")]);
        state.instances.extend([
            instance("app-prod-1", "app-prod", true),
            instance("app-prod-2", "app-prod", false),
            instance("app-restore-1120-writer", "app-restore-1120", true),
        ]);
        drop(state);
        let incident = Self { rds, cloudwatch };
        incident.set("DeletionProtection", "false");
        incident.cloudwatch.connections("app-prod-1", 0);
        incident.cloudwatch.connections("app-prod-2", 0);
        incident
    }

    /// Sets a member of `app-prod`.
    fn set(&self, path: &str, value: &str) {
        self.rds.state().cluster_mut("app-prod").into_iter().for_each(|cluster| {
            cluster.fields.set(path, value);
        });
    }

    /// `rds-retire` as it is, with what the environment has to say.
    fn plain(&self) -> Tool {
        Tool::new("rds-retire")
            .env("AWS_ENDPOINT_URL_RDS", self.rds.url())
            .env("AWS_ENDPOINT_URL_CLOUDWATCH", self.cloudwatch.url())
    }

    /// `rds-retire` with all that it takes to retire `app-prod`.
    fn tool(&self) -> Tool {
        self.plain().args(["app-prod", "--yes", "app-prod", "--restored", "app-restore-1120"])
    }

    fn run(&self, flags: &[&str]) -> Output {
        self.tool().args(flags).run()
    }

    /// The changes that RDS made, each by its operation and what it was about.
    fn changes(&self) -> Vec<String> {
        changes(&self.rds.state())
    }

    /// Whether `app-prod` is gone and its final snapshot can be restored.
    fn is_retired(&self) -> bool {
        let mut state = self.rds.state();
        state.clusters.retain(|one| one.get("Status") != "deleting");
        let last = state.snapshots.iter().find(|one| one.get("DBClusterSnapshotIdentifier") == FINAL);
        state.cluster("app-prod").is_none() && last.is_some_and(|last| last.get("Status") == "available")
    }
}

fn changes(state: &State) -> Vec<String> {
    let made = state
        .log
        .iter()
        .filter(|logged| logged.refused.is_none() && CHANGES.contains(&logged.operation.as_str()));
    made.map(|logged| {
        let names =
            ["DBClusterSnapshotIdentifier", "DBInstanceIdentifier", "DBClusterIdentifier", "ResourceName"];
        let about = names.iter().find_map(|name| logged.request.get(name)).unwrap_or_default();
        format!("{} {about}", logged.operation)
    })
    .collect()
}

/// The field `retire` of the only record.
#[track_caller]
fn retire(output: &Output) -> Value {
    let records = output.records();
    assert_eq!(records.len(), 1, "{}", output.stderr);
    assert_eq!(records[0]["cluster"], "app-prod");
    records[0]["retire"].clone()
}

/// The only error on stderr.
#[track_caller]
fn error(output: &Output) -> &str {
    let errors: Vec<_> = output.stderr.lines().filter(|line| line.contains("error:")).collect();
    let [error] = errors[..] else { panic!("not one error:\n{}", output.stderr) };
    error
}
