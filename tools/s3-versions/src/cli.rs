//! The command line, and the job it becomes.

use std::env;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use common::args::{Common, Rejects};
use common::aws::AwsArgs;
use common::s3::{S3Url, Shard};
use common::{Tool, Usage};
use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;
use regex::Regex;

use crate::inventory::Inventory;
use crate::select::Select;
use crate::view::View;
use crate::walk::Walk;

/// Keys that are looked up at once, where nobody said how many.
const LOOKUPS: NonZeroUsize = NonZeroUsize::new(8).unwrap();

const EXAMPLES: &str = "\
Examples:
  Every version and delete marker under a prefix:
    s3-versions s3://photos/originals/

  What must be done so that the prefix is as it was at 10:00 UTC, and doing it:
    s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ | s3-restore

  What was deleted in the last two hours, and bringing it back:
    s3-versions --deleted --since 2h s3://photos/ | s3-restore

  The versions of the keys in a file, whatever else begins with the same letters:
    s3-versions --bucket photos --keys-from keys.txt

  The noncurrent versions larger than a gibibyte:
    s3-versions --min-size 1G s3://photos/ | jq -c 'select(.is_latest | not)'

  The way back from an S3 Inventory report instead of a listing, each record checked in the bucket:
    s3-versions \\
      --inventory s3://inv/photos/all/2026-11-21T01-00Z/manifest.json \\
      --verify-live --at 2026-11-20T10:00:00Z s3://photos/ | s3-restore

  A hundred million versions: after an interruption, the same command resumes the listing:
    s3-versions --journal listing.journal s3://photos/ >> versions.jsonl

  The way back for a large bucket, resumed at either step by the same command:
    s3-versions --journal plan.journal \\
      --at 2026-11-20T10:00:00Z s3://photos/ >> versions.jsonl && \\
      s3-restore --journal restore.journal < versions.jsonl

Listing:
  One prefix is listed by many requests at once: it is cut between keys,
  wherever those of the last page were dense, and idle requests take half of
  the largest rest. The order of keys is then that in which pages arrive;
  --ordered gives S3's own, by way of a file in --tmpdir. Without
  --concurrency, 8 requests become 16, 32 and so on for as long as that makes
  answers come faster, up to 256, and half as many when S3 asks to slow down.
  With --at, --deleted and --latest a key of a million versions costs one page
  if the answer is on it.

Journal:
  With --journal an interrupted listing is resumed by the same command, also
  after a crash, and stdout has each record once. stdout must be a regular
  file, since what is in a pipe may never reach the next stage: append to a
  file with >>, and feed that file to the next stage once the listing is
  complete. The last lines on stderr say that it is complete, and where its
  records are; the same command then lists nothing and says so again. A file
  that is gone, shorter or another one is a usage error, as are another
  endpoint, region or bucket, other flags, and a time that moves with the
  clock, such as 2h. What a killed run wrote last and did not note is cut off
  the file, if every line of it is proved to be this listing's; where anything
  else was appended, nothing is cut, and the listing is to be begun anew with
  another file and another journal. While a listing runs, the file is locked
  against others with a journal. The journal takes about 6 bytes for each
  record.

Times:
  A version's last_modified is the whole second in which it was written; for a
  multipart upload S3 gives the second in which the upload was begun, so one
  that was going on at --at looks as if it had been there. Versions of one key
  are taken in the order S3 lists them, never sorted by time.

Inventory:
  A report must have all versions and the fields Size and LastModifiedDate, in
  CSV or Parquet; one that was set up for a prefix has only keys below it. The
  manifest and every file are held against their MD5 before the first record
  is written. What was written or deleted after the report was begun is not in
  it, so --at may not be later, and a key that changed since may be answered
  wrongly. Records come by key, the latest version first and then the newest:
  a report does not have S3's order. A key whose answer hangs on the order of
  versions of one second is rejected (same-second), and so is one of which not
  exactly one version is the latest (latest-unclear); --keys-from takes such
  rejects.
  --verify-live lists the versions of every key that has a record and of every
  key that would be rejected so, one request for each hundred of them; what is
  written is the bucket's answer, in the order in which the keys are answered.
  It does not look at keys for which the report asks for nothing, nor find
  keys that are new since.

Exit codes:
  0 all listed, 1 aborted, 2 usage, 3 some keys of --keys-from or of a report
  were rejected, 101 a bug.";

/// List the versions and delete markers of an S3 bucket
///
/// Writes one JSON record for each version and delete marker; those of a key follow each other, newest first, as S3 lists
/// them. With --at, writes one record for each key whose state at that instant differs from now: the version to bring
/// back, with the plan that s3-restore carries out. The last line on stderr says what the requests cost.
#[derive(Debug, Parser)]
#[command(name = "s3-versions", version, after_long_help = EXAMPLES)]
pub struct Cli {
    /// The bucket and the prefix of the keys; without a prefix, the whole bucket
    #[arg(value_name = "s3://BUCKET/PREFIX", conflicts_with_all = ["bucket", "prefix"])]
    url: Option<S3Url>,

    /// The bucket, where no s3:// address is given
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,

    /// List only keys that begin with PREFIX
    #[arg(long, value_name = "PREFIX", requires = "bucket")]
    prefix: Option<String>,

    /// Plan the way back to the state at TIME: RFC 3339 with an offset, or @ and seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = common::time::instant)]
    at: Option<Timestamp>,

    /// With --at, also write the keys that need nothing
    #[arg(long, requires = "at")]
    all: bool,

    /// Only keys whose latest version is a delete marker: the version beneath, with the plan to bring it back
    #[arg(long, conflicts_with = "at")]
    deleted: bool,

    /// Only the latest version or delete marker of each key
    #[arg(long, conflicts_with_all = ["at", "deleted"])]
    latest: bool,

    /// Only what was written at or after TIME, or within a span such as 2h; with --deleted, what was deleted then
    #[arg(long, value_name = "TIME", conflicts_with = "at", value_parser = when)]
    since: Option<When>,

    /// Only what was written at or before TIME; with --deleted, what was deleted then
    #[arg(long, value_name = "TIME", conflicts_with = "at", value_parser = when)]
    until: Option<When>,

    /// Only keys that GLOB matches as a whole; * also matches slashes
    #[arg(id = "match", long = "match", value_name = "GLOB", value_parser = glob)]
    glob: Option<GlobMatcher>,

    /// Only keys in which REGEX finds a match
    #[arg(long, value_name = "REGEX")]
    regex: Option<Regex>,

    /// Only versions of at least SIZE bytes; K, M, G and T count in 1024s. Delete markers have no size
    #[arg(long, value_name = "SIZE", value_parser = size)]
    min_size: Option<u64>,

    /// Only versions of at most SIZE bytes
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,

    /// Only the keys of shard I of N, by the BLAKE3 of the key; I counts from 0
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Only exactly the keys that FILE names, or stdin for -: JSON lines or CSV with a key, or one key a line
    #[arg(long, value_name = "FILE")]
    keys_from: Option<PathBuf>,

    /// The form of --keys-from, where its first line does not show it
    #[arg(long, value_enum, value_name = "FORM", default_value_t, requires = "keys_from")]
    keys_format: KeysFormat,

    /// Read the S3 Inventory report of all versions whose manifest.json this is, instead of listing the bucket
    #[arg(long, value_name = "s3://BUCKET/KEY", value_parser = object, conflicts_with = "keys_from")]
    inventory: Option<S3Url>,

    /// With --inventory and --at, --deleted or --latest: list each key that has a record, and those the report
    /// leaves undecided, and answer as the bucket is now
    #[arg(long, requires = "inventory")]
    verify_live: bool,

    /// Keep what does not fit in memory in DIR: an inventory takes about as much room there as its CSV unpacked, --ordered
    /// up to that of all records
    #[arg(long, value_name = "DIR")]
    tmpdir: Option<PathBuf>,

    /// Send at most N requests at once, or look up at most N keys; 1 lists in S3's own order [default: what the service
    /// answers well, and 8 for keys]
    #[arg(long, value_name = "N")]
    concurrency: Option<NonZeroUsize>,

    /// Write records in the order of their keys, as S3 lists them
    #[arg(long, conflicts_with_all = ["keys_from", "inventory"])]
    ordered: bool,

    /// Note in FILE what is written, so that the same command resumes the listing; stdout must be a regular file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keys_from", "inventory"])]
    journal: Option<PathBuf>,

    #[command(flatten)]
    rejects: Rejects,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: Common,
}

/// An instant, and the words for it where they mean another one in another run.
#[derive(Clone, Debug)]
struct When {
    instant: Timestamp,
    moving: Option<String>,
}

impl When {
    /// # Errors
    /// [`Usage`] with the instant to give instead.
    fn stands_still(&self, flag: &str) -> Result<(), Usage> {
        let Some(words) = &self.moving else { return Ok(()) };
        // Versions have whole seconds: those from here on are the same.
        let instant = Timestamp::from_second(self.instant.as_second()).unwrap_or(self.instant);
        Err(Usage::Wrong(format!(
            "{flag} {words} is another instant whenever the listing is resumed: with --journal give {flag} {instant}"
        )))
    }
}

/// How keys are written in the file that `--keys-from` names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum KeysFormat {
    /// JSON lines if the file begins with {, CSV if its first line has a column named key, plain lines otherwise
    #[default]
    Auto,
    /// JSON lines with the fields key and, if it differs, bucket
    Json,
    /// CSV whose header names a column key and, if it differs, bucket
    Csv,
    /// One key a line, taken as it stands
    Plain,
}

/// What is to be listed, with nothing left to parse.
#[derive(Debug)]
pub struct Job {
    pub bucket: Option<String>,
    pub prefix: String,
    pub view: View,
    pub select: Select,
    pub keys: Option<Keys>,
    pub inventory: Option<Inventory>,
    pub walk: Walk,
    pub aws: AwsArgs,
}

/// Where single keys come from and how they are worked on.
#[derive(Debug)]
pub struct Keys {
    /// Nothing for stdin.
    pub file: Option<PathBuf>,
    pub format: KeysFormat,
    pub concurrency: NonZeroUsize,
    pub rejects: Rejects,
}

impl Tool for Cli {
    const CHANGES: bool = false;

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Cli {
    /// The job that the flags describe.
    pub fn job(self) -> Result<Job> {
        let (bucket, prefix) = match self.url {
            Some(S3Url { bucket, prefix }) => (Some(bucket), prefix),
            None => (self.bucket, self.prefix.unwrap_or_default()),
        };
        if bucket.is_none() && self.keys_from.is_none() {
            return Err(Usage::Wrong("no bucket: give s3://BUCKET/PREFIX or --bucket".into()).into());
        }
        if self.keys_from.is_some() && !prefix.is_empty() {
            return Err(Usage::Wrong("--keys-from names whole keys: give no prefix with it".into()).into());
        }
        let view = match (self.at, self.deleted, self.latest) {
            (Some(at), ..) => View::At { at, all: self.all },
            (None, true, _) => View::Deleted,
            (None, false, true) => View::Latest,
            (None, false, false) => View::Every,
        };
        if self.journal.is_some() {
            for (flag, when) in [("--since", &self.since), ("--until", &self.until)] {
                when.iter().try_for_each(|when| when.stands_still(flag))?;
            }
        }
        let select = Select {
            glob: self.glob,
            regex: self.regex,
            since: self.since.map(|when| when.instant),
            until: self.until.map(|when| when.instant),
            min_size: self.min_size,
            max_size: self.max_size,
            shard: self.shard,
        };
        if self.verify_live && view == View::Every {
            let message = "--verify-live checks the answers of --at, --deleted or --latest: give one of them";
            return Err(Usage::Wrong(message.into()).into());
        }
        let tmpdir = self.tmpdir.unwrap_or_else(env::temp_dir);
        let lookups = self.concurrency.unwrap_or(LOOKUPS);
        let walk = Walk {
            concurrency: self.concurrency,
            ordered: self.ordered,
            journal: self.journal,
            tmpdir: tmpdir.clone(),
        };
        let inventory = self.inventory.map(|manifest| Inventory {
            manifest,
            verify_live: self.verify_live,
            tmpdir,
            concurrency: lookups,
            rejects: self.rejects.clone(),
        });
        let keys = self.keys_from.map(|path| Keys {
            file: (path.as_os_str() != "-").then_some(path),
            format: self.keys_format,
            concurrency: lookups,
            rejects: self.rejects,
        });
        Ok(Job { bucket, prefix, view, select, keys, inventory, walk, aws: self.aws })
    }
}

fn when(text: &str) -> Result<When, String> {
    let instant = common::time::instant_or_ago(text)?;
    Ok(When { instant, moving: common::time::instant(text).is_err().then(|| text.to_owned()) })
}

fn object(text: &str) -> Result<S3Url, String> {
    let url: S3Url = text.parse()?;
    if url.prefix.is_empty() || url.prefix.ends_with('/') {
        return Err(format!("{text} names no object: give the address of a report's manifest.json"));
    }
    Ok(url)
}

fn glob(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).backslash_escape(true).build().map_err(|err| err.to_string())?;
    Ok(glob.compile_matcher())
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
        Some(b'K') => (&text[..text.len() - 1], 10),
        Some(b'M') => (&text[..text.len() - 1], 20),
        Some(b'G') => (&text[..text.len() - 1], 30),
        Some(b'T') => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.ok_or_else(|| format!("{text} is not a size: write bytes, or a number with K, M, G or T"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_in_1024s() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("10k"), Ok(10 << 10));
        assert_eq!(size("5G"), Ok(5 << 30));
        for wrong in ["", "k", "1.5M", "-1", "10KB", "99999999999T"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_star_crosses_slashes_and_a_backslash_takes_it_as_itself() {
        assert!(glob("a*.jpg").is_ok_and(|glob| glob.is_match("a/b/c.jpg") && !glob.is_match("xa.jpg")));
        assert!(glob(r"a\*").is_ok_and(|glob| glob.is_match("a*") && !glob.is_match("ab")));
        assert!(glob("a[").is_err());
    }
}
