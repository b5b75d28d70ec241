//! The keys that came by, so that a second record for one of them is seen.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use crate::input::Place;

/// Keys that are remembered, at about 26 bytes each.
const KEYS: usize = 1 << 20;

/// The last keys as fingerprints of 64 bits: among a million, two different keys share one with a chance of 1 in 10^13
/// for each record.
pub struct Recent {
    hasher: RandomState,
    known: HashSet<u64>,
    order: VecDeque<u64>,
    most: usize,
}

impl Recent {
    /// A memory of 2^20 keys that grows as it is used.
    pub fn new() -> Self {
        Self::with_room(KEYS)
    }

    fn with_room(most: usize) -> Self {
        Self { hasher: RandomState::new(), known: HashSet::new(), order: VecDeque::new(), most }
    }

    /// Whether the key is a new one, as far as the memory reaches.
    pub fn is_new(&mut self, place: &Place) -> bool {
        let print = self.hasher.hash_one((&place.bucket, &place.key));
        if !self.known.insert(print) {
            return false;
        }
        if self.order.len() == self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(print);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: u32) -> Place {
        Place { bucket: "b".into(), key: key.to_string() }
    }

    #[test]
    fn the_last_keys_are_known_and_older_ones_forgotten() {
        let mut recent = Recent::with_room(10);
        for key in 0..11 {
            assert!(recent.is_new(&place(key)), "{key}");
        }
        assert!((1..11).all(|key| !recent.is_new(&place(key))));
        assert!(recent.is_new(&place(0)));
        assert_eq!(recent.known.len(), 10);
    }

    #[test]
    fn the_same_key_in_another_bucket_is_another() {
        let mut recent = Recent::new();
        assert!(recent.is_new(&Place { bucket: "a".into(), key: "bc".into() }));
        assert!(recent.is_new(&Place { bucket: "ab".into(), key: "c".into() }));
    }
}
