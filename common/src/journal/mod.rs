//! `--journal FILE`: what is about to be done and what was done are on disk before they count, so that a run can be resumed
//! after any crash.
//!
//! The first line says what the journal is about ([`Identity`]). Each other line is
//! `{"sum":"...","id":"...","intent":{...}}` or the same with `"result"`; the last line of an id counts. A run that finds
//! only an intent must find out what became of it, and knows from it what was there before.

mod identity;
mod line;
mod load;
mod writer;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::{mpsc, oneshot};

pub use identity::Identity;
pub(crate) use identity::MAGIC;
use line::{Kind, Sum};
use load::{At, Tail, load};
use writer::{BATCH, Commit};

use crate::claims;
use crate::record::Record;
use crate::run::Usage;

/// What names one piece of work across runs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Id([u8; 16]);

impl Id {
    /// The id of a piece of work named by these parts, in this order.
    pub fn of(parts: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            // With its length before each part, ("ab","c") and ("a","bc") differ.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut id = [0; 16];
        hasher.finalize_xof().fill(&mut id);
        Self(id)
    }

    fn to_hex(self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }

    fn from_hex(text: &str) -> Option<Self> {
        let valid = text.len() == 32;
        valid.then(|| u128::from_str_radix(text, 16).ok().map(|id| Self(id.to_be_bytes()))).flatten()
    }
}

/// What a journal says of a piece of work.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Entry {
    /// It was about to be done when the run ended: it may be done, in part or not at all. The record has what was there
    /// before.
    Intent(Record),
    /// It was done, with this result.
    Result(Record),
}

/// An append-only file of intents and results. It holds 24 bytes of memory for each line of earlier runs.
pub struct Journal {
    name: String,
    file: Option<File>,
    sum: Sum,
    earlier: Vec<(Id, u64)>,
    /// Where the lines of earlier runs begin and end, in bytes.
    lines: std::ops::Range<u64>,
    queue: Option<mpsc::Sender<Commit>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens or makes the file, and locks it against a second run.
    ///
    /// A last line that a crash cut short is removed: its work never counted. A damaged line is named on stderr, and its
    /// work is as if it had not been written down.
    ///
    /// # Errors
    /// [`Usage`] when the file is no regular file, no journal, or that of another run; not a byte of it is changed then.
    /// Else when it cannot be opened, or belongs to a run that is still going.
    pub fn open(path: &Path, identity: &Identity) -> Result<Self> {
        let name = path.display().to_string();
        is_usable(path)?;
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("cannot open the journal {name}"))?;
        // A special file may have come to its place meanwhile.
        is_usable(path)?;
        claims::claim(path, &file, "--journal")?;
        if file.try_lock().is_err() {
            bail!("the journal {name} is in use by another run: wait for it or give another file");
        }
        let failed = || format!("cannot use the journal {name}");
        let sum = begin(&mut file, path, identity)?;
        let found = load(&file, sum).with_context(failed)?;
        found.report(&name);
        match &found.tail {
            Tail::Whole => {}
            Tail::Torn => file.set_len(found.end).with_context(failed)?,
            Tail::Foreign => io::Write::write_all(&mut file, b"\n").with_context(failed)?,
        }
        let (queue, commits) = mpsc::channel(BATCH);
        let mut writer = file.try_clone().context("cannot open the journal twice")?;
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer::run(&mut writer, commits))
            .context("cannot start the thread that writes the journal")?;
        Ok(Self {
            name,
            file: Some(file),
            sum,
            earlier: found.entries,
            lines: found.begin..found.end,
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Opens the file of an earlier run to read it, as a dry run does: nothing is written, nothing is made. Without a file
    /// there are no results.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn read(path: &Path, identity: &Identity) -> Result<Self> {
        let name = path.display().to_string();
        is_usable(path)?;
        let mut journal = Self {
            name,
            file: None,
            sum: Sum::of(&[]),
            earlier: Vec::new(),
            lines: 0..0,
            queue: None,
            thread: None,
        };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(journal),
            Err(err) => return Err(err).with_context(|| format!("cannot open the journal {}", journal.name)),
        };
        claims::claim(path, &file, "--journal")?;
        if file.try_lock_shared().is_err() {
            bail!("the journal {} is in use by another run: wait for it or give another file", journal.name);
        }
        let first = first_line(&file).with_context(|| format!("cannot read the journal {}", journal.name))?;
        if first.is_empty() {
            return Ok(journal);
        }
        journal.sum = identity.check(&first, path)?;
        let found =
            load(&file, journal.sum).with_context(|| format!("cannot read the journal {}", journal.name))?;
        found.report(&journal.name);
        journal.file = Some(file);
        journal.earlier = found.entries;
        journal.lines = found.begin..found.end;
        Ok(journal)
    }

    /// What an earlier run wrote last about this work.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn find(&self, id: Id) -> Result<Option<Entry>> {
        let (Ok(index), Some(file)) =
            (self.earlier.binary_search_by_key(&id, |(id, _)| *id), self.file.as_ref())
        else {
            return Ok(None);
        };
        let reader = At { file, offset: self.earlier[index].1 };
        let raw = line::next(&mut BufReader::new(reader))
            .with_context(|| format!("cannot read the journal {}", self.name))?;
        let raw =
            raw.with_context(|| format!("the journal {} became shorter while it was read", self.name))?;
        match line::parse(self.sum, &raw.bytes) {
            Some((_, kind, record)) => entry(kind, record).map(Some),
            None => bail!("the journal {} was changed while it was read", self.name),
        }
    }

    /// All that earlier runs wrote, in its order, also what later lines overrule. Damaged lines are passed over.
    pub fn earlier(&self) -> impl Iterator<Item = Result<Entry>> {
        let range = self.lines.clone();
        let mut reader = self
            .file
            .as_ref()
            .map(|file| BufReader::new(At { file, offset: range.start }.take(range.end - range.start)));
        std::iter::from_fn(move || {
            loop {
                let raw = match line::next(reader.as_mut()?) {
                    Ok(raw) => raw?,
                    Err(err) => {
                        return Some(
                            Err(err).with_context(|| format!("cannot read the journal {}", self.name)),
                        );
                    }
                };
                if let Some((_, kind, record)) = line::parse(self.sum, &raw.bytes) {
                    return Some(entry(kind, record));
                }
            }
        })
    }

    /// Writes down what is about to be done and what is there now; returns when that is on disk, which must be before the
    /// request for it is sent.
    ///
    /// # Errors
    /// When it cannot be written: then the work must not be begun.
    pub async fn intend(&self, id: Id, intent: &Record) -> Result<()> {
        self.put(id, Kind::Intent, intent).await?.await
    }

    /// Writes a result; returns when it is on disk.
    ///
    /// # Errors
    /// When it cannot be written: the work is done, but no later run will know.
    pub async fn commit(&self, id: Id, result: &Record) -> Result<()> {
        self.queue(id, result).await?.await
    }

    /// Puts a result behind all that were queued before; what is returned ends when it is on disk.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub async fn queue(
        &self,
        id: Id,
        result: &Record,
    ) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
        self.put(id, Kind::Result, result).await
    }

    async fn put(
        &self,
        id: Id,
        kind: Kind,
        record: &Record,
    ) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
        let line = line::write(self.sum, id, kind, record.as_str())?;
        let (synced, on_disk) = oneshot::channel();
        let name = self.name.clone();
        let gone = |name: &str| anyhow!("the journal {name} is closed");
        let queue = self.queue.as_ref().ok_or_else(|| gone(&name))?;
        queue.send(Commit { line, synced }).await.map_err(|_| gone(&name))?;
        Ok(async move {
            on_disk
                .await
                .map_err(|_| gone(&name))?
                .with_context(|| format!("cannot write the journal {name}"))
        })
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // Every commit was answered for by itself.
            let _ = thread.join();
        }
    }
}

fn entry(kind: Kind, record: &str) -> Result<Entry> {
    let record = Record::parse(record.to_owned()).map_err(anyhow::Error::msg)?;
    Ok(match kind {
        Kind::Intent => Entry::Intent(record),
        Kind::Result => Entry::Result(record),
    })
}

/// Only a regular file can be cut back and read again.
fn is_usable(path: &Path) -> Result<(), Usage> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            Err(Usage::Wrong(format!("--journal {} is no regular file: give another", path.display())))
        }
        _ => Ok(()),
    }
}

fn first_line(file: &File) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(At { file, offset: 0 }.take(line::MAX_HEADER));
    Ok(line::next(&mut reader)?.map(|raw| raw.bytes).unwrap_or_default())
}

/// Holds the first line of a file against this run, or writes it where there is none.
fn begin(file: &mut File, path: &Path, identity: &Identity) -> Result<Sum> {
    let failed = || format!("cannot begin the journal {}", path.display());
    let header = identity.header()?;
    let first = first_line(file).with_context(failed)?;
    // An empty file has nothing to lose. Of the beginning of just this first line neither has: it is that of a run which was
    // killed, or whose disk was full, before it did anything.
    let is_torn = first.len() >= identity::MAGIC.len() && header.starts_with(&first) && first != header;
    if !first.is_empty() && !is_torn {
        return Ok(identity.check(&first, path)?);
    }
    let begun = file
        // Whoever made the empty file; what is written down is for its owner alone.
        .set_permissions(fs::Permissions::from_mode(0o600))
        .and_then(|()| file.set_len(0))
        .and_then(|()| io::Write::write_all(file, &header))
        .and_then(|()| file.sync_all())
        .inspect_err(|_| {
            // What is left of it then is still the beginning of a first line.
            let _ = file.set_len(0);
        });
    begun.with_context(failed)?;
    Ok(identity.check(&header, path)?)
}

#[cfg(test)]
mod tests;
