//! The command line, read into ready types.

use std::time::Duration;

use clap::Parser;
use common::Usage;
use common::args;
use common::aws::AwsArgs;
use common::time::{length, minutes};

/// Decommission an Aurora cluster and keep the way back
///
/// Makes a snapshot of the cluster, then deletes its DB instances, then the cluster, with a final snapshot and with its
/// automated backups retained. Writes one record that holds the commands which bring the cluster back.
///
/// Refuses while anybody is connected, while the cluster that replaces it cannot be restored itself, and while deletion
/// protection is on. Run again after a crash or a signal, it goes on where it was.
#[derive(Debug, Parser)]
#[command(name = "rds-retire", version, after_long_help = AFTER)]
pub struct Cli {
    /// The cluster to retire (DBClusterIdentifier)
    #[arg(value_name = "CLUSTER", value_parser = identifier)]
    pub cluster: String,

    /// The same name again: without it nothing is deleted
    #[arg(long, value_name = "CLUSTER", value_parser = identifier)]
    pub yes: Option<String>,

    /// The cluster that takes its place: it must be available, with an instance, and restorable by now
    #[arg(long, value_name = "CLUSTER", value_parser = identifier, required_unless_present = "no_restored")]
    pub restored: Option<String>,

    /// No cluster takes its place
    #[arg(long, conflicts_with = "restored")]
    pub no_restored: bool,

    /// Turn deletion protection off, where it is on
    #[arg(long)]
    pub lift_protection: bool,

    /// Refuse if a connection was seen this short a time ago (whole minutes, up to a day)
    #[arg(long, value_name = "TIME", value_parser = minutes, default_value = "15m")]
    pub quiet_for: Duration,

    /// Retire it even if connections are seen, or if CloudWatch cannot tell
    #[arg(long)]
    pub allow_connections: bool,

    /// The name of the snapshot that is made first; one of this cluster that is there already is taken
    ///
    /// Without this flag the name is made of the cluster's name and resource id.
    #[arg(long, value_name = "NAME", value_parser = identifier)]
    pub snapshot_id: Option<String>,

    /// Give up after this time; what was begun goes on in AWS
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "2h")]
    pub timeout: Duration,

    /// Make all checks, say what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub aws: AwsArgs,

    #[command(flatten)]
    pub common: args::Common,
}

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

impl Cli {
    /// What clap cannot check: that the cluster was named twice, and that its replacement is another.
    ///
    /// # Errors
    /// [`Usage::Wrong`] with what to say instead.
    pub fn check(&self) -> Result<(), Usage> {
        let Self { cluster, .. } = self;
        let wrong = match (&self.yes, &self.restored) {
            (None, _) if !self.dry_run => {
                format!(
                    "nothing was done: say --dry-run to see what would be, or --yes {cluster} to retire it"
                )
            }
            (Some(yes), _) if yes != cluster => {
                format!("--yes {yes} is not the cluster to retire, {cluster}")
            }
            (_, Some(restored)) if restored == cluster => {
                format!("{cluster} cannot take its own place: name another cluster with --restored")
            }
            _ => return Ok(()),
        };
        Err(Usage::Wrong(wrong))
    }
}

const AFTER: &str = "\
Examples:
  See what would be done, and what stands in the way:
    rds-retire app-prod --restored app-restore-1120 --dry-run

  Retire the old cluster after the swap, and keep the evidence:
    rds-retire app-prod --yes app-prod --restored app-restore-1120 \\
      > retired.jsonl

  One that is protected, after a whole hour without connections:
    rds-retire app-prod --yes app-prod --restored app-restore-1120 \\
      --lift-protection --quiet-for 1h

Order:
  Snapshot, made and verified; deletion protection; readers; writer; cluster with its final
  snapshot. The checks are made again before each of these, and what is deleted is what was
  looked at in the beginning: a cluster that was deleted and created anew under the same name
  meanwhile has another DbClusterResourceId and is left alone.

Connections:
  CloudWatch must have counted none (DatabaseConnections) for any instance in every minute of
  --quiet-for. A minute without data counts as unknown and is refused too: an instance that runs
  reports each minute, also one that is paused. Clients behind RDS Proxy or a pool that is idle
  count as connections. CloudWatch is a minute or a few behind.

Ways back:
  bring_back in the record restores the final snapshot under the old name, with the network,
  groups, roles, tags and instances that the cluster had. point_in_time, with an instant in the
  place of TIME, is for any second that the retained automated backups reach; they expire as they
  would have. Both are kept as tags of the first snapshot too. Neither restores custom endpoints,
  autoscaling, alarms or RDS Proxy targets.

Repeating:
  A repeat finds the snapshots by their names and goes on with what is left. When the cluster is
  gone and its final snapshot is there, it says already.

Exit codes:
  0 retired, or it was already; 1 refused or aborted; 2 usage; 101 a bug. On SIGINT or SIGTERM
  nothing more is begun; what was cannot be cancelled and is told.";

fn identifier(text: &str) -> Result<String, String> {
    let valid = text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.ends_with('-')
        && !text.contains("--");
    // RDS keeps identifiers in lower case, however they are written.
    valid.then(|| text.to_ascii_lowercase()).ok_or_else(|| {
        format!("{text:?} is no identifier: 1 to 63 letters, digits and single hyphens, as in app-prod")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_those_of_rds() {
        assert_eq!(identifier("App-Prod"), Ok("app-prod".to_owned()));
        for wrong in ["", "-a", "a-", "a--b", "1a", "a_b", "a b", "arn:aws:rds", &"a".repeat(64)] {
            assert!(identifier(wrong).is_err(), "{wrong}");
        }
    }
}
