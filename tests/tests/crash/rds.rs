//! Aurora clusters: restored, and decommissioned.

use std::sync::Arc;

use serde_json::{Value, json};
use testkit::cloudwatch::CloudWatch;
use testkit::crash::{Case, World, check, plain};
use testkit::rds::{Resource, Server, State, cluster, instance};

/// `app-prod` with a writer and a reader.
fn production() -> Server {
    let server = Server::start();
    let mut state = server.state();
    state.clusters.push(cluster("app-prod"));
    state.cluster_mut("app-prod").into_iter().for_each(|cluster| {
        cluster.fields.set("HttpEndpointEnabled", "true");
    });
    state.instances.push(instance("app-prod-1", "app-prod", true));
    state.instances.push(instance("app-prod-2", "app-prod", false));
    drop(state);
    server
}

/// All that RDS has. What it is looked at, it is not meanwhile.
fn all(state: &State) -> Value {
    let each = |resources: &[Resource], status: &str| {
        let left = resources.iter().filter(|resource| resource.get(status) != "deleting");
        left.map(|resource| format!("{:?}", resource.fields)).collect::<Vec<_>>()
    };
    json!({
        "clusters": each(&state.clusters, "Status"),
        "instances": each(&state.instances, "DBInstanceStatus"),
        "snapshots": each(&state.snapshots, "Status"),
        "backups": each(&state.backups, "Status"),
    })
}

pub fn restore() -> World {
    let server = Arc::new(production());
    let url = server.url().to_owned();
    World::new(move || all(&server.state())).service("AWS_ENDPOINT_URL_RDS", &url)
}

/// A restore that an earlier run began or finished is the same restore.
pub fn restored(record: &mut Value) {
    plain::as_one(record, "/restore/action", &["restored", "resumed", "already"]);
}

#[test]
fn rds_restore() {
    check(&Case {
        plain: restored,
        seeds: 8,
        ..Case::new(
            "rds-restore",
            "rds-restore --from app-prod --to app-restore-1120 --at 2026-11-20T09:30:00Z > restored.jsonl",
            restore,
        )
    });
}

fn retire() -> World {
    let (server, cloudwatch) = (production(), CloudWatch::start());
    let mut state = server.state();
    state.clusters.push(cluster("app-restore-1120"));
    state.instances.push(instance("app-restore-1120-writer", "app-restore-1120", true));
    drop(state);
    cloudwatch.connections("app-prod-1", 0);
    cloudwatch.connections("app-prod-2", 0);
    let (rds, metrics) = (server.url().to_owned(), cloudwatch.url().to_owned());
    let world = World::new(move || {
        let _kept = &cloudwatch;
        all(&server.state())
    });
    world.service("AWS_ENDPOINT_URL_RDS", &rds).service("AWS_ENDPOINT_URL_CLOUDWATCH", &metrics)
}

#[test]
fn rds_retire() {
    check(&Case {
        plain: |record| plain::as_one(record, "/retire/action", &["retired", "already"]),
        seeds: 8,
        ..Case::new(
            "rds-retire",
            "rds-retire app-prod --yes app-prod --restored app-restore-1120 --lift-protection > retired.jsonl",
            retire,
        )
    });
}
