//! What is inside an object: real bytes, or only the identity and the size of bytes that nobody stores.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};

/// The most that synthetic content is written out for in one reply.
const MADE_LIMIT: u64 = 64 << 20;

/// A sequence of pieces. Neighbours that belong together are merged, so two contents are the same bytes if
/// they are equal, in however many parts they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Real(Bytes),
    Made { id: u64, range: Range<u64> },
}

impl Content {
    pub(super) fn real(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::default() } else { Self(vec![Piece::Real(bytes)]) }
    }

    /// `size` bytes that depend on `id` and the offset alone.
    pub(super) fn made(id: u64, size: u64) -> Self {
        if size == 0 { Self::default() } else { Self(vec![Piece::Made { id, range: 0..size }]) }
    }

    /// The size in bytes.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().map(Piece::len).sum()
    }

    /// Whether every byte is stored.
    pub(super) fn is_real(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Real(_)))
    }

    pub(super) fn append(&mut self, other: &Self) {
        for piece in &other.0 {
            match (self.0.last_mut(), piece) {
                (Some(Piece::Real(before)), Piece::Real(bytes)) => {
                    let mut joined = BytesMut::from(&before[..]);
                    joined.extend_from_slice(bytes);
                    *before = joined.freeze();
                }
                (Some(Piece::Made { id, range }), Piece::Made { id: next, range: following })
                    if id == next && range.end == following.start =>
                {
                    range.end = following.end;
                }
                _ => self.0.push(piece.clone()),
            }
        }
    }

    /// The bytes of a range that lies inside the content.
    pub(super) fn slice(&self, range: Range<u64>) -> Self {
        let mut out = Self::default();
        let mut start = 0;
        for piece in &self.0 {
            let end = start + piece.len();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                out.append(&Self(vec![piece.slice(from - start..to - start)]));
            }
            start = end;
        }
        out
    }

    /// The bytes themselves; nothing for synthetic content beyond 64 MiB.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        if let [Piece::Real(bytes)] = &self.0[..] {
            return Some(bytes.clone());
        }
        if self.len() > MADE_LIMIT {
            return None;
        }
        let mut out = BytesMut::new();
        for piece in &self.0 {
            match piece {
                Piece::Real(bytes) => out.extend_from_slice(bytes),
                Piece::Made { id, range } => {
                    out.extend(range.clone().map(|at| (mix(id ^ (at / 8)) >> (at % 8 * 8)).to_le_bytes()[0]))
                }
            }
        }
        Some(out.freeze())
    }

    /// Gives real bytes as they are, and a description for each synthetic piece, to a hash.
    pub(super) fn feed(&self, mut hash: impl FnMut(&[u8])) {
        for piece in &self.0 {
            match piece {
                Piece::Real(bytes) => hash(bytes),
                Piece::Made { id, range } => hash(format!("{id} {} {}", range.start, range.end).as_bytes()),
            }
        }
    }

    pub(super) fn md5(&self) -> [u8; 16] {
        let mut hash = Md5::new();
        self.feed(|bytes| hash.update(bytes));
        hash.finalize().into()
    }
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Real(bytes) => bytes.len() as u64,
            Self::Made { range, .. } => range.end - range.start,
        }
    }

    fn slice(&self, part: Range<u64>) -> Self {
        match self {
            Self::Real(bytes) => {
                let index = |at: u64| usize::try_from(at).expect("real bytes fit into memory");
                Self::Real(bytes.slice(index(part.start)..index(part.end)))
            }
            Self::Made { id, range } => {
                Self::Made { id: *id, range: range.start + part.start..range.start + part.end }
            }
        }
    }
}

/// MD5 of raw bytes, as lower-case hex.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Spreads a number over all 64 bits, the same on every run (the finalizer of SplitMix64).
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
