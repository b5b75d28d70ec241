//! The command line, read into ready types.

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser};
use common::aws::AwsArgs;
use common::time::{instant, length};
use common::{Usage, args};
use jiff::Timestamp;

use crate::overrides::Overrides;
use crate::settings::Setting;

/// Flags that have no meaning where nothing is restored.
const OF_RESTORE: [&str; 5] = ["at", "skip", "timeout", "dry_run", "Overrides"];

/// Restore a DynamoDB table to a point in time, with the settings that a restore leaves behind
///
/// Creates a new table from the point-in-time recovery of another one, waits until it and every index are ACTIVE, and sets
/// what a restore does not bring: autoscaling, tags, stream, alarms, TTL and so on. Writes one record. The source is only
/// read.
///
/// Reads no stdin.
#[derive(Debug, Parser)]
#[command(name = "ddb-restore", version, after_long_help = AFTER)]
pub struct Cli {
    /// The table to restore from
    #[arg(long, value_name = "TABLE", value_parser = table_name)]
    pub from: String,

    /// The name of the new table
    #[arg(long, value_name = "TABLE", value_parser = table_name, required_unless_present = "flip")]
    pub to: Option<String>,

    /// Restore what the table was at this instant, to the second; without it, the latest that can be restored
    #[arg(long, value_name = "TIME", value_parser = second)]
    pub at: Option<Timestamp>,

    /// Leave these settings as the restore makes them
    #[arg(long, value_name = "SETTING,...", value_enum, value_delimiter = ',')]
    pub skip: Vec<Setting>,

    /// Then compare the items of both tables; if they differ, the record is a reject
    #[arg(long, group = "compared")]
    pub validate: bool,

    /// Compare the items of two tables that are there, and neither restore nor set anything
    #[arg(long, group = "compared", conflicts_with_all = OF_RESTORE)]
    pub validate_only: bool,

    #[command(flatten)]
    pub compare: Validate,

    /// Only see whether the replica of --from in this region can take over
    #[arg(long, value_name = "REGION", conflicts_with_all = OF_RESTORE, conflicts_with_all = ["to", "compared"])]
    pub flip: Option<String>,

    /// How far behind that replica may be
    // Not `requires`, which clap does not hold to where the required flag conflicts with another one that is given.
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "5s", conflicts_with = "to")]
    pub max_lag: Duration,

    /// Give up waiting after this; the restore itself goes on in AWS
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "4h")]
    pub timeout: Duration,

    /// Look at everything, say what would be restored and set, and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub aws: AwsArgs,

    #[command(flatten)]
    pub rejects: args::Rejects,

    #[command(flatten)]
    pub common: args::Common,

    // Last, because its heading would hold for all that comes after it.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// How tables are compared.
#[derive(Args, Debug)]
#[group(id = "comparing")]
pub struct Validate {
    /// Also name the items that differ, each as a reject
    #[arg(long, requires = "compared")]
    pub diff: bool,

    /// With --diff, name the items if at most N differ
    #[arg(long, value_name = "N", default_value = "10000", requires = "diff")]
    pub max_diff: NonZeroUsize,

    /// Compare with at most N read capacity units a second of each table
    #[arg(long, value_name = "N", requires = "compared")]
    pub rcu: Option<NonZeroU64>,

    /// Compare with N readers for each table
    #[arg(long, value_name = "N", default_value = "4", requires = "compared")]
    pub concurrency: NonZeroUsize,
}

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }

    fn changes(&self) -> bool {
        !self.validate_only && self.flip.is_none()
    }
}

impl Cli {
    /// Refuses what can be seen to be wrong without asking anybody.
    ///
    /// # Errors
    /// [`Usage`].
    pub fn check(&self) -> Result<()> {
        if self.to.as_ref() == Some(&self.from) {
            return Err(Usage::Wrong("--to is the table to restore from: give another name".into()).into());
        }
        self.overrides.check()
    }
}

/// API reference, CreateTable.
fn table_name(text: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let valid = (3..=255).contains(&text.len()) && text.bytes().all(known);
    valid.then(|| text.to_owned()).ok_or_else(|| {
        format!("{text:?} is no name of a table: 3 to 255 letters, digits, _ . and -, as in rate_limits")
    })
}

/// A table can be restored to whole seconds (Developer Guide, "Point-in-time recovery: how it works").
fn second(text: &str) -> Result<Timestamp, String> {
    let instant = instant(text)?;
    match instant.subsec_nanosecond() {
        0 => Ok(instant),
        _ => Err(format!("{text} is within a second, and a table can be restored to whole ones")),
    }
}

const AFTER: &str = concat!(
    r#"Examples:
  See window, settings and differences first:
    ddb-restore --from rate_limits --to rate_limits_1120 --at "$AT" --dry-run

  The table as it was at that instant, under a new name:
    ddb-restore --from rate_limits --to rate_limits_1120 --at "$AT" \
      > restored.jsonl

  The latest state, on demand and without indexes, compared with what is there now:
    ddb-restore --from rate_limits --to rate_limits_latest --without-indexes \
      --billing-mode PAY_PER_REQUEST --validate --rcu 500

  Compare two tables that are there, and name the items that differ:
    ddb-restore --from rate_limits --to rate_limits_1120 --validate-only --diff

  Whether the replica of a global table in another region can take over:
    ddb-restore --from rate_limits --flip eu-west-1 --max-lag 2s

Window:
  A table with point-in-time recovery can be restored to any second from its earliest to its latest
  restorable time, which are told before anything else is done. The latest is about five minutes
  ago. A time outside ends the run with 1.

Settings:
  A restore by itself leaves behind autoscaling, tags, stream, alarms, TTL and point-in-time recovery,
  and may leave behind more. Each setting of the source is compared with the new table's and set where
  it differs, one change at a time; the record lists them all. Nothing that the new table has besides
  is taken away. One that cannot be read or set is a reject (setting-refused), and the run goes on.
  Alarms are made anew, with the new table's name in theirs. A policy of the table is rewritten to its
  ARN. TTL is the last of all and after --validate, since it deletes the expired items that come back.

Waiting:
  The run waits until the table is ACTIVE, its restore has ended and every index is ACTIVE. Each state is
  told once on stderr. After a signal, --timeout or a crash the restore goes on in AWS; the same command
  again finds it by its source and its time and does what is missing. A table of that name that is
  anything else is refused.

Global tables:
  A restore is an independent table in one region, without replicas; the other regions go on with the
  old one. Where only a region is hurt, nothing is to be restored: --flip REGION looks whether the
  replica there is ACTIVE and its ReplicationLatency of the last ten minutes is below --max-lag. It
  is only read; if not, the record is a reject (replica-unhealthy, replica-lags, lag-unknown).

"#,
    include_str!("validate/help.txt"),
    "
Exit codes:
  0 all done, 1 aborted, 2 usage, 3 done with rejects: a setting was refused, tables differ, a replica
  cannot take over; 101 a bug."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_dynamodb() {
        assert_eq!(table_name("Rate_limits.v2-old"), Ok("Rate_limits.v2-old".to_owned()));
        for wrong in ["", "ab", "a b c", "tablé", "arn:aws:dynamodb", "a/b/c", &"a".repeat(256)] {
            assert!(table_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn instants_are_whole_seconds() {
        assert!(second("2026-11-20T09:30:00Z").is_ok());
        assert!(second("2026-11-20T09:30:00.000Z").is_ok());
        assert!(second("2026-11-20T09:30:00.5Z").is_err());
    }
}
