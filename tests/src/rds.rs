//! Amazon RDS for what moto does not do: clusters and instances that change their state from look to look, throttling,
//! requests that hang, and refusals where the documentation says so.
//!
//! | rule | source |
//! |---|---|
//! | names of members, lists and errors | the API's service model, 2014-10-31 |
//! | a time or the latest, never both; a clone is always the latest | RestoreDBClusterToPointInTime |
//! | what a restore resets unless it is given: security groups, parameter group, subnet group, port, IAM login, deletion protection, log exports, storage type, scaling, lifecycle support, tags | RestoreDBClusterToPointInTime |
//! | a restored cluster has no restorable times until the restore is complete | Aurora User Guide, "Backing up and restoring" |
//! | instances only in an available cluster, of its engine; serverless ones only with a scaling configuration | CreateDBInstance |
//! | at most 50 tags, none of them named `aws:`, values of letters, digits, spaces and `_.:/=+-@` | Tagging Amazon RDS resources |
//! | a cluster is deleted when it is available, unprotected and without instances but those that are being deleted | DeleteDBCluster; Aurora User Guide, "Deleting Aurora DB clusters" |
//! | its automated backups go with it unless `DeleteAutomatedBackups` is false | DeleteDBCluster |
//! | automated backups are shown of clusters that are there, and `retained` ones of those that were | DescribeDBClusterAutomatedBackups |
//!
//! ```
//! use testkit::rds::{Server, Stage, cluster, instance};
//!
//! let server = Server::start();
//! server.state().clusters.push(cluster("app-prod"));
//! server.state().instances.push(instance("app-prod-1", "app-prod", true));
//! // What clusters that are restored from now on will go through, a stage after so many looks:
//! server.state().restore_stages = vec![
//!     Stage::after(2).with("PercentProgress", "40"),
//!     Stage::after(1).with("Status", "available").without("PercentProgress"),
//! ];
//! // Run a tool against server.url(), then look at what it sent:
//! assert_eq!(server.count("RestoreDBClusterToPointInTime"), 0);
//! ```
//!
//! To add an operation, write its handler into the file of its subject, with the rules that it keeps, and name it in
//! `operation.rs`. A handler takes the state and the request as [`Fields`], and returns the members of its result.

mod delete;
mod describe;
mod fields;
mod http;
mod instance;
mod modify;
mod operation;
mod refusal;
mod resource;
mod restore;
mod seed;
mod snapshot;
mod state;
mod tag;

use std::sync::MutexGuard;

use crate::answering;

pub use fields::Fields;
pub use refusal::Refusal;
pub use resource::{Resource, Stage};
pub use seed::{ACCOUNT, arn, automated_backup, cluster, instance};
pub use state::{Hang, Logged, State};

/// A running server, on threads of its own. It ends when it is dropped.
pub struct Server(answering::Server<State>);

impl Server {
    /// Starts an empty server on a free loopback port; it accepts connections when this returns.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start() -> Self {
        Self(answering::Server::start(State::default(), |state, _, body| http::answer(state, body)))
    }

    /// Where it listens, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// All that it knows, to be set up, looked at or changed; nothing is answered meanwhile.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// How many requests there were for an operation, whatever their answer.
    pub fn count(&self, operation: &str) -> usize {
        self.state().log.iter().filter(|logged| logged.operation == operation).count()
    }

    /// Waits until a request has brought this about.
    ///
    /// # Panics
    /// If it has not within two minutes.
    #[track_caller]
    pub fn wait_until(&self, is_reached: impl FnMut(&State) -> bool) {
        let is_reached = self.0.wait_until(is_reached);
        let state = self.state();
        assert!(is_reached, "not reached; the last requests: {:#?}", state.log.iter().rev().take(3));
    }
}
