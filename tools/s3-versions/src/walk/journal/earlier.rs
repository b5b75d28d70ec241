//! What earlier runs wrote: read from the lines of their journal.

use std::collections::BTreeMap;

use anyhow::Result;
use common::Usage;
use common::journal::Entry;

use super::done::Done;
use super::line::{Piece, Place, Said};

/// A listing as far as its journal knows it.
#[derive(Debug, Default)]
pub struct Earlier {
    /// The file, and the bytes that were there before.
    pub begun: Option<(Place, u64)>,
    /// How many runs there were.
    pub runs: u64,
    pub done: Done,
    pub records: u64,
    /// Whether a line says that nothing is left.
    pub is_complete: bool,
    /// Up to here the file is written, and on disk.
    pub length: u64,
    /// Up to here the pieces are known.
    known: u64,
    /// The pieces from there on, by their places.
    open: BTreeMap<u64, Piece>,
}

impl Earlier {
    /// Reads all lines.
    ///
    /// # Errors
    /// When they cannot be read; [`Usage`] when a line says what is not known here, or damage has left it unknown which keys
    /// some bytes are of.
    pub fn read(entries: impl Iterator<Item = Result<Entry>>, name: &str) -> Result<Self> {
        let mut earlier = Self::default();
        for entry in entries {
            earlier.take(entry?, name)?;
        }
        let is_known = earlier.begun.is_some() || earlier.runs == 0;
        if !is_known || earlier.known < earlier.length {
            let message = format!(
                "the damaged lines of the journal {name} are those that say what the bytes of stdout from {} on are: begin \
                 anew with another file and another journal",
                earlier.known
            );
            return Err(Usage::Wrong(message).into());
        }
        Ok(earlier)
    }

    /// What the last run was about to write behind [`Earlier::length`].
    pub fn intended(&self) -> impl Iterator<Item = &Piece> {
        self.open.values()
    }

    /// Begins, or begins again while nothing is written.
    pub fn begin(&mut self, (place, from): (Place, u64)) {
        (self.length, self.known) = (from, from);
        self.begun = Some((place, from));
        self.open.clear();
    }

    fn take(&mut self, entry: Entry, name: &str) -> Result<(), Usage> {
        let (record, is_done) = match entry {
            Entry::Intent(record) => (record, false),
            Entry::Result(record) => (record, true),
        };
        let said: Said = record.view().map_err(|err| {
            Usage::Wrong(format!(
                "the journal {name} has a line that this release does not know ({err}): resume it with the release that wrote \
                 it, or give another file"
            ))
        })?;
        match said {
            Said::Begun { stdout, length } => {
                self.begin((stdout, length));
                self.runs = self.runs.max(1);
            }
            Said::Piece(piece) => self.piece(piece, is_done),
            Said::Complete { to, records, .. } => {
                self.is_complete = true;
                self.done = Done::all();
                (self.length, self.known, self.records) = (to, to, records);
            }
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece, is_done: bool) {
        if piece.run > self.runs {
            let length = self.length;
            self.open.retain(|_, piece| piece.end() <= length);
            self.runs = piece.run;
        }
        let end = piece.end();
        if piece.length > 0 {
            if piece.at >= self.known {
                self.open.entry(piece.at).or_insert(piece);
            }
        } else if let Some(keys) = piece.keys.filter(|_| is_done) {
            self.done.add(keys);
        }
        if is_done {
            self.length = self.length.max(end);
            self.settle();
        }
    }

    /// Counts the pieces that are written. Notes may come out of order, and one may be damaged: its intent says the same.
    fn settle(&mut self) {
        while let Some(first) = self.open.first_entry()
            && first.get().at == self.known
            && first.get().end() <= self.length
        {
            let piece = first.remove();
            self.known = piece.end();
            self.records += piece.records;
            piece.keys.into_iter().for_each(|keys| self.done.add(keys));
        }
    }
}
