//! What lies in a journal when a run opens it.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::FileExt as _;

use super::Id;
use super::line::{self, Sum};

/// Damaged lines that are named one by one.
const NAMED: u64 = 5;

/// A file read from an offset without moving the place where others append.
pub(super) struct At<'a> {
    pub(super) file: &'a File,
    pub(super) offset: u64,
}

impl io::Read for At<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buf, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }
}

/// How a file ends.
pub(super) enum Tail {
    /// With a line end.
    Whole,
    /// With the beginning of a line of ours.
    Torn,
    /// With something else.
    Foreign,
}

pub(super) struct Found {
    pub(super) entries: Vec<(Id, u64)>,
    pub(super) begin: u64,
    /// Behind the last line that has an end.
    pub(super) end: u64,
    pub(super) tail: Tail,
    /// The numbers of the first damaged lines, and how many there are.
    damaged: Vec<u64>,
    all_damaged: u64,
}

impl Found {
    pub(super) fn report(&self, name: &str) {
        for number in &self.damaged {
            tracing::warn!("line {number} of the journal {name} is damaged: its work is looked at again");
        }
        if self.all_damaged > NAMED {
            tracing::warn!("damaged lines of the journal {name}: {} in all", self.all_damaged);
        }
    }
}

/// Reads all lines of a file that begins with a header, and finds out how it ends.
pub(super) fn load(file: &File, sum: Sum) -> io::Result<Found> {
    let mut reader = BufReader::with_capacity(1 << 16, At { file, offset: 0 });
    let header = line::next(&mut reader)?.map_or(0, |raw| raw.length);
    let mut found = Found {
        entries: Vec::new(),
        begin: header,
        end: header,
        tail: Tail::Whole,
        damaged: Vec::new(),
        all_damaged: 0,
    };
    let mut number = 1;
    while let Some(raw) = line::next(&mut reader)? {
        number += 1;
        if !raw.ended {
            found.tail = if line::is_torn(&raw.bytes) { Tail::Torn } else { Tail::Foreign };
            break;
        }
        match line::parse(sum, &raw.bytes) {
            Some((id, ..)) => found.entries.push((id, found.end)),
            None => {
                found.all_damaged += 1;
                if found.all_damaged <= NAMED {
                    found.damaged.push(number);
                }
            }
        }
        found.end += raw.length;
    }
    // The last entry of an id is the one that counts.
    found.entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    found.entries.dedup_by_key(|(id, _)| *id);
    Ok(found)
}
