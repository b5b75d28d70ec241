//! `--journal FILE`: results that are on disk before they count, so that a run can be taken up after any crash.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};

use crate::record::Record;

/// Entries that wait for the same sync of the disk.
const BATCH: usize = 1024;

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

#[derive(Deserialize, Serialize)]
struct Entry<'a> {
    id: &'a str,
    #[serde(borrow)]
    result: &'a RawValue,
}

struct Commit {
    line: Vec<u8>,
    synced: oneshot::Sender<io::Result<()>>,
}

/// An append-only JSON-lines file of `{"id","result"}`. It holds 24 bytes of memory for each entry of earlier runs.
pub struct Journal {
    name: String,
    file: File,
    earlier: Vec<(Id, u64)>,
    /// Bytes of earlier runs.
    length: u64,
    queue: Option<mpsc::Sender<Commit>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens or makes the file, and locks it against a second run.
    ///
    /// A last line that a crash cut short is removed: its work never counted as done.
    ///
    /// # Errors
    /// When the file cannot be opened, belongs to a run that is still going, or is no journal.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("cannot open the journal {name}"))?;
        if file.try_lock().is_err() {
            bail!("the journal {name} is in use by another run: wait for it or give another file");
        }
        let earlier = load(&mut file).with_context(|| format!("cannot use the journal {name}"))?;
        let length = file.metadata().with_context(|| format!("cannot look at the journal {name}"))?.len();
        let (queue, commits) = mpsc::channel(BATCH);
        let mut writer = file.try_clone().context("cannot open the journal twice")?;
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || write(&mut writer, commits))
            .context("cannot start the thread that writes the journal")?;
        Ok(Self { name, file, earlier, length, queue: Some(queue), thread: Some(thread) })
    }

    /// The result that an earlier run wrote for this work.
    ///
    /// # Errors
    /// When the file cannot be read any more.
    pub fn find(&self, id: Id) -> Result<Option<Record>> {
        let Ok(index) = self.earlier.binary_search_by_key(&id, |(id, _)| *id) else {
            return Ok(None);
        };
        let mut reader = BufReader::new(At { file: &self.file, offset: self.earlier[index].1 });
        let mut line = String::new();
        reader.read_line(&mut line).with_context(|| format!("cannot read the journal {}", self.name))?;
        let entry: Entry<'_> = serde_json::from_str(&line)?;
        Record::parse(entry.result.get().to_owned()).map(Some).map_err(anyhow::Error::msg)
    }

    /// All results of earlier runs in the order in which they were written.
    pub fn earlier(&self) -> impl Iterator<Item = Result<Record>> {
        let lines = BufReader::new(At { file: &self.file, offset: 0 }.take(self.length)).lines();
        lines.map(|line| {
            let line = line.with_context(|| format!("cannot read the journal {}", self.name))?;
            let entry: Entry<'_> = serde_json::from_str(&line)?;
            Record::parse(entry.result.get().to_owned()).map_err(anyhow::Error::msg)
        })
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
        let id = id.to_hex();
        let mut line =
            serde_json::to_vec(&Entry { id: &id, result: serde_json::from_str(result.as_str())? })?;
        line.push(b'\n');
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

/// A file read from an offset without moving the place where others append.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl io::Read for At<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buf, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }
}

fn load(file: &mut File) -> Result<Vec<(Id, u64)>> {
    let mut reader = BufReader::new(At { file, offset: 0 });
    let mut entries = Vec::new();
    let mut line = Vec::new();
    let mut offset = 0;
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') {
            break;
        }
        let entry: Option<Entry<'_>> = serde_json::from_slice(&line).ok();
        let Some(id) = entry.and_then(|entry| Id::from_hex(entry.id)) else {
            bail!("line {} is not a journal entry; move the file away to start anew", entries.len() + 1);
        };
        entries.push((id, offset));
        offset += length;
    }
    file.set_len(offset)?;
    file.seek(SeekFrom::End(0))?;
    // The last entry of an id is the one that counts.
    entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    entries.dedup_by_key(|(id, _)| *id);
    Ok(entries)
}

/// Writes whatever is waiting, syncs once, and answers all of them.
fn write(file: &mut File, mut commits: mpsc::Receiver<Commit>) {
    let mut batch = Vec::new();
    while commits.blocking_recv_many(&mut batch, BATCH) > 0 {
        let lines: Vec<u8> = batch.iter().flat_map(|commit: &Commit| &commit.line).copied().collect();
        let written = file.write_all(&lines).and_then(|()| file.sync_data());
        for commit in batch.drain(..) {
            let result = match &written {
                Ok(()) => Ok(()),
                Err(err) => Err(io::Error::new(err.kind(), err.to_string())),
            };
            // A task that was abandoned does not wait for the answer.
            let _ = commit.synced.send(result);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_result_is_found_by_the_next_run_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (a, b) = (Id::of(&["ab", "c"]), Id::of(&["a", "bc"]));
        let record = |n: u32| Record::parse(format!("{{\"n\":{n}.10}}")).unwrap();

        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.find(a).unwrap(), None);
        journal.commit(a, &record(1)).await.unwrap();
        journal.commit(a, &record(2)).await.unwrap();
        let second = Journal::open(&path).err().unwrap();
        assert!(second.to_string().contains("in use"), "{second}");
        drop(journal);

        let journal = Journal::open(&path).unwrap();
        assert_eq!(journal.find(a).unwrap(), Some(record(2)));
        assert_eq!(journal.find(b).unwrap(), None);
    }

    #[tokio::test]
    async fn a_line_cut_by_a_crash_never_counted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let record = Record::parse("{}".to_owned()).unwrap();
        let (a, b) = (Id::of(&["a"]), Id::of(&["b"]));
        let journal = Journal::open(&path).unwrap();
        journal.commit(a, &record).await.unwrap();
        journal.commit(b, &record).await.unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();

        let journal = Journal::open(&path).unwrap();
        assert!(journal.find(a).unwrap().is_some());
        assert_eq!(journal.find(b).unwrap(), None);
        journal.commit(b, &record).await.unwrap();
        drop(journal);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn another_file_is_not_taken_for_a_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes");
        std::fs::write(&path, "{\"key\":\"a\"}\n").unwrap();
        let err = format!("{:#}", Journal::open(&path).err().unwrap());
        assert!(err.contains("line 1 is not a journal entry"), "{err}");
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"key\":\"a\"}\n");
    }
}
