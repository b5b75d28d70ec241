//! Sorts rows that do not fit in memory: sorted runs in files without a name, merged as they become many.
//!
//! The files are gone with the process, however it ends. At most [`FAN`] of each level are open: a level that is full
//! becomes one run of the next, so that there are some 90 at a billion rows.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::row;

/// Runs of a level that are merged into one of the next.
const FAN: usize = 32;
/// What is read ahead of each run, in bytes.
const AHEAD: usize = 64 << 10;

/// Rows in memory, up to a size.
pub struct Batch {
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
    room: usize,
}

impl Batch {
    /// Room for so many bytes of rows; where each lies takes some more.
    pub fn new(room: usize) -> Self {
        Self { bytes: Vec::new(), places: Vec::new(), room }
    }

    /// Takes the row that `write` appends, and says whether the batch is full now.
    ///
    /// # Errors
    /// That of `write`.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<bool> {
        let start = u32::try_from(self.bytes.len())?;
        write(&mut self.bytes)?;
        self.places.push((start, u32::try_from(self.bytes.len())?));
        Ok(self.bytes.len() + self.places.len() * size_of::<(u32, u32)>() >= self.room)
    }

    fn sort(&mut self) {
        let Self { bytes, places, .. } = self;
        places.sort_unstable_by(|a, b| row::compare(part(bytes, *a), part(bytes, *b)));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }
}

fn part(bytes: &[u8], (start, end): (u32, u32)) -> &[u8] {
    &bytes[start as usize..end as usize]
}

/// The runs so far. Several threads may add to it.
pub struct Sorter {
    folder: PathBuf,
    levels: Mutex<Vec<Vec<Source>>>,
}

impl Sorter {
    /// Sorts in files of this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, levels: Mutex::default() }
    }

    /// Moves the rows of a batch to a run.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn spill(&self, batch: &mut Batch) -> Result<()> {
        batch.sort();
        let mut run = self.create()?;
        for &place in &batch.places {
            run.write_all(&u32::to_be_bytes(place.1 - place.0)).with_context(|| self.full())?;
            run.write_all(part(&batch.bytes, place)).with_context(|| self.full())?;
        }
        batch.clear();
        let run = self.finish(run)?;
        self.add(run)
    }

    fn add(&self, run: Source) -> Result<()> {
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        let mut run = run;
        for level in 0.. {
            if levels.len() == level {
                levels.push(Vec::with_capacity(FAN));
            }
            levels[level].push(run);
            if levels[level].len() < FAN {
                break;
            }
            run = self.merged(levels[level].drain(..))?;
        }
        Ok(())
    }

    fn merged(&self, runs: impl Iterator<Item = Source>) -> Result<Source> {
        let mut merge = Merge::new(runs)?;
        let mut run = self.create()?;
        let mut row = Vec::new();
        while merge.next(&mut row)? {
            let length = u32::try_from(row.len())?;
            run.write_all(&length.to_be_bytes()).with_context(|| self.full())?;
            run.write_all(&row).with_context(|| self.full())?;
        }
        self.finish(run)
    }

    fn create(&self) -> Result<BufWriter<File>> {
        let file = tempfile::tempfile_in(&self.folder)
            .with_context(|| format!("cannot make a file in {}: see --tmpdir", self.folder.display()))?;
        Ok(BufWriter::with_capacity(AHEAD, file))
    }

    fn finish(&self, run: BufWriter<File>) -> Result<Source> {
        let mut file =
            run.into_inner().map_err(io::IntoInnerError::into_error).with_context(|| self.full())?;
        file.rewind().with_context(|| self.full())?;
        Ok(Source::Run(file))
    }

    fn full(&self) -> String {
        format!("cannot write to {}: see --tmpdir", self.folder.display())
    }

    /// All rows in their order, those of these batches among them.
    ///
    /// # Errors
    /// When a run cannot be read back.
    pub fn merge(&self, batches: Vec<Batch>) -> Result<Merge> {
        let levels = std::mem::take(&mut *self.levels.lock().unwrap_or_else(PoisonError::into_inner));
        let held = batches.into_iter().map(|mut batch| {
            batch.sort();
            Source::Batch(batch)
        });
        Merge::new(levels.into_iter().flatten().chain(held))
    }
}

/// Where sorted rows come from.
enum Source {
    Run(File),
    Batch(Batch),
}

/// Rows of several sources in one order.
pub struct Merge {
    heads: BinaryHeap<Head>,
}

impl Merge {
    fn new(sources: impl Iterator<Item = Source>) -> Result<Self> {
        let mut heads = BinaryHeap::new();
        for source in sources {
            let rest = match source {
                Source::Run(file) => Rest::Run(BufReader::with_capacity(AHEAD, file)),
                Source::Batch(batch) => Rest::Batch(batch, 0),
            };
            let mut head = Head { row: Vec::new(), rest };
            if head.advance()? {
                heads.push(head);
            }
        }
        Ok(Self { heads })
    }

    /// Puts the next row into `row`; false at the end.
    ///
    /// # Errors
    /// When a run cannot be read back.
    pub fn next(&mut self, row: &mut Vec<u8>) -> Result<bool> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(false);
        };
        std::mem::swap(row, &mut head.row);
        if !head.advance()? {
            PeekMut::pop(head);
        }
        Ok(true)
    }
}

/// A source and its next row. The least row is the greatest of the heap.
struct Head {
    row: Vec<u8>,
    rest: Rest,
}

enum Rest {
    Run(BufReader<File>),
    Batch(Batch, usize),
}

impl Head {
    fn advance(&mut self) -> Result<bool> {
        match &mut self.rest {
            Rest::Batch(batch, next) => {
                let Some(&place) = batch.places.get(*next) else { return Ok(false) };
                *next += 1;
                self.row.clear();
                self.row.extend_from_slice(part(&batch.bytes, place));
                Ok(true)
            }
            Rest::Run(file) => read(file, &mut self.row).context("cannot read the sorted rows back"),
        }
    }
}

fn read(file: &mut BufReader<File>, row: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 4];
    match file.read_exact(&mut length) {
        Ok(()) => {}
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(err) => return Err(err),
    }
    row.resize(u32::from_be_bytes(length) as usize, 0);
    file.read_exact(row)?;
    Ok(true)
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        row::compare(&other.row, &self.row)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;
    use common::s3::Entry;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn row(key: &str) -> Vec<u8> {
        let mut row = Vec::new();
        row::encode(&Entry { key: key.into(), ..Entry::default() }, Timestamp::UNIX_EPOCH, &mut row).unwrap();
        row
    }

    /// The keys in the order in which they come out, having gone in by batches of `room` bytes.
    fn sorted(keys: &[String], room: usize, held: bool) -> Vec<String> {
        let sorter = Sorter::new(std::env::temp_dir());
        let mut batch = Batch::new(room);
        for key in keys {
            let full = batch.push(|bytes| {
                bytes.extend_from_slice(&row(key));
                Ok(())
            });
            if full.unwrap() {
                sorter.spill(&mut batch).unwrap();
            }
        }
        if !held {
            sorter.spill(&mut batch).unwrap();
        }
        let mut merge = sorter.merge(vec![batch]).unwrap();
        let (mut found, mut next) = (Vec::new(), Vec::new());
        while merge.next(&mut next).unwrap() {
            found.push(row::decode(&next).unwrap().key);
        }
        found
    }

    proptest! {
        #[test]
        fn rows_come_out_sorted_whole_and_once(
            keys in prop::collection::vec(".{0,4}", 0..60), room in 1usize..400, held: bool
        ) {
            let mut wanted = keys.clone();
            wanted.sort();
            prop_assert_eq!(sorted(&keys, room, held), wanted);
        }
    }

    #[test]
    fn a_level_that_is_full_becomes_one_run() {
        let keys: Vec<_> = (0..FAN * FAN + 3).map(|n| format!("{:05}", n * 7919 % 100_003)).collect();
        let sorter = Sorter::new(std::env::temp_dir());
        let mut batch = Batch::new(1);
        for key in &keys {
            batch
                .push(|bytes| {
                    bytes.extend_from_slice(&row(key));
                    Ok(())
                })
                .unwrap();
            sorter.spill(&mut batch).unwrap();
        }
        let open: Vec<_> = sorter.levels.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(open, [3, 0, 1]);
        let mut wanted = keys.clone();
        wanted.sort();
        assert_eq!(sorted(&keys, 1, false), wanted);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let sorter = Sorter::new("/nowhere/at/all".into());
        let refusal = sorter.spill(&mut Batch::new(1)).unwrap_err().to_string();
        assert_eq!(refusal, "cannot make a file in /nowhere/at/all: see --tmpdir");
    }
}
