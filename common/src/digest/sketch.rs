//! Which elements two copies of a collection do not share, from one reading of each and in memory for the differences
//! alone.
//!
//! An invertible Bloom lookup table (Goodrich and Mitzenmacher, "Invertible Bloom Lookup Tables", 2011) over
//! fingerprints of elements: one side adds its elements, the other takes its own away, and what is left can be read back
//! while it is little enough. A cell sums in a prime field, so that an element which is there several times more is found
//! with its count.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use super::Drawn;

/// The prime 2^61 - 1, modulo which cells sum.
const PRIME: u64 = (1 << 61) - 1;
/// Cells that an element is in, each in a part of its own.
const PARTS: usize = 4;
/// What the words of a fingerprint start at in the drawn bytes, beyond those that the digest's sum uses.
const WORDS_AT: usize = 32;

/// What stands for an element: 122 bits of its hash.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint([u64; 2]);

impl Fingerprint {
    /// Bytes drawn from the hash of an element that is only to be recognised: as far as its fingerprint reaches.
    pub const DRAWN: usize = 64;

    /// The fingerprint of an element.
    pub fn of(drawn: &Drawn) -> Self {
        let word = |at: usize| {
            let bytes = drawn[WORDS_AT..].as_chunks::<8>().0[at];
            u64::from_le_bytes(bytes) % PRIME
        };
        Self([word(0), word(1)])
    }

    /// The element's cell in each part, for parts of this size.
    fn cells(self, size: usize) -> [usize; PARTS] {
        std::array::from_fn(|part| {
            let at = mixed(self, part as u64 + 1) % size as u64;
            part * size + usize::try_from(at).unwrap_or_default()
        })
    }

    fn check(self) -> u64 {
        mixed(self, 0)
    }
}

/// The finalizer of splitmix64 over both words.
fn mixed(Fingerprint([a, b]): Fingerprint, salt: u64) -> u64 {
    let mut x = a ^ b.rotate_left(32) ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Cell {
    count: i64,
    words: [u64; 2],
    check: u64,
}

impl Cell {
    /// What an element brings to each of its cells.
    fn of(element: Fingerprint, count: i64) -> Self {
        let factor = residue(count);
        let check = element.check().wrapping_mul(count.cast_unsigned());
        Self { count, words: element.0.map(|word| product(word, factor)), check }
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        for (sum, word) in self.words.iter_mut().zip(other.words) {
            *sum = sum_of(*sum, word);
        }
        self.check = self.check.wrapping_add(other.check);
    }

    fn negated(&self) -> Self {
        let minus = |word: u64| if word > 0 { PRIME - word } else { 0 };
        Self { count: -self.count, words: self.words.map(minus), check: self.check.wrapping_neg() }
    }

    /// The one element that this cell holds, and how often; nothing where it holds several or none.
    fn only(&self) -> Option<(Fingerprint, i64)> {
        let factor = residue(self.count);
        if factor == 0 {
            return None;
        }
        let inverse = power(factor, PRIME - 2);
        let element = Fingerprint(self.words.map(|sum| product(sum, inverse)));
        (element.check().wrapping_mul(self.count.cast_unsigned()) == self.check)
            .then_some((element, self.count))
    }
}

fn residue(count: i64) -> u64 {
    let rest = count.unsigned_abs() % PRIME;
    if count < 0 && rest > 0 { PRIME - rest } else { rest }
}

fn sum_of(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

fn product(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let low = product & u128::from(PRIME);
    // Both halves are below 2^61 when the factors are.
    sum_of(u64::try_from(low).unwrap_or_default(), u64::try_from(product >> 61).unwrap_or_default())
}

fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = product(result, base);
        }
        base = product(base, base);
        exponent >>= 1;
    }
    result
}

/// The elements of one side less those of the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sketch {
    cells: Vec<Cell>,
}

impl Sketch {
    /// Nothing yet; holds this many different elements, and most often half as many again.
    pub fn new(capacity: NonZeroUsize) -> Self {
        // Four parts can be read back up to 0.77 elements a cell (the paper, section 3). In few cells two would now and
        // then share all of theirs.
        let size = capacity.get() * 2 / 5 + 512;
        Self { cells: vec![Cell::default(); size * PARTS] }
    }

    /// One of the same size with nothing in it.
    pub fn emptied(&self) -> Self {
        Self { cells: vec![Cell::default(); self.cells.len()] }
    }

    /// Adds an element.
    pub fn add(&mut self, element: Fingerprint) {
        self.put(element, 1);
    }

    fn put(&mut self, element: Fingerprint, count: i64) {
        let brought = Cell::of(element, count);
        for cell in element.cells(self.cells.len() / PARTS) {
            self.cells[cell].add(&brought);
        }
    }

    /// Adds what another sketch of the same size holds, or takes it away.
    pub fn merge(&mut self, other: &Self, less: bool) {
        for (cell, other) in self.cells.iter_mut().zip(&other.cells) {
            if less { cell.add(&other.negated()) } else { cell.add(other) }
        }
    }

    /// Every element that is left, with how often: above zero for what only the adding side has. Nothing where there are
    /// more than can be read back.
    pub fn left(mut self) -> Option<HashMap<Fingerprint, i64>> {
        let size = self.cells.len() / PARTS;
        let mut left = HashMap::new();
        let mut queue: Vec<usize> = (0..self.cells.len()).collect();
        while let Some(cell) = queue.pop() {
            if let Some((element, count)) = self.cells[cell].only()
                && element.cells(size).contains(&cell)
            {
                self.put(element, -count);
                *left.entry(element).or_insert(0) += count;
                queue.extend(element.cells(size));
            }
        }
        left.retain(|_, count| *count != 0);
        self.cells.iter().all(|cell| *cell == Cell::default()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn element(n: u64) -> Fingerprint {
        let mut drawn = [0; crate::digest::DRAWN];
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut drawn);
        Fingerprint::of(&drawn)
    }

    fn sketch(elements: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::new(NonZeroUsize::new(100).unwrap());
        for n in elements {
            sketch.add(element(n));
        }
        sketch
    }

    proptest! {
        #[test]
        fn what_two_sides_do_not_share_is_read_back(
            shared in prop::collection::vec(0u64..500, 0..300),
            ours in prop::collection::vec((500u64..1000, 1usize..5), 0..30),
            theirs in prop::collection::vec((1000u64..1500, 1usize..5), 0..30),
        ) {
            let many = |side: &[(u64, usize)]| {
                side.iter().flat_map(|&(n, times)| std::iter::repeat_n(n, times)).collect::<Vec<_>>()
            };
            let (ours, theirs) = (many(&ours), many(&theirs));
            let mut left = sketch(shared.iter().chain(&ours).copied());
            left.merge(&sketch(shared.iter().chain(&theirs).copied()), true);
            let mut wanted = HashMap::new();
            for n in ours {
                *wanted.entry(element(n)).or_insert(0) += 1;
            }
            for n in theirs {
                *wanted.entry(element(n)).or_insert(0) -= 1;
            }
            prop_assert_eq!(left.left(), Some(wanted));
        }
    }

    #[test]
    fn too_many_are_told_and_not_half_named() {
        let mut left = sketch(0..2000);
        left.merge(&sketch(2000..4000), true);
        assert_eq!(left.left(), None);
    }

    #[test]
    fn parts_of_a_side_add_up() {
        let mut parts = sketch(0..50);
        parts.merge(&sketch(50..90), false);
        assert_eq!(parts, sketch(0..90));
    }
}
