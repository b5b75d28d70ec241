//! The command line, read into ready types.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use common::args;
use common::time::length;
use common::typesense::{Cluster, TypesenseArgs};
use common::{Ctx, Usage};

/// Rebuild the schema of a Typesense cluster from a file
///
/// The file holds collections and all that belongs to them, in the form in which Typesense shows them. `export` writes
/// it from a living cluster, so that it exists on the bad day; `apply` makes what is missing, in the order that needs;
/// `diff` compares; `swap` moves an alias when the documents are in. Nothing is ever dropped and no collection altered.
#[derive(Debug, Parser)]
#[command(name = "ts-schema", version, after_long_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub common: args::Common,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make what FILE has and the cluster has not
    Apply(Apply),
    /// Write all that the cluster has to stdout, as a file for apply
    Export(Export),
    /// Compare FILE with the cluster: what differs is a reject
    Diff(Diff),
    /// Let an alias point to another collection
    Swap(Swap),
}

/// Which cluster.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    #[command(flatten)]
    pub typesense: TypesenseArgs,

    /// Give up on a request that the cluster cannot take for this long
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "5m")]
    pub timeout: Duration,
}

impl ClusterArgs {
    /// The cluster, after one of its nodes has answered.
    ///
    /// # Errors
    /// As [`TypesenseArgs::connect`].
    pub async fn connect(&self, ctx: &Ctx) -> anyhow::Result<Cluster> {
        self.typesense.connect(ctx, self.timeout).await
    }
}

/// `apply`
#[derive(Args, Debug)]
pub struct Apply {
    /// The file, or - for stdin; rejects of an earlier run are one too
    pub file: PathBuf,

    /// Make the aliases too, which is for the time when the documents are in
    #[arg(long)]
    pub aliases: bool,

    /// Let no alias point to a collection with fewer documents than N
    #[arg(long, value_name = "N", default_value_t = 1, requires = "aliases")]
    pub min_docs: u64,

    /// Where a collection differs, make another named NAME_TIME; overwrite what can be put anew
    #[arg(long)]
    pub migrate: bool,

    /// Make each collection, with its synonyms and overrides, under its name followed by TEXT
    ///
    /// For a second set of collections beside those that are searched. What else names a collection in the file, such as
    /// a reference, keeps that name: it is the alias's by then.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["aliases", "migrate"])]
    pub suffix: Option<String>,

    /// Keep in FILE what --migrate overwrites, before it does
    ///
    /// A run that was killed anywhere is then resumed by the same command, and its records have what was there before.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// Say what would be made, and make nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub cluster: ClusterArgs,

    #[command(flatten)]
    pub rejects: args::Rejects,
}

/// `export`
#[derive(Args, Debug)]
pub struct Export {
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// `diff`
#[derive(Args, Debug)]
pub struct Diff {
    /// The file, or - for stdin
    pub file: PathBuf,

    #[command(flatten)]
    pub cluster: ClusterArgs,

    #[command(flatten)]
    pub rejects: args::Rejects,
}

/// `swap`
#[derive(Args, Debug)]
pub struct Swap {
    /// The alias
    #[arg(required_unless_present = "undo", conflicts_with = "undo", requires = "collection")]
    pub alias: Option<String>,

    /// The collection that it shall point to
    pub collection: Option<String>,

    /// Take back the swaps whose records are on stdin
    #[arg(long)]
    pub undo: bool,

    /// Do nothing if the collection has fewer documents than N
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_docs: u64,

    /// Keep in FILE where an alias pointed, before it is moved
    ///
    /// A run that was killed anywhere is then resumed by the same command, and its record has the way back; what was done
    /// is repeated, with "replayed":true, while it holds.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// Check everything, and change nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub cluster: ClusterArgs,

    #[command(flatten)]
    pub rejects: args::Rejects,
}

impl Cli {
    /// The command that was given.
    ///
    /// # Errors
    /// [`Usage`] if there is none.
    pub fn command(self) -> Result<Command, Usage> {
        self.command.ok_or_else(|| Usage::Wrong("a command is expected: apply, export, diff or swap".into()))
    }
}

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }

    fn changes(&self) -> bool {
        matches!(self.command, Some(Command::Apply(_) | Command::Swap(_)))
    }
}

const AFTER: &str = "\
Examples:
  Save the schema of a living cluster, for the day on which it is gone:
    ts-schema export > collections.json

  Build it up again on a new cluster, import, let the aliases point to it:
    ts-schema apply collections.json > applied.jsonl
    ts-import people < people.jsonl
    ts-schema apply --aliases --min-docs 2 collections.json

  See first what would be made, or what has changed:
    ts-schema apply --dry-run collections.json
    ts-schema diff collections.json

  Build all collections once more beside those that are searched:
    ts-schema apply --suffix _2 collections.json

  Change a collection: a new one beside it, import into that, move the alias, and back:
    ts-schema apply --migrate --journal apply.journal changed.json
    ts-schema swap --journal swap.journal people people_20261120 |
      tee swap.jsonl
    ts-schema swap --undo < swap.jsonl

File:
  An object with any of the sections stemming_dictionaries, synonym_sets, curation_sets,
  collections, synonyms, overrides, stopwords, presets, analytics_rules, keys, limits and
  aliases, or an array of collections. A section is an array of objects as Typesense's API has
  them; synonyms and overrides are an object that has such an array for each collection. They are
  made in this order, and collections behind those that their fields refer to.

Secrets:
  The file holds none. A member NAME_env takes the value of NAME from the environment variable
  that it names: value_env of a key, api_keys_env of a limit, api_key_env of an embedding model.
  export writes such names, and apply rejects a key whose variable is not set.

Differences:
  What the file leaves out is no difference where the server has its default, nor are fields that
  documents brought along by a pattern (.*) or an object. A section that the file lacks is not
  compared. What a server of this version would pass over in silence is rejected beforehand.

Exit codes:
  0 all done, 1 aborted, 2 usage or no such file, 3 finished but some objects were rejected or
  differ, 101 a bug. On SIGINT or SIGTERM the object in work is finished.";
