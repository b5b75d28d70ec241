//! The hash of a collection: a sum over its elements, so that neither their order nor the split of the work shows in it.
//!
//! For each element the BLAKE3 of its canonical bytes is drawn out to 2,048 bytes. They are added up in two ways: as
//! 1,024 little-endian 16-bit lanes modulo 2^16 (LtHash16, Lewi, Kim, Maykov and Weis, "Securing Update Propagation with
//! Homomorphic Hashing", 2019), and their first 32 bytes as one little-endian number modulo 2^256, since the lanes alone
//! do not see an element that comes 65,536 times more. Elements are counted too. BLAKE3 over count and sums closes it.

pub mod sketch;

/// Bytes that are drawn from the hash of each element.
pub const DRAWN: usize = 2048;

const LANES: usize = DRAWN / 2;
const LIMBS: usize = 4;

/// What is drawn from the hash of one element.
pub type Drawn = [u8; DRAWN];

/// The sum over some elements of a collection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digest {
    count: u64,
    sum: [u64; LIMBS],
    lanes: Box<[u16; LANES]>,
}

impl Default for Digest {
    fn default() -> Self {
        Self { count: 0, sum: [0; LIMBS], lanes: Box::new([0; LANES]) }
    }
}

impl Digest {
    /// Adds an element.
    pub fn add(&mut self, drawn: &Drawn) {
        let (limbs, _) = drawn.as_chunks::<8>();
        let mut element = [0; LIMBS];
        for (limb, bytes) in element.iter_mut().zip(limbs) {
            *limb = u64::from_le_bytes(*bytes);
        }
        self.count += 1;
        self.add_sum(&element);
        let (lanes, _) = drawn.as_chunks::<2>();
        for (lane, bytes) in self.lanes.iter_mut().zip(lanes) {
            *lane = lane.wrapping_add(u16::from_le_bytes(*bytes));
        }
    }

    /// Adds the elements of another part of the collection.
    pub fn merge(&mut self, part: &Self) {
        self.count += part.count;
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

    /// Counts elements that nobody looks at.
    pub fn add_unseen(&mut self, count: u64) {
        self.count += count;
    }

    /// Elements added so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The hash as 64 hexadecimal digits: BLAKE3 over `head`, which names the kind of hash and what it is of, the count
    /// of elements (64 bits), the sum and the lanes, all little-endian.
    pub fn close(&self, head: &[u8]) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(head).update(&self.count.to_le_bytes());
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

    fn drawn(element: &[u8]) -> Drawn {
        let mut drawn = [0; DRAWN];
        blake3::Hasher::new().update(element).finalize_xof().fill(&mut drawn);
        drawn
    }

    fn digest(elements: &[Vec<u8>]) -> Digest {
        let mut digest = Digest::default();
        for element in elements {
            digest.add(&drawn(element));
        }
        digest
    }

    proptest! {
        #[test]
        fn neither_order_nor_split_shows(
            mut elements in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..12),
            cut in 0usize..12,
            turn in 0usize..12,
        ) {
            let whole = digest(&elements);
            let (turn, cut) = (turn.min(elements.len()), cut.min(elements.len()));
            elements.rotate_left(turn);
            let mut parts = digest(&elements[..cut]);
            parts.merge(&digest(&elements[cut..]));
            prop_assert_eq!(&whole, &parts);
        }

        #[test]
        fn an_element_more_changed_or_repeated_shows(
            elements in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..12),
            bit in 0usize..160,
            times in 1usize..4,
        ) {
            let close = |elements: &[Vec<u8>]| digest(elements).close(b"head");
            let before = close(&elements);
            let mut changed = elements.clone();
            let bit = bit % (changed[0].len() * 8);
            changed[0][bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(&before, &close(&changed));
            let mut more = elements.clone();
            more.extend(std::iter::repeat_n(elements[0].clone(), times));
            prop_assert_ne!(&before, &close(&more));
            prop_assert_ne!(&before, &close(&elements[1..]));
            prop_assert_ne!(&before, &digest(&elements).close(b"other"));
        }
    }

    #[test]
    fn an_element_that_comes_65536_times_shows() {
        let element = drawn(b"element");
        let mut digest = Digest::default();
        for _ in 0..65_536 {
            digest.add(&element);
        }
        assert!(digest.lanes.iter().all(|&lane| lane == 0));
        assert_ne!(digest.sum, [0; LIMBS]);
    }
}
