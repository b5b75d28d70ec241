//! The command line, and the job it becomes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use common::aws::AwsArgs;
use common::time::length;
use common::{Usage, args};

use crate::given::Given;
use crate::pointer::Pointer;

/// Change one value in Secrets Manager or Parameter Store and write down the way back
///
/// The value is the whole of a secret or parameter, or the part of its JSON that --pointer names; every other byte stays
/// as it is. It is given on the command line, or comes from records on stdin, one JSON object a line. Each record
/// leaves with a field `swap` that names the versions before and after, and --undo reads it. No value is ever printed.
#[derive(Debug, Parser)]
#[command(name = "conf-swap", version, override_usage = USAGE, after_long_help = AFTER)]
pub struct Cli {
    /// Swap in this secret of Secrets Manager, by name or ARN
    #[arg(long, value_name = "ID", group = "target", requires = "wanted")]
    secret: Option<String>,

    /// Swap in this parameter of Parameter Store
    #[arg(long, value_name = "NAME", group = "target", requires = "wanted", value_parser = parameter)]
    ssm: Option<String>,

    /// Read the output of an earlier run and put back what was there before
    #[arg(long, group = "target", conflicts_with_all = ["wanted", "pointer", "expected", "label"])]
    undo: bool,

    /// Change only what this JSON pointer names, such as /host
    ///
    /// What is not there is not made. A string stays a string; of anything else, the new value must be JSON of the same
    /// type.
    #[arg(long, value_name = "POINTER")]
    pointer: Option<Pointer>,

    #[command(flatten)]
    value: ValueArgs,

    #[command(flatten)]
    expect: ExpectArgs,

    /// With --ssm: change what readers of NAME:LABEL get, and move the label along
    #[arg(long, value_name = "LABEL", conflicts_with = "secret", value_parser = label)]
    label: Option<String>,

    /// Swap only if this shell command succeeds, such as a login with the new value
    ///
    /// Its environment has the whole new content as CONF_SWAP_VALUE and the new value as CONF_SWAP_NEW. What it prints
    /// becomes messages, with *** for every value in it. It runs in a dry run too: it should only look.
    #[arg(long, value_name = "COMMAND")]
    check: Option<String>,

    /// How long the check may take
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "60s")]
    timeout: Duration,

    /// Do everything but the writes
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Keep intents and results in FILE; a run with the same FILE resumes
    ///
    /// Before anything is changed, FILE has which version is current. After a crash, the same command with the same FILE
    /// finishes what was begun, and its record has the true way back. A result that is repeated has "replayed":true, if
    /// the version is still current; otherwise the record is rejected. No value is ever in FILE.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    #[command(flatten)]
    rejects: args::Rejects,
    #[command(flatten)]
    aws: AwsArgs,
    #[command(flatten)]
    common: args::Common,
}

/// Flags that a run with the same journal may have otherwise: the value and what is expected are secrets, a check only
/// looks.
pub const NOT_KEPT: [&str; 8] =
    ["value", "value_file", "value_env", "expect", "expect_file", "expect_env", "check", "timeout"];

/// The new value.
#[derive(Args, Debug)]
#[group(id = "wanted", multiple = false)]
struct ValueArgs {
    /// The new value, if it is no secret: arguments are seen by everybody on the machine
    #[arg(long, value_name = "VALUE")]
    value: Option<String>,

    /// Read the new value from FILE, without the line end at its end; - is stdin
    #[arg(long, value_name = "FILE")]
    value_file: Option<PathBuf>,

    /// Take the new value from this variable of the environment
    #[arg(long, value_name = "NAME")]
    value_env: Option<String>,

    /// Read records, and take the new value from this field: a name, or a JSON pointer such as /restore/endpoint
    #[arg(long, value_name = "FIELD", value_parser = field)]
    value_from: Option<Pointer>,
}

/// The present value.
#[derive(Args, Debug)]
#[group(id = "expected", multiple = false)]
struct ExpectArgs {
    /// Swap only if this value is there now, or the new one already
    #[arg(long, value_name = "VALUE")]
    expect: Option<String>,

    /// The same, with the value in FILE
    #[arg(long, value_name = "FILE", value_parser = regular)]
    expect_file: Option<PathBuf>,

    /// The same, with the value in this variable of the environment
    #[arg(long, value_name = "NAME")]
    expect_env: Option<String>,
}

/// The command line as the run needs it.
pub struct Job {
    pub work: Work,
    pub check: Option<(String, Duration)>,
    pub dry_run: bool,
    pub journal: Option<PathBuf>,
    pub rejects: args::Rejects,
    pub aws: AwsArgs,
}

/// What is to be done.
pub enum Work {
    /// Take back what records tell of.
    Undo,
    /// Swap this.
    Swap { target: Target, pointer: Option<Pointer>, source: Source, expect: Option<Given> },
}

/// Where the value is to be.
pub enum Target {
    /// A secret's name or ARN.
    Secret(String),
    /// A parameter, and the label that its readers go by.
    Parameter { name: String, label: Option<String> },
}

/// Where the value comes from.
pub enum Source {
    /// The command line.
    Given(Given),
    /// This field of records on stdin.
    Records(Pointer),
}

impl Cli {
    /// Sorts the flags by what they are for.
    ///
    /// # Errors
    /// [`Usage`] where they do not go together.
    pub fn job(self) -> Result<Job, Usage> {
        let target = match (self.secret, self.ssm) {
            (Some(id), _) => Some(Target::Secret(id)),
            (None, Some(name)) => Some(Target::Parameter { name, label: self.label }),
            (None, None) => None,
        };
        let ValueArgs { value, value_file, value_env, value_from } = self.value;
        let source =
            value_from.map(Source::Records).or(Given::of(value, value_file, value_env).map(Source::Given));
        let ExpectArgs { expect, expect_file, expect_env } = self.expect;
        let expect = Given::of(expect, expect_file, expect_env);
        let work = match (self.undo, target, source) {
            (true, None, None) => Work::Undo,
            (false, Some(target), Some(source)) => {
                Work::Swap { target, pointer: self.pointer, source, expect }
            }
            _ => return Err(Usage::Wrong("give --secret or --ssm and a value, or --undo".into())),
        };
        let check = self.check.map(|command| (command, self.timeout));
        Ok(Job {
            work,
            check,
            dry_run: self.dry_run,
            journal: self.journal,
            rejects: self.rejects,
            aws: self.aws,
        })
    }
}

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

const USAGE: &str = "\
conf-swap [OPTIONS] <--secret ID|--ssm NAME> --value VALUE
       conf-swap [OPTIONS] <--secret ID|--ssm NAME> --value-from FIELD < RECORDS
       conf-swap [OPTIONS] --undo < RECORDS";

const AFTER: &str = "\
Examples:
  Freeze writes, and unfreeze them later:
    conf-swap --ssm /app/global_readonly --value true > freeze.jsonl
    conf-swap --undo < freeze.jsonl

  The hostname of a restored cluster into a secret, if a login works with it:
    conf-swap --secret prod/db --pointer /host --value-from endpoint \\
      --check 'sh login-test.sh \"$CONF_SWAP_NEW\"' < restored.jsonl |
      tee swap.jsonl

  What that would do, without doing it:
    conf-swap -n --secret prod/db --pointer /host --value-from endpoint \\
      < restored.jsonl

  The name of a restored table for readers of /app/orders_table:live:
    conf-swap --ssm /app/orders_table --label live --value-from table \\
      < restored.jsonl

  A password from the environment, only if nobody has changed it meanwhile:
    conf-swap --secret prod/db --pointer /password --value-env NEW \\
      --expect-env OLD

  A swap that can be resumed after any crash, and an undo that can be:
    conf-swap --ssm /app/global_readonly --value true \\
      --journal swap.journal > swap.jsonl
    conf-swap --undo --journal undo.journal < swap.jsonl

Values:
  --value and --expect stand in the process list and the shell's history: for host names and
  switches. Secrets come by --value-file, --value-env or a record. An empty value is refused.
  One run writes one value: a record that brings another than the first is rejected. Records of
  a rehearsal, with dry_run in them, are only rehearsed here too.

Undoing:
  A secret's AWSCURRENT goes back to the version before, a parameter gets its old content as a
  new version; both only while the version that the swap made is still current. Several swaps
  of a secret are undone from the last to the first: tac swap.jsonl | conf-swap --undo. Of a
  parameter the last can be undone. What changed nothing passes through.

Resuming:
  A run that was killed, or whose disk was full, is resumed by the same command with the same
  --journal. It finishes what was begun, or finds that it was done, and its record has the
  versions before and after. What somebody else changed meanwhile is rejected (changed-since),
  and so is a result that does not hold any more (superseded). The value is not in the journal:
  one file is of one value, for the records of one run. Without --journal, a run that was killed
  is finished too, but a swap that it had made is then `already` there, with no way back.

Exit codes:
  0 all done, 1 aborted, 2 usage, 3 finished but some records were rejected, 101 a bug. Without
  records on stdin, what cannot be swapped is one rejected record.";

/// A field by name or, with a slash at its start, by pointer.
fn field(text: &str) -> Result<Pointer, String> {
    match text {
        "" => Err("a field has a name".into()),
        text if text.starts_with('/') => text.parse(),
        text => Ok(Pointer::field(text)),
    }
}

/// PutParameter takes no ARN and no `name:version` (API reference, PutParameter).
fn parameter(text: &str) -> Result<String, String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte);
    match !text.is_empty() && text.bytes().all(valid) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no parameter's name, as in /app/global_readonly")),
    }
}

/// A label starts with no digit (API reference, LabelParameterVersion), and so never looks like a version.
fn label(text: &str) -> Result<String, String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let starts = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    match starts && text.len() <= 100 && text.bytes().all(valid) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no label, as in live")),
    }
}

/// stdin may be taken already, by records or the new value.
fn regular(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => Err("what is expected is not read from stdin".into()),
        path => Ok(path.into()),
    }
}
