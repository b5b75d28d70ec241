//! The command line, read into ready types.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use common::Usage;
use common::args;
use common::aws::AwsArgs;
use common::s3::S3Url;
use common::time::{length, minutes};

/// Archive a DynamoDB table, then delete it
///
/// Makes a backup of the table, or exports it to S3, and deletes the table when that is finished and verified. Writes one
/// record with the commands that bring the table back and the settings that no archive keeps.
///
/// Refuses while anybody reads or writes the table, while it is part of a global table, and while deletion protection is
/// on. Run again after a crash or a signal, it goes on where it was.
#[derive(Debug, Parser)]
#[command(name = "ddb-retire", version, after_long_help = AFTER)]
pub struct Cli {
    /// The table to retire (TableName)
    #[arg(value_name = "TABLE", value_parser = table_name)]
    pub table: String,

    /// The same name again: without it nothing is deleted
    #[arg(long, value_name = "TABLE", value_parser = table_name)]
    pub yes: Option<String>,

    /// The table that takes its place: it must be ACTIVE, and have point-in-time recovery if the old one has
    #[arg(long, value_name = "TABLE", value_parser = table_name)]
    pub restored: Option<String>,

    /// The name of the backup that is made; one of this table that is there already is taken
    ///
    /// Without this flag the name is made of the table's name and its TableId.
    #[arg(long, value_name = "NAME", value_parser = backup_name)]
    pub backup: Option<String>,

    /// Export the table to S3 instead, which needs point-in-time recovery; a full export of this table that is there
    /// already is taken
    #[arg(long, value_name = "URL", value_parser = place, conflicts_with = "backup")]
    pub export: Option<S3Url>,

    /// Turn deletion protection off, where it is on
    #[arg(long)]
    pub lift_protection: bool,

    /// Refuse if a read or write was seen this short a time ago (whole minutes, up to a day)
    #[arg(long, value_name = "TIME", value_parser = minutes, default_value = "15m")]
    pub quiet_for: Duration,

    /// Retire it even if reads or writes are seen, or if CloudWatch cannot tell
    #[arg(long)]
    pub allow_requests: bool,

    /// Give up after this time; what was begun goes on in AWS
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "2h")]
    pub timeout: Duration,

    /// Keep in FILE what only the table can say (settings, stream, what is left behind), before it is changed
    ///
    /// A run that was killed anywhere is then resumed by the same command with a whole record; one that was done is
    /// repeated, with "replayed":true.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

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
    /// What clap cannot check: that the table was named twice, and that its replacement is another.
    ///
    /// # Errors
    /// [`Usage::Wrong`] with what to say instead.
    pub fn check(&self) -> Result<(), Usage> {
        let Self { table, .. } = self;
        let wrong = match (&self.yes, &self.restored) {
            (None, _) if !self.dry_run => {
                format!("nothing was done: say --dry-run to see what would be, or --yes {table} to retire it")
            }
            (Some(yes), _) if yes != table => format!("--yes {yes} is not the table to retire, {table}"),
            (_, Some(restored)) if restored == table => {
                format!("{table} cannot take its own place: name another table with --restored")
            }
            _ => return Ok(()),
        };
        Err(Usage::Wrong(wrong))
    }
}

const AFTER: &str = "\
Examples:
  See what would be done, and what stands in the way:
    ddb-retire rate_limits --dry-run

  Retire the old table after the swap, and keep the evidence:
    ddb-retire rate_limits --yes rate_limits --restored rate_limits_1120 \\
      --journal retire.journal > retired.jsonl

  Export it to S3 instead of a backup, after a whole hour without requests:
    ddb-retire rate_limits --yes rate_limits --export s3://archive/dynamodb/ \\
      --quiet-for 1h

  One that is protected:
    ddb-retire rate_limits --yes rate_limits --lift-protection \\
      --backup incident-4711

Order:
  Backup or export, finished and verified; deletion protection; table. The checks are made again
  before each of these, and what is deleted is what was looked at in the beginning: a table that was
  deleted and created anew under the same name meanwhile has another TableId and is left alone.

Requests:
  CloudWatch must have counted no read and no write of the table and its indexes in --quiet-for
  (ConsumedReadCapacityUnits, ConsumedWriteCapacityUnits, SuccessfulRequestLatency), and no write
  since the instant of the archive: an archive that lacks a write is none. CloudWatch is a few
  minutes behind and says nothing of a table that nobody uses: stop the writers first. Scans count
  as reads, those of a validation too.

Ways back:
  bring_back in the record restores the backup, or imports the export, under the old name;
  set_again, once the table is ACTIVE, sets what neither keeps: tags, TTL, stream, point-in-time
  recovery, deletion protection, table class, resource policy. Of a table with point-in-time
  recovery DynamoDB keeps a system backup of its last second for 35 days ($DeletedTableBackup):
  last_second finds it. Alarms and autoscaling targets are told, and left as they are.

Repeating:
  A repeat finds the backup by its name and TableId, the export by its place and TableId, and goes
  on with what is left. When the table is gone and its archive is there, it says already. What only
  the table could say (set_again, settings, left, stream_arn, whether it was protected) is then known
  from --journal alone: without one, a run that was killed after its first change may lose it.

Exit codes:
  0 retired, or it was already; 1 refused or aborted; 2 usage; 101 a bug. On SIGINT or SIGTERM
  nothing more is begun; what was cannot be cancelled and is told.";

/// API reference, CreateTable.
fn table_name(text: &str) -> Result<String, String> {
    name(text, "table")
}

/// API reference, CreateBackup.
fn backup_name(text: &str) -> Result<String, String> {
    name(text, "backup")
}

fn name(text: &str, what: &str) -> Result<String, String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let valid = (3..=255).contains(&text.len()) && text.bytes().all(known);
    valid.then(|| text.to_owned()).ok_or_else(|| {
        format!("{text:?} is no name of a {what}: 3 to 255 letters, digits, _ . and -, as in rate_limits")
    })
}

/// DynamoDB puts a slash after the prefix itself.
fn place(text: &str) -> Result<S3Url, String> {
    let mut place: S3Url = text.parse()?;
    place.prefix.truncate(place.prefix.trim_end_matches('/').len());
    Ok(place)
}

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
}
