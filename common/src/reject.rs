//! Records that failed: a value while the run goes on, a dead letter when it is written.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::journal::MAGIC;
use crate::log::Console;
use crate::progress::Counts;
use crate::record::{BadLine, Item};
use crate::run::Usage;
use crate::{args, claims, dead_letter};

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
        let file = args.rejects.as_deref().map(append).transpose()?.map(Mutex::new);
        Ok(Self { inner: Arc::new(Inner { tool, file, path, max: args.max_rejects, console, counts }) })
    }

    /// Writes the dead letter of one input and counts it.
    ///
    /// # Errors
    /// When the letter cannot be written, or when it is one more than `--max-rejects` allows: both end the run.
    pub fn write(&self, reject: &Reject, input: &Item) -> Result<()> {
        let text = dead_letter::write(self.inner.tool, reject, input)?;
        match &self.inner.file {
            Some(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Opens a file so that what is appended begins on a line of its own, whoever wrote to it before and whatever cut that
/// short. A new one can be read by its owner alone: rejects hold whole records.
fn append(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    // What is no regular file, such as a pipe of the shell, may not be opened for reading too: its writer would not
    // notice that its reader is gone.
    let regular = fs::metadata(path).is_ok_and(|found| found.is_file());
    let opened = options.read(regular).open(path);
    let mut file = opened.with_context(|| format!("cannot open the rejects file {}", path.display()))?;
    claims::claim(path, &file, "--rejects")?;
    if regular {
        let mut head = [0; MAGIC.len()];
        if file.read_exact_at(&mut head, 0).is_ok() && head == *MAGIC.as_bytes() {
            let message = format!("--rejects {} is a journal: give another file", path.display());
            return Err(Usage::Wrong(message).into());
        }
    }
    if let Some(last) = file.metadata()?.len().checked_sub(1).filter(|_| regular) {
        let mut end = [0];
        file.read_exact_at(&mut end, last)?;
        if end != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn an_append_begins_on_a_line_of_its_own_and_a_new_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        for (before, after) in
            [(None, "{}\n"), (Some(""), "{}\n"), (Some("a\n"), "a\n{}\n"), (Some("{\"tor"), "{\"tor\n{}\n")]
        {
            let path = dir.path().join("rejects");
            let _ = fs::remove_file(&path);
            if let Some(before) = before {
                fs::write(&path, before).unwrap();
            }
            append(&path).unwrap().write_all(b"{}\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
            if before.is_none() {
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
    }
}
