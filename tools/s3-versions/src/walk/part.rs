//! What a worker has finished: the lines of whole keys.

use super::board::Span;
use super::spill::Extent;

/// Lines, or where they are kept.
#[derive(Debug)]
pub enum Piece {
    Memory(Vec<u8>),
    Disk(Extent),
}

/// Lines that follow each other, of keys of which nothing more is to come.
#[derive(Debug)]
pub struct Part {
    pub pieces: Vec<Piece>,
    pub records: u64,
    /// The keys that are finished with it, whether they have records or not.
    pub covered: Option<Span>,
}

impl Part {
    /// Adds the part behind this one.
    pub fn append(&mut self, next: Self) {
        self.pieces.extend(next.pieces);
        self.records += next.records;
        if let (Some(span), Some(next)) = (&mut self.covered, next.covered) {
            span.hi = next.hi;
        }
    }
}
