//! Keys that were purged, by what they ask for: one key of a wildcard cannot be told from another by the wildcard.

use std::collections::HashMap;

use crate::paths::encode;

/// The first 16 bytes of the BLAKE3 of a path as it is sent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PathId([u8; 16]);

impl PathId {
    /// That of a path or wildcard, not yet encoded.
    pub fn of(text: &str, wildcard: bool) -> Self {
        Self::of_sent(&encode(text, wildcard))
    }

    /// That of a path as it is sent.
    pub fn of_sent(path: &str) -> Self {
        let mut id = [0; 16];
        blake3::Hasher::new().update(path.as_bytes()).finalize_xof().fill(&mut id);
        Self(id)
    }

    /// Ids as one text.
    pub fn to_text(ids: &[Self]) -> String {
        ids.iter().map(|Self(id)| format!("{:032x}", u128::from_be_bytes(*id))).collect()
    }

    /// The ids of a text; what is none ends them.
    pub fn from_text(text: &str) -> impl Iterator<Item = Self> {
        text.as_bytes().chunks(32).map_while(|hex| {
            let id = u128::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?;
            Some(Self(id.to_be_bytes()))
        })
    }
}

/// How often each path was asked for before the invalidation that covers it was made. One that comes more often has
/// changed again.
#[derive(Debug, Default)]
pub struct Covered(HashMap<PathId, u64>);

impl Covered {
    /// Adds keys that ask for this path.
    pub fn add(&mut self, id: PathId, keys: u64) {
        *self.0.entry(id).or_default() += keys;
    }

    /// Takes one key off, if there is one left.
    pub fn take(&mut self, text: &str, wildcard: bool) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let left = self.0.get_mut(&PathId::of(text, wildcard)).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_from_their_text() {
        let ids = ["/a", "/b"].map(PathId::of_sent);
        assert_eq!(PathId::from_text(&PathId::to_text(&ids)).collect::<Vec<_>>(), ids);
        assert_eq!(PathId::of("/a b", true), PathId::of_sent("/a%20b*"));
    }

    #[test]
    fn each_key_is_covered_once() {
        let mut covered = Covered::default();
        covered.add(PathId::of("/a", false), 2);
        assert!(!covered.take("/a", true) && !covered.take("/b", false));
        assert!(covered.take("/a", false) && covered.take("/a", false) && !covered.take("/a", false));
    }
}
