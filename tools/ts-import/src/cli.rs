//! The command line, read into ready types.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use common::args;
use common::time::length;
use common::typesense::TypesenseArgs;

use crate::shape::Rename;

/// Load documents into a Typesense collection, and account for each of them
///
/// Reads documents, one JSON object a line, and imports them in batches. Each batch that Typesense has answered is a
/// record on stdout: the receipt. A document that Typesense refused is a reject with Typesense's own code and words.
#[derive(Debug, Parser)]
#[command(name = "ts-import", version, after_long_help = AFTER)]
pub struct Cli {
    /// The collection, or an alias of it
    #[arg(value_name = "COLLECTION", value_parser = name)]
    pub collection: String,

    /// What is done with a document
    #[arg(long, value_enum, default_value_t, value_name = "ACTION")]
    pub action: Action,

    /// What Typesense does with a value of another type than its field has [default: as the collection's schema]
    #[arg(long, value_enum, value_name = "MODE")]
    pub dirty_values: Option<DirtyValues>,

    /// Take the document's id from this field, a string or an integer; the field stays
    ///
    /// `--id-field id` turns integer ids into the strings that Typesense wants.
    #[arg(long, value_name = "FIELD")]
    pub id_field: Option<String>,

    /// Take documents without an id, for which Typesense makes one up
    ///
    /// Such a document is there twice when it is sent twice: when the import is run again, and when an answer was cut
    /// short.
    #[arg(long, conflicts_with = "id_field")]
    pub allow_no_id: bool,

    /// Give a field another name; can be repeated
    #[arg(long, value_name = "OLD=NEW")]
    pub rename: Vec<Rename>,

    /// Leave a field out; can be repeated
    #[arg(long, value_name = "FIELD")]
    pub drop: Vec<String>,

    /// Load a new collection with the schema of COLLECTION, then point the alias at it
    #[arg(long)]
    pub to_new: bool,

    /// The alias for --to-new to point at the new collection [default: COLLECTION, if it is an alias]
    #[arg(long, value_name = "NAME", value_parser = name, requires = "to_new")]
    pub alias: Option<String>,

    /// Fail at the end unless exactly N documents were read
    #[arg(long, value_name = "N")]
    pub expect_count: Option<u64>,

    /// Fail at the end unless the last line is a trailer of `pg-rows --trailer` with the right count
    #[arg(long)]
    pub expect_trailer: bool,

    /// Keep what was imported in FILE, and resume after it when the same input is given again
    ///
    /// The file belongs to one import: another cluster, collection, input or flag that changes documents is refused, and
    /// so is any other file, of which nothing is changed. A dry run reads it and writes nothing.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// Look whether what earlier runs imported is there still, with one request for each batch
    ///
    /// What is gone is rejected as `superseded`. The rejects are the input that imports it again, without this journal.
    #[arg(long, requires = "journal")]
    pub check_replayed: bool,

    /// The most documents in a batch; the first batches have fewer
    #[arg(long, value_name = "N", default_value = "10000")]
    pub batch_docs: NonZeroUsize,

    /// The most bytes in a batch, unless one document has more
    #[arg(long, value_name = "N", default_value = "4194304")]
    pub batch_bytes: NonZeroUsize,

    /// Send nothing while a node has more than N writes in its queue
    ///
    /// Half of healthy-write-lag, above which the cluster turns away everybody's writes.
    #[arg(long, value_name = "N", default_value = "250")]
    pub max_queued_writes: NonZeroU64,

    /// Give up when there was no progress for this long
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "30m")]
    pub timeout: Duration,

    /// Read and check everything, and import nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub typesense: TypesenseArgs,

    #[command(flatten)]
    pub rejects: args::Rejects,

    #[command(flatten)]
    pub common: args::Common,
}

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

/// Typesense's own actions of an import (API reference, "Index multiple documents").
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Action {
    /// Make the document; one that is there is refused
    Create,
    /// Make the document, or replace the whole of it
    #[default]
    Upsert,
    /// Change the given fields; one that is not there is refused
    Update,
    /// Make the document, or change the given fields
    Emplace,
}

/// Typesense's own modes (API reference, "Dealing with dirty data").
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum DirtyValues {
    /// Change the value's type, or refuse the document
    CoerceOrReject,
    /// Change the value's type, or leave the field out
    CoerceOrDrop,
    /// Leave the field out
    Drop,
    /// Refuse the document
    Reject,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Upsert => "upsert",
            Self::Update => "update",
            Self::Emplace => "emplace",
        })
    }
}

impl fmt::Display for DirtyValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CoerceOrReject => "coerce_or_reject",
            Self::CoerceOrDrop => "coerce_or_drop",
            Self::Drop => "drop",
            Self::Reject => "reject",
        })
    }
}

const AFTER: &str = "\
Examples:
  Load what a database function returns, and notice if it broke off:
    pg-rows --trailer 'select * from search.people_all()' |
      ts-import --expect-trailer people > receipts.jsonl

  Load a new collection beside the old one and swap the alias when it is whole:
    ts-import --to-new people < people.jsonl

  A long load that can be killed and run again:
    ts-import --journal people.journal --rejects rejects.jsonl people \\
      < people.jsonl

  Integer keys of a database as ids, and two fields as the schema wants them:
    ts-import --id-field person_id --rename fullname=name --drop notes people \\
      < rows.jsonl

  Only see whether every document has an id:
    ts-import --dry-run people < people.jsonl

Batches:
  A batch is one request: at most --batch-docs documents and --batch-bytes bytes, the first ones
  less, so that something can be searched soon. Typesense indexes a collection's documents one
  request after the other, so that one request is in flight and the next one is being gathered.
  When input comes slowly, a batch is sent as soon as nothing else is in flight.

When Typesense is busy or away:
  Before a batch, the nodes' queued_writes are looked at (a key without status:list cannot), and
  above --max-queued-writes ts-import waits. After 503 it waits 10 to 60 seconds. A node that
  fails is left for the next healthy one, or until one is healthy. An answer cut short leaves
  the fate of the rest of its documents unknown, and these are sent again. Documents that are
  refused with 408, 429 or 5xx are tried again, five times in all. All this ends when there was
  no progress for --timeout. An answer of 422, out of disk or memory, ends the run at once.

Journal:
  That a batch is about to be sent is on disk before it is, and its receipt afterwards. After a
  crash the same line with the same input repeats the receipts of earlier runs (\"replayed\":true),
  and sends the batch that was in flight again (\"resent\":true). With --action create, what is there
  as it was sent counts as made by the killed run; to see that, the key needs documents:search and
  documents:get. A document that others had made just so before counts as well. One whose values
  Typesense has changed (--dirty-values) is rejected as already-exists; one without an id may then
  be there twice.

  What earlier runs imported is not looked for (\"checked\":false). --check-replayed does, and rejects
  what is gone as superseded; into a collection that was recreated everything is imported again.

  When the journal cannot be written, as on a full disk, the run ends with 1, nothing more is sent,
  and the receipt of what was imported is on stdout (or stderr) all the same.

A new collection:
  --to-new makes ALIAS_TIME with the schema, the synonyms and the overrides of COLLECTION. The
  alias is only changed if every document was imported (with --max-rejects N, all but N) and
  the collection has exactly as many, so that no id may come twice. The way back is on stderr,
  and with a journal it is the true one after any crash. An alias that somebody has changed since
  a run with the same journal did is not changed again. Typesense allows no alias with the name
  of a collection.

Exit codes:
  0 all done, 1 aborted, 2 usage, 3 finished but some documents were rejected, 101 a bug. On
  SIGINT or SIGTERM the batch in flight is finished, and nothing more is sent.";

fn name(text: &str) -> Result<String, String> {
    let valid = !text.is_empty() && !matches!(text, "." | "..") && !text.contains(['/', '?', '#', '%']);
    if !valid || text.chars().any(char::is_control) {
        return Err(format!("{text:?} is no name of a collection or alias"));
    }
    Ok(text.to_owned())
}
