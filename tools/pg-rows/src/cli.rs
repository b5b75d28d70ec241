//! The command line, read into ready types.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use common::args;
use common::aws::AwsArgs;
use common::pg::PgArgs;
use common::time::length;

/// Write the rows of a PostgreSQL query as records
///
/// Each row is one JSON object on one line, as PostgreSQL's own row_to_json writes it: numbers keep every digit, nulls are
/// null. Rows leave as the server sends them, in a few MiB of memory however many there are.
///
/// The query runs in one read-only transaction that sees the database as it was when it began. DB_URL, or libpq's
/// variables, say where.
#[derive(Debug, Parser)]
#[command(name = "pg-rows", version, after_long_help = AFTER)]
#[command(group(ArgGroup::new("form").args(["param_field", "plain"]).multiple(false)))]
pub struct Cli {
    /// The query, with $1, $2 and so on where parameters go
    #[arg(required_unless_present_any = ["query_file", "generate"], conflicts_with = "query_file")]
    pub query: Option<String>,

    /// Read the query from this file
    #[arg(long, value_name = "FILE")]
    pub query_file: Option<PathBuf>,

    /// A parameter, the first for $1; text that the server reads as the type it needs there
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    pub param: Vec<String>,

    /// Run the query once for each record of this file (- is stdin), in its order
    ///
    /// All runs see the same snapshot of the database. A record that the server cannot run the query with is rejected,
    /// and the next is run.
    #[arg(long, value_name = "FILE", conflicts_with = "param", requires = "form")]
    pub params_from: Option<PathBuf>,

    /// Take a parameter from this field of each record, the first for $1
    ///
    /// Text is taken as it is, null as a null, anything else as its JSON text. A record without the field is rejected.
    #[arg(long, value_name = "NAME", requires = "params_from")]
    pub param_field: Vec<String>,

    /// Take each line of the file as $1
    #[arg(long, requires = "params_from")]
    pub plain: bool,

    /// Write a last record that says that the output is whole: {"pg_rows":{"rows":N,"complete":true}}
    #[arg(long)]
    pub trailer: bool,

    /// End the query, or a run of it, when it takes longer than this (60s, 5m)
    ///
    /// Waiting for the reader of stdout counts too. Without this flag the server's statement_timeout holds.
    #[arg(long, value_name = "TIME", value_parser = length)]
    pub timeout: Option<Duration>,

    /// Let functions in the query change something, and commit after the last row
    #[arg(long)]
    pub read_write: bool,

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
  All people, as records:
    pg-rows 'select * from search.people_all()' > people.jsonl

  One hot slice, with a parameter:
    pg-rows 'select * from search.people_hot($1)' --param london

  Every hot slice of a list, one line each:
    pg-rows 'select * from search.people_hot($1)' \\
      --params-from hot.txt --plain > hot.jsonl

  Parameters from two fields of records:
    pg-rows \\
      'select id, name from search.people where city = $1 and followers > $2' \\
      --params-from slices.jsonl --param-field city --param-field followers

  A query from a file, and a last record that proves that nothing is missing:
    pg-rows --query-file work.sql --timeout 1h --trailer > work.jsonl

Queries:
  Anything that can stand in parentheses after FROM: SELECT, VALUES, TABLE, WITH. Two columns of
  the same name are refused, since a record cannot have both: give one of them another with AS.
  A semicolon at the end does no harm. Types that JSON does not have come as PostgreSQL's text
  for them, timestamps in ISO 8601; the time zone and other settings are those of the role and
  of PGOPTIONS.

Parameters:
  Values are sent beside the query, never as a part of it. The server decides the type: write
  $1::date where it cannot. A parameter of --param is never null; write nullif($1, '').

Whole or not:
  Rows are written as they come, so that output without exit code 0 or 3 lacks its end. In a
  pipeline the next tool sees no exit code: with --trailer it sees the last record, which is
  written only when the server has sent every row. \"complete\" is false there when records of
  --params-from were rejected.

Exit codes:
  0 all done, or stdout was closed; 1 aborted, 2 usage, 3 finished but some records of
  --params-from were rejected, 101 a bug. On SIGINT or SIGTERM, and when stdout is closed, the
  query is cancelled on the server.";
