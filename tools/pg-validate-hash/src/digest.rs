//! The hash of a table: a sum over its rows, so that neither their order nor the split of the work shows in it.
//!
//! For each row the BLAKE3 of its binary COPY tuple is drawn out to 2,048 bytes. They are added up in two ways: as 1,024
//! little-endian 16-bit lanes modulo 2^16 (LtHash16, Lewi, Kim, Maykov and Weis, "Securing Update Propagation with
//! Homomorphic Hashing", 2019), and their first 32 bytes as one little-endian number modulo 2^256, since the lanes alone
//! do not see a row that comes 65,536 times more. Rows are counted too. BLAKE3 over columns, count and sums closes it.

/// Bytes that are drawn from the hash of each row.
pub const DRAWN: usize = 2048;

const LANES: usize = DRAWN / 2;
const LIMBS: usize = 4;

/// The first bytes of what is closed: the name and version of this hash.
const MARK: &[u8] = b"pgvh1";

/// What is drawn from the hash of one row.
pub type Drawn = [u8; DRAWN];

/// The sum over some rows of a table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digest {
    rows: u64,
    sum: [u64; LIMBS],
    lanes: Box<[u16; LANES]>,
}

impl Default for Digest {
    fn default() -> Self {
        Self { rows: 0, sum: [0; LIMBS], lanes: Box::new([0; LANES]) }
    }
}

impl Digest {
    /// Adds a row.
    pub fn add(&mut self, drawn: &Drawn) {
        let (limbs, _) = drawn.as_chunks::<8>();
        let mut row = [0; LIMBS];
        for (limb, bytes) in row.iter_mut().zip(limbs) {
            *limb = u64::from_le_bytes(*bytes);
        }
        self.rows += 1;
        self.add_sum(&row);
        let (lanes, _) = drawn.as_chunks::<2>();
        for (lane, bytes) in self.lanes.iter_mut().zip(lanes) {
            *lane = lane.wrapping_add(u16::from_le_bytes(*bytes));
        }
    }

    /// Adds the rows of another part of the table.
    pub fn merge(&mut self, part: &Self) {
        self.rows += part.rows;
        self.add_sum(&part.sum);
        for (lane, other) in self.lanes.iter_mut().zip(part.lanes.iter()) {
            *lane = lane.wrapping_add(*other);
        }
    }

    fn add_sum(&mut self, other: &[u64; LIMBS]) {
        let mut carry = false;
        for (limb, other) in self.sum.iter_mut().zip(other) {
            (*limb, carry) = limb.carrying_add(*other, carry);
        }
    }

    /// Counts rows that nobody looks at.
    pub fn add_unseen(&mut self, rows: u64) {
        self.rows += rows;
    }

    /// Rows added so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The hash as 64 hexadecimal digits, of columns given by name and type in the order of the tuples' fields.
    ///
    /// Closed over are: `pgvh1`; the number of columns (32 bits); for each its name and its type, each with its length
    /// in bytes before it (32 bits); the number of rows (64 bits); the sum; the lanes. All numbers are little-endian.
    pub fn close<'a>(&self, columns: impl ExactSizeIterator<Item = (&'a str, &'a str)>) -> String {
        let mut hasher = blake3::Hasher::new();
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        hasher.update(MARK).update(&length(columns.len()));
        for (name, kind) in columns {
            for text in [name, kind] {
                hasher.update(&length(text.len())).update(text.as_bytes());
            }
        }
        hasher.update(&self.rows.to_le_bytes());
        for limb in self.sum {
            hasher.update(&limb.to_le_bytes());
        }
        for lane in self.lanes.iter() {
            hasher.update(&lane.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drawn(row: &[u8]) -> Drawn {
        let mut drawn = [0; DRAWN];
        blake3::Hasher::new().update(row).finalize_xof().fill(&mut drawn);
        drawn
    }

    fn digest(rows: &[Vec<u8>]) -> Digest {
        let mut digest = Digest::default();
        for row in rows {
            digest.add(&drawn(row));
        }
        digest
    }

    proptest! {
        #[test]
        fn neither_order_nor_split_shows(
            mut rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..12),
            cut in 0usize..12,
            turn in 0usize..12,
        ) {
            let whole = digest(&rows);
            let (turn, cut) = (turn.min(rows.len()), cut.min(rows.len()));
            rows.rotate_left(turn);
            let mut parts = digest(&rows[..cut]);
            parts.merge(&digest(&rows[cut..]));
            prop_assert_eq!(&whole, &parts);
        }

        #[test]
        fn a_row_more_changed_or_repeated_shows(
            rows in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..12),
            bit in 0usize..160,
            times in 1usize..4,
        ) {
            let close = |rows: &[Vec<u8>]| digest(rows).close([("a", "text")].into_iter());
            let before = close(&rows);
            let mut changed = rows.clone();
            let bit = bit % (changed[0].len() * 8);
            changed[0][bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(&before, &close(&changed));
            let mut more = rows.clone();
            more.extend(std::iter::repeat_n(rows[0].clone(), times));
            prop_assert_ne!(&before, &close(&more));
            prop_assert_ne!(&before, &close(&rows[1..]));
        }
    }

    #[test]
    fn a_row_that_comes_65536_times_shows() {
        let row = drawn(b"row");
        let mut digest = Digest::default();
        for _ in 0..65_536 {
            digest.add(&row);
        }
        assert!(digest.lanes.iter().all(|&lane| lane == 0));
        assert_ne!(digest.sum, [0; LIMBS]);
    }

    #[test]
    fn names_and_types_of_columns_show() {
        let digest = Digest::default();
        let close = |columns: &[(&'static str, &'static str)]| digest.close(columns.iter().copied());
        let all = [
            close(&[]),
            close(&[("a", "text")]),
            close(&[("a", "bytea")]),
            close(&[("at", "ext")]),
            close(&[("a", "text"), ("", "")]),
        ];
        for (n, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(n));
        }
    }
}
