//! The command line, read into ready types.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use common::args;
use common::aws::AwsArgs;
use common::time::length;

use crate::paths::Folder;
use crate::price::Usd;

/// Make CloudFront forget the objects that records name
///
/// Reads records with a `key`, one JSON object a line, and invalidates the viewer paths of those keys in a
/// distribution. Each path or wildcard that CloudFront accepted is a record on stdout: the receipt.
///
/// Records whose `restore` says that nothing was changed (`none`, `thawing`, or a dry run) need no purge and are only
/// counted. `already` is purged: an earlier run may have died between the restore and the purge. Of an object that was
/// restored aside, the path of its new key is purged.
#[derive(Debug, Parser)]
#[command(name = "cf-purge", version, after_long_help = AFTER)]
pub struct Cli {
    /// The distribution, such as EABC123
    #[arg(long, value_name = "ID", value_parser = distribution)]
    pub distribution_id: String,

    /// Read plain lines, each of them a key
    ///
    /// A flag and no guess, because a key may start with `{`.
    #[arg(long)]
    pub plain: bool,

    /// Take this folder off the start of each key
    ///
    /// The OriginPath of the distribution's origin. A key that is not below it is rejected.
    #[arg(long, value_name = "FOLDER", default_value = "", hide_default_value = true)]
    pub strip_prefix: Folder,

    /// Put this folder before each path
    #[arg(long, value_name = "FOLDER", default_value = "", hide_default_value = true)]
    pub add_prefix: Folder,

    /// Fold the paths into at most N paths and wildcards, at most 15 of them wildcards
    #[arg(long, value_name = "N", default_value = "3000")]
    pub max_paths: NonZeroUsize,

    /// Never fold: one path for each key, however many there are
    ///
    /// A key that only a wildcard reaches (one with `~` or `?`, or with `*` at its end) is rejected then.
    #[arg(long, conflicts_with = "max_paths")]
    pub exact: bool,

    /// Send nothing that could bring the cost of the run above this
    #[arg(long, value_name = "USD")]
    pub max_cost: Option<Usd>,

    /// Send what has gathered every so often (60s, 5m) instead of waiting for the end of the input
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub every: Option<Duration>,

    /// The name of this purge: the same paths under the same name are purged once
    ///
    /// Give one to repeat a purge after a crash without doing (and paying for) it twice. Without this flag the name
    /// is random and told on stderr.
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub run_id: Option<String>,

    /// Wait until CloudFront has completed the invalidations
    #[arg(long)]
    pub wait: bool,

    /// Give up when an invalidation has waited this long to be accepted, or to be completed
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "30m")]
    pub timeout: Duration,

    /// Say what would be sent and what it would cost, and send nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Keep intents and results in FILE; a run with the same FILE resumes
    ///
    /// What is about to be sent is in FILE before it is. After a crash, the same command with the same FILE finishes it
    /// without paying twice, repeats the receipts of what CloudFront accepted with "replayed":true, and sends only keys
    /// that those do not cover. Without --run-id, the run id is kept in FILE too.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    #[command(flatten)]
    pub aws: AwsArgs,

    #[command(flatten)]
    pub rejects: args::Rejects,

    #[command(flatten)]
    pub common: args::Common,
}

/// Flags that a run with the same journal may have otherwise: they change when something is sent, not what is purged. The
/// distribution is what the journal is about.
pub const NOT_KEPT: [&str; 5] = ["distribution_id", "max_cost", "every", "wait", "timeout"];

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

const AFTER: &str = "\
Examples:
  Restore a prefix, make the CDN forget it, keep the evidence:
    s3-versions --at 2026-11-20T10:00:00Z s3://photos/originals/ |
      s3-restore | tee restored.jsonl |
      cf-purge --distribution-id EABC123 --wait > purged.jsonl

  See paths and price first:
    cf-purge --distribution-id EABC123 --dry-run < restored.jsonl

  Keys from a list, where viewers see originals/a.jpg as /img/a.jpg:
    cf-purge --distribution-id EABC123 --plain \\
      --strip-prefix originals --add-prefix img < keys.txt

  Purge while a long restore runs, at most 20 dollars in all:
    s3-restore < plan.jsonl |
      cf-purge --distribution-id EABC123 --every 60s --max-cost 20

  A purge that can be resumed after any crash without paying twice:
    cf-purge --distribution-id EABC123 --journal purge.journal \\
      < restored.jsonl

Paths:
  CloudFront matches a path as it is sent. Non-ASCII and the characters that RFC 1738 calls
  unsafe are percent-encoded, a % of the key itself too, and nothing else is: an escape too many
  purges nothing and says nothing. Where no single path is sure to reach an object, a wildcard
  is sent that does, even if it reaches others as well: a key with ~ or ? is cut there (a/b~c
  becomes /a/b*), and * at the end of a key is a wildcard for CloudFront. Purged is the URL of
  the key itself. Other URLs of the same object, such as the / of a default root object, a space
  written as + or a path rewritten at the edge, are purged by giving them as keys too.

Folding:
  Above --max-paths, the paths are folded into wildcards that reach as little as possible beyond
  them: names are cut inside a folder (/img/img_00*) before folders are given up, deep folders
  before those above them. Never more than 15 wildcards remain, since no more can be in progress
  at once. At most 65,536 paths (or twice --max-paths) are in memory; up to there the order of
  the input makes no difference.

Cost:
  Each path and each wildcard costs 0.005 USD after the account's first 1,000 of the month,
  which others may have used: the price told is the most it can be. With --every, and with
  --exact above 65,536 paths, parts are sent before the whole is known, and --max-cost stops the
  run before the part that would exceed it.

Repeating:
  A purge is recognised by its distribution, its paths and the run id. Parts sent by --every
  depend on the clock, so that a repeated run sends most of them again. That costs money, and
  purges nothing too little.

Resuming:
  With --journal, a part is on disk before any of it is sent. The same command with the same
  FILE first finishes what was begun, under the references that it was begun with, and repeats
  the receipts of what was accepted. A key that those cover is not sent again, whatever the clock
  did; one that comes more often than before is, since it has changed again. An invalidation that
  CloudFront does not know any more is told as superseded, and its keys are sent again as they
  come. What earlier runs paid counts for --max-cost. 16 to 60 bytes of memory are used for each
  key that was purged.

Exit codes:
  0 all done, 1 aborted, 2 usage, 3 finished but some records were rejected, 101 a bug. On
  SIGINT or SIGTERM nothing more is sent. What was sent cannot be cancelled; its receipts are
  written.";

fn distribution(text: &str) -> Result<String, String> {
    let valid = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no distribution id, as in EABC123"))
}

fn name(text: &str) -> Result<String, String> {
    let valid = !text.is_empty() && text.len() <= 256;
    valid.then(|| text.to_owned()).ok_or_else(|| "a name has 1 to 256 bytes".to_owned())
}
