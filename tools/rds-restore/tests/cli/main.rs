//! `rds-restore` against an RDS in this process, moto, and a real PostgreSQL.

mod contract;
mod deleted;
mod errors;
mod examples;
mod login;
mod moto;
mod repeat;
mod restore;
mod settings;
mod states;
mod window;

use serde_json::Value;
use testkit::rds::{Server, cluster, instance};
use testkit::tool::{Output, Tool};

/// A time inside the window of [`cluster`].
const AT: &str = "2026-11-20T09:30:00Z";
/// The name of the restored cluster.
const TO: &str = "app-restore-1120";

/// An RDS with the cluster `app-prod`, its writer `app-prod-1` and a reader.
fn production() -> Server {
    let server = Server::start();
    {
        let mut state = server.state();
        state.clusters.push(cluster("app-prod"));
        state.instances.push(instance("app-prod-1", "app-prod", true));
        state.instances.push(instance("app-prod-2", "app-prod", false));
    }
    server
}

/// The tool for a server, without flags.
fn tool(server: &Server) -> Tool {
    Tool::new("rds-restore").endpoint(server.url())
}

/// A restore of `app-prod` at [`AT`].
fn restore(server: &Server) -> Tool {
    tool(server).args(["--from", "app-prod", "--to", TO, "--at", AT])
}

/// The only record.
#[track_caller]
fn record(output: &Output) -> Value {
    let records = output.assert_code(0).records();
    assert_eq!(records.len(), 1, "{}", output.text());
    records[0].clone()
}

/// The setting of this name in a record.
fn setting<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    record["restore"]["settings"].as_array()?.iter().find(|setting| setting["name"] == name)
}

/// The only line on stderr that is an error.
#[track_caller]
fn error(output: &Output) -> &str {
    let lines: Vec<&str> = output.stderr.lines().filter(|line| line.contains(": error: ")).collect();
    assert!(lines.len() == 1, "one error: {}", output.stderr);
    lines[0]
}

/// Nothing was asked for but reads.
#[track_caller]
fn assert_only_read(server: &Server) {
    let writes =
        ["RestoreDBClusterToPointInTime", "CreateDBInstance", "ModifyDBCluster", "EnableHttpEndpoint"];
    for operation in writes {
        assert_eq!(server.count(operation), 0, "{operation}");
    }
}
