//! Records that failed: a value while the run goes on, a dead-letter line when it is written.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::args;
use crate::log::Console;
use crate::progress::Counts;
use crate::record::{BadLine, Item};

/// Why one record could not be worked on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reject {
    /// The reason as one word or a few joined by hyphens, for programs: `no-such-version`.
    pub kind: &'static str,
    /// The reason as one line for people: what failed, on what, and what to do.
    pub message: String,
    /// Whether the same record may succeed later without a change.
    pub retryable: bool,
}

impl Reject {
    /// A record that fails the same way until somebody changes something.
    pub fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retryable: false }
    }

    /// A record that may succeed when it is tried again.
    pub fn retryable(kind: &'static str, message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new(kind, message) }
    }

    /// A record whose own content is at fault.
    pub fn bad_record(message: impl Into<String>) -> Self {
        Self::new("bad-record", message)
    }
}

impl From<&BadLine> for Reject {
    fn from(bad: &BadLine) -> Self {
        Self::new("bad-line", bad.message.clone())
    }
}

/// How the work on one record ends when it does not succeed.
#[derive(Debug)]
pub enum Failure {
    /// This record is turned away; the run goes on.
    Reject(Reject),
    /// The run ends.
    Fatal(anyhow::Error),
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Fatal(error)
    }
}

/// The dead-letter line: `{"error":{...},"record":{...}}`, or `"line"` for what is no record.
#[derive(Serialize)]
struct DeadLetter<'a> {
    error: Error<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
}

#[derive(Serialize)]
struct Error<'a> {
    tool: &'a str,
    kind: &'a str,
    message: &'a str,
    retryable: bool,
}

/// A dead letter as it is read back. Both structs refuse other fields, so that a record of somebody
/// else that merely has an `error` is not taken apart.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Returned<'a> {
    #[serde(borrow, rename = "error")]
    _error: ReturnedError<'a>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    line: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReturnedError<'a> {
    #[serde(borrow, rename = "tool")]
    _tool: &'a RawValue,
    #[serde(borrow, rename = "kind")]
    _kind: &'a RawValue,
    #[serde(borrow, rename = "message")]
    _message: &'a RawValue,
    #[serde(rename = "retryable")]
    _retryable: bool,
}

/// The input that a dead letter carries, or `None` where the text is no dead letter.
pub fn unwrap_dead_letter(text: &str) -> Option<String> {
    if !text.contains("\"retryable\"") {
        return None;
    }
    let returned: Returned<'_> = serde_json::from_str(text).ok()?;
    returned.record.map(|record| record.get().to_owned()).or(returned.line)
}

/// The writer of dead letters: a file that is appended to, or stderr.
#[derive(Clone)]
pub struct Rejects {
    inner: Arc<Inner>,
}

struct Inner {
    tool: &'static str,
    file: Option<Mutex<File>>,
    path: String,
    max: Option<u64>,
    console: Console,
    counts: Arc<Counts>,
}

impl Rejects {
    pub(crate) fn open(
        tool: &'static str,
        args: &args::Rejects,
        console: Console,
        counts: Arc<Counts>,
    ) -> Result<Self> {
        let path = args.rejects.as_ref().map_or("stderr".into(), |path| path.display().to_string());
        let file = args
            .rejects
            .as_ref()
            .map(|path| OpenOptions::new().append(true).create(true).open(path))
            .transpose()
            .with_context(|| format!("cannot open the rejects file {path}"))?
            .map(Mutex::new);
        Ok(Self { inner: Arc::new(Inner { tool, file, path, max: args.max_rejects, console, counts }) })
    }

    /// Writes the dead letter of one input and counts it.
    ///
    /// # Errors
    /// When the letter cannot be written, or when it is one more than `--max-rejects` allows: both end the run.
    pub fn write(&self, reject: &Reject, input: &Item) -> Result<()> {
        let (record, line) = match input {
            Item::Record(record) => (Some(serde_json::from_str(record.as_str())?), None),
            Item::Line(bad) => (None, Some(bad.line.as_str())),
        };
        let letter = DeadLetter {
            error: Error {
                tool: self.inner.tool,
                kind: reject.kind,
                message: &reject.message,
                retryable: reject.retryable,
            },
            record,
            line,
        };
        let mut text = serde_json::to_vec(&letter)?;
        text.push(b'\n');
        match &self.inner.file {
            Some(file) => {
                let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                file.write_all(&text)
            }
            None => self.inner.console.write(&text),
        }
        .with_context(|| format!("cannot write a reject to {}", self.inner.path))?;
        let rejected = self.inner.counts.rejected(1);
        match self.inner.max {
            Some(max) if rejected > max => {
                bail!("more than {max} records failed (--max-rejects {max}); the last: {}", reject.message)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_dead_letter_is_unwrapped() {
        let letter =
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":false},"record":{"n":1.10}}"#;
        assert_eq!(unwrap_dead_letter(letter).as_deref(), Some(r#"{"n":1.10}"#));
        let line = r#"{"error":{"tool":"t","kind":"k","message":"\"q\"","retryable":true},"line":"{\"a\""}"#;
        assert_eq!(unwrap_dead_letter(line).as_deref(), Some("{\"a\""));
        for other in [
            r#"{"error":"x","record":{}}"#,
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":false},"record":{},"more":1}"#,
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":false}}"#,
            r#"{"retryable":true}"#,
        ] {
            assert_eq!(unwrap_dead_letter(other), None, "{other}");
        }
    }
}
