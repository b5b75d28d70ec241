//! The command line, read into ready types.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use common::aws::AwsArgs;
use common::pg::PgArgs;
use common::time::{instant, length};
use common::{Usage, args};
use jiff::Timestamp;

use crate::overrides::Overrides;

/// Restore an Aurora cluster to a point in time, with the settings that a restore would lose
///
/// Creates a new cluster from the backups of another one, gives it the settings of that one (a restore by itself has the
/// default security group, parameter groups, port, storage type and so on), creates its writer, waits until it can be used
/// and restored in its turn, and writes one record with its endpoints. The source is only read.
///
/// Reads no stdin.
#[derive(Debug, Parser)]
#[command(name = "rds-restore", version, after_long_help = AFTER)]
pub struct Cli {
    /// The cluster to restore from
    #[arg(long, value_name = "CLUSTER", value_parser = identifier, required_unless_present = "from_resource_id")]
    pub from: Option<String>,

    /// The resource id of a deleted cluster whose automated backups were retained
    #[arg(long, value_name = "ID", value_parser = resource_id, conflicts_with = "from")]
    pub from_resource_id: Option<String>,

    /// The name of the new cluster
    #[arg(long, value_name = "CLUSTER", value_parser = identifier)]
    pub to: String,

    /// Restore what the cluster was at this instant
    #[arg(long, value_name = "TIME", value_parser = instant, required_unless_present = "latest")]
    pub at: Option<Timestamp>,

    /// Restore the latest state that can be restored, most often that of five minutes ago
    #[arg(long, conflicts_with = "at")]
    pub latest: bool,

    /// Log in to the new writer with the PostgreSQL URL in this environment variable
    ///
    /// User, password and database are taken from it, host and port are those of the new cluster.
    #[arg(long, value_name = "NAME")]
    pub connect_env: Option<String>,

    /// Trust the certificate authorities in this PEM file at that login: for Aurora, AWS's global-bundle.pem
    #[arg(long, value_name = "FILE", requires = "connect_env")]
    pub ca_file: Option<PathBuf>,

    /// Log in with an IAM token instead of a password
    #[arg(long, requires = "connect_env")]
    pub iam: bool,

    /// Do not wait until the new cluster can be restored in its turn
    ///
    /// Its restorable times are null until the restore is complete in all its parts. Before that, nothing should be
    /// deleted that it was made from.
    #[arg(long)]
    pub no_wait_restorable: bool,

    /// Give up waiting after this; the restore itself goes on in AWS
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "6h")]
    pub timeout: Duration,

    /// Look at everything, say what would be restored with which settings, and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub aws: AwsArgs,

    #[command(flatten)]
    pub common: args::Common,

    // Last, because its heading would hold for all that comes after it.
    #[command(flatten)]
    pub overrides: Overrides,
}

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

impl Cli {
    /// Refuses what can be seen to be wrong without asking anybody.
    ///
    /// # Errors
    /// [`Usage`].
    pub fn check(&self) -> Result<()> {
        if self.from.as_ref() == Some(&self.to) {
            return Err(Usage::Wrong("--to is the cluster to restore from: give another name".into()).into());
        }
        if let Err(why) = identifier(&self.writer_id()) {
            return Err(Usage::Wrong(format!("{why}: give --writer-id")).into());
        }
        self.overrides.check()
    }

    /// The name of the new cluster's writer.
    pub fn writer_id(&self) -> String {
        self.overrides.writer_id.clone().unwrap_or_else(|| format!("{}-writer", self.to))
    }

    /// How to log in to the new cluster.
    pub fn login(&self) -> PgArgs {
        PgArgs { url_env: None, ca_file: self.ca_file.clone(), iam: self.iam }
    }
}

/// The name of a cluster or an instance, as RDS keeps it: in small letters (API reference, DBClusterIdentifier).
pub fn identifier(text: &str) -> Result<String, String> {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    if letters && begins && text.len() <= 63 && !text.ends_with('-') && !text.contains("--") {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("{text:?} is no identifier: 1 to 63 letters, digits and single hyphens, a letter first"))
}

fn resource_id(text: &str) -> Result<String, String> {
    let valid = text
        .strip_prefix("cluster-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    valid
        .then(|| text.to_owned())
        .ok_or_else(|| format!("{text:?} is no resource id, as in cluster-ABCD1234"))
}

const AFTER: &str = "\
Examples:
  The cluster as it was at half past nine, under a new name:
    rds-restore --from app-prod --to app-restore-1120 --at 2026-11-20T09:30:00Z

  See window, settings and differences first:
    rds-restore --dry-run --from app-prod --to app-restore-1120 \\
      --at 2026-11-20T09:30:00Z

  Prove that the application's role can log in to it ($DB_URL is read, never shown):
    rds-restore --from app-prod --to app-restore-1120 \\
      --at 2026-11-20T09:30:00Z --connect-env DB_URL > restored.jsonl

  A provisioned writer like the one that is there, in a quarantine security group:
    rds-restore --from app-prod --to app-forensics --latest \\
      --instance-class same --security-group sg-0quarantine \\
      --no-deletion-protection --tag purpose=forensics

  A cluster that was deleted, and whose backups were retained:
    rds-restore --from-resource-id cluster-APPGONE --to app-back --latest \\
      --security-group sg-0app --subnet-group app-private \\
      --cluster-parameter-group app-cluster-pg16 \\
      --instance-parameter-group app-instance-pg16 \\
      --min-acu 0.5 --max-acu 16

Window:
  A cluster can be restored to any time from its EarliestRestorableTime to its
  LatestRestorableTime, which are told before anything else is done. A time outside is no mistake
  in the command line, since both move: it ends the run with 1.

Settings:
  Every setting is carried over from the source unless a flag overrides it; the record lists
  each with what the source has, what the new cluster gets, and why. What a restore cannot be
  given is set afterwards: maintenance window, minor version upgrades, Database Insights mode,
  HTTP endpoint. What is not carried over is named on stderr and in the record. The writer is
  db.serverless unless --instance-class says otherwise; that needs a scaling configuration,
  from the source or from --min-acu and --max-acu.

Waiting:
  A large restore takes hours. Each state is told once on stderr. The run ends at once when the
  cluster or the writer fails. After a signal, --timeout or a crash the restore goes on in AWS;
  the same command again finds it by its tag drkit:restore and does what is missing. A cluster
  of that name that another restore made, or nobody's restore, is refused.

Passwords:
  The roles of the restored cluster have the passwords that they had at that time. One that was
  changed since then does not log in with its new password.

Exit codes:
  0 all done, 1 aborted, 2 usage, 101 a bug.";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identifiers_are_those_of_rds() {
        assert_eq!(identifier("App-Prod1"), Ok("app-prod1".into()));
        for wrong in ["", "1app", "-app", "app-", "app--prod", "app_prod", "é", &"a".repeat(64)] {
            assert!(identifier(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn resource_ids_are_no_names() {
        assert!(resource_id("cluster-ABC123").is_ok());
        for wrong in ["cluster-", "app-prod", "cluster-A B", "db-ABC"] {
            assert!(resource_id(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn an_identifier_stays_one(name in "[a-zA-Z][a-zA-Z0-9]{0,20}(-[a-zA-Z0-9]{1,10}){0,3}") {
            let kept = identifier(&name).unwrap();
            prop_assert_eq!(identifier(&kept), Ok(kept));
        }
    }
}
