//! The command line, read into ready types.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use common::args;
use common::aws::AwsArgs;
use common::pg::PgArgs;
use common::time::length;

use crate::select::Pattern;

/// Hash the tables of a PostgreSQL database and compare them with another copy
///
/// Writes one record for each table: its rows, its columns and a hash that two tables share exactly if they hold the
/// same rows. With --baseline or --against-env each is compared: equal tables have "match":true, and one that differs is
/// a reject. All tables are read as they were at one instant, and nothing is written.
///
/// Without a TABLE, --all, --schema or --baseline, the tables are read from stdin, as records with a field "table".
#[derive(Debug, Parser)]
#[command(name = "pg-validate-hash", version, after_long_help = AFTER)]
pub struct Cli {
    /// Tables, as NAME, SCHEMA.NAME or patterns of these; a pattern without a dot is of the name in any schema
    #[arg(value_name = "TABLE")]
    pub tables: Vec<Pattern>,

    /// Every table of the database that a restore brings back
    #[arg(long, conflicts_with = "tables")]
    pub all: bool,

    /// Only tables of this schema, or of schemas that the pattern fits; may be given again
    #[arg(long, value_name = "SCHEMA")]
    pub schema: Vec<Pattern>,

    /// Leave out tables of this name or pattern; may be given again
    #[arg(long, value_name = "TABLE")]
    pub exclude: Vec<Pattern>,

    /// Hash these columns alone, in every table
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub columns: Vec<String>,

    /// Hash only rows for which this SQL condition holds
    ///
    /// Names of functions and types outside pg_catalog need their schema.
    #[arg(long, value_name = "CONDITION")]
    pub r#where: Option<String>,

    /// Compare with records that an earlier run wrote; - for stdin
    #[arg(long, value_name = "FILE", conflicts_with = "against_env")]
    pub baseline: Option<PathBuf>,

    /// Compare with the database whose URL is in this environment variable
    #[arg(long, value_name = "NAME")]
    pub against_env: Option<String>,

    /// Also name the rows that differ, each as a record on stdout
    #[arg(long, requires = "against_env", conflicts_with = "counts")]
    pub diff: bool,

    /// With --diff, name the rows of a table if at most N differ; N rows take some 200 N bytes for each connection
    #[arg(long, value_name = "N", default_value = "10000", requires = "diff")]
    pub max_diff: NonZeroUsize,

    /// Count rows and hash nothing
    #[arg(long, conflicts_with_all = ["columns", "portable"])]
    pub counts: bool,

    /// Also write, and compare, a record for each extension, table definition, index, constraint and sequence
    #[arg(long)]
    pub catalog: bool,

    /// Make hashes comparable between databases in which users' types have other object ids
    ///
    /// For copies made by pg_dump or by replication; a restored cluster has the same ids.
    #[arg(long)]
    pub portable: bool,

    /// Read with N connections for each database, besides one that holds the snapshot
    #[arg(long, value_name = "N", default_value = "2")]
    pub concurrency: NonZeroUsize,

    /// Read at most N rows a second from each database
    #[arg(long, value_name = "N", conflicts_with = "counts")]
    pub rows_per_second: Option<NonZeroU64>,

    /// Abort after this time (30m): the snapshot of a long run keeps the server from cleaning up
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub max_duration: Option<Duration>,

    #[command(flatten)]
    pub pg: PgArgs,

    #[command(flatten)]
    pub aws: AwsArgs,

    #[command(flatten)]
    pub rejects: args::Rejects,

    #[command(flatten)]
    pub common: args::Common,
}

impl common::Tool for Cli {
    const CHANGES: bool = false;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

const AFTER: &str = "\
Examples:
  Before the incident, or on the old cluster: what all tables hold:
    pg-validate-hash --all > baseline.jsonl

  On the restored cluster: whether it holds the same:
    pg-validate-hash --url-env RESTORED_URL --baseline baseline.jsonl \\
      > validated.jsonl

  Both at once, naming the rows that differ, without what changes all the time:
    pg-validate-hash --all --exclude 'audit.*' --against-env RESTORED_URL --diff

  The key business tables, as far as they were settled before the incident:
    pg-validate-hash orders invoices --where \"created_at < '2026-11-20 10:00Z'\"

  Row counts, and definitions, indexes, constraints and sequences:
    pg-validate-hash --all --counts --catalog

Connection:
  The URL is in DB_URL, or in the variable that --url-env names; without one, PGHOST, PGPORT, PGUSER,
  PGPASSWORD, PGDATABASE, PGSERVICE, PGPASSFILE, PGSSLMODE, PGSSLROOTCERT and their files are used as
  by psql. Over a network TLS is used, and the server's name and certificate are verified in full;
  sslmode=disable switches it off.

The hash (pgvh1):
  Columns are taken in the order of the bytes of their names. The tuple of a row is what
  COPY (FORMAT binary) writes for it: a 16-bit count of fields, then for each its length (32 bits,
  -1 for null) and its bytes, all big-endian. BLAKE3 of the tuple is drawn out to 2,048 bytes.
  Over all rows these are summed twice: the first 32 bytes as a little-endian number modulo 2^256, and
  all as 1,024 little-endian 16-bit numbers, each modulo 2^16. The hash is BLAKE3 over: the bytes
  pgvh1; the count of columns; for each column its name and its type, as format_type writes it with
  an empty search_path, each after its length in bytes; the count of rows; the 256-bit sum; the 1,024
  sums. Counts and lengths are little-endian, 64 bits for the rows and 32 for the others.
  Types without a binary form (aclitem) are hashed as their text, as text_columns tells. With
  --portable ids of 16384 and above inside arrays and composites are taken as 0, and types that
  hold ids of objects (regclass) are hashed as text.

What is read:
  Rows of partitions count to their parent. Generated columns are columns. Unlogged and foreign
  tables, views and large objects are not hashed by --all. Row-level security never hides rows: it is
  an error. A table that was emptied or rewritten meanwhile is a reject that may be tried again.

Exit codes:
  0 all hashed, and equal where compared; 1 aborted; 2 usage; 3 finished, but some tables differ or
  could not be read; 101 a bug.";
