//! What goes into one invalidation, and the name under which CloudFront knows it again.
//!
//! Batches depend on nothing but what is purged: not on how much room others leave, not on time. The same purge
//! cut again after a crash gives the same batches under the same references.

use serde::{Deserialize, Serialize};

use crate::covered::PathId;
use crate::fold::Entry;
use crate::paths::encode;

/// Single paths in one invalidation: a third of what may be in progress (3,000), so that a batch need not wait until
/// nobody else's is.
const PATHS: usize = 1000;
/// Wildcards in one invalidation: a third of what may be in progress (15).
const WILDCARDS: usize = 5;

/// One path or wildcard as it is sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Sent {
    /// The encoded path, with a star at its end if it is a wildcard.
    pub path: String,
    /// Input keys that it covers.
    pub keys: u64,
    /// Those of them that asked for this very path.
    pub own: u64,
    /// What the rest of them asked for, where that is kept.
    #[serde(skip)]
    pub others: Vec<PathId>,
}

/// How much of the quotas something takes up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Paths without a star at their end.
    pub singles: usize,
    /// Paths with one.
    pub wildcards: usize,
}

impl Load {
    /// What one path takes up.
    pub fn of(wildcard: bool) -> Self {
        Self { singles: usize::from(!wildcard), wildcards: usize::from(wildcard) }
    }
}

impl std::iter::Sum for Load {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        loads.fold(Self::default(), |sum, load| Self {
            singles: sum.singles + load.singles,
            wildcards: sum.wildcards + load.wildcards,
        })
    }
}

/// The content of one invalidation, sorted by path.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Batch {
    /// What is purged.
    pub paths: Vec<Sent>,
}

impl Batch {
    /// What it takes up.
    pub fn load(&self) -> Load {
        self.paths.iter().map(|sent| Load::of(sent.path.ends_with('*'))).sum()
    }

    /// Input keys that it covers.
    pub fn keys(&self) -> u64 {
        self.paths.iter().map(|sent| sent.keys).sum()
    }

    /// The CallerReference: for the same distribution, paths, run id and part of the run, counted from 0, CloudFront
    /// answers with the invalidation that exists already. Parts differ, because a path that is sent again by the same
    /// run is to be purged again.
    pub fn reference(&self, distribution: &str, run_id: &str, part: u64) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&part.to_le_bytes());
        for text in [distribution, run_id].into_iter().chain(self.paths.iter().map(|sent| sent.path.as_str()))
        {
            // With its length before each text, ("ab","c") and ("a","bc") differ.
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        let hex = hasher.finalize().to_hex();
        format!("cf-purge-{}", &hex[..32])
    }
}

/// Cuts entries, which are sorted and different from each other, into batches.
pub fn batches(entries: Vec<Entry>) -> impl Iterator<Item = Batch> {
    let (wildcards, singles): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.wildcard);
    let (mut wildcards, mut singles) = (wildcards.into_iter(), singles.into_iter());
    std::iter::from_fn(move || {
        let taken = wildcards.by_ref().take(WILDCARDS).chain(singles.by_ref().take(PATHS));
        let mut paths: Vec<_> = taken.map(sent).collect();
        paths.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        (!paths.is_empty()).then_some(Batch { paths })
    })
}

fn sent(entry: Entry) -> Sent {
    let others = entry.others.unwrap_or_default();
    let path = encode(&entry.text, entry.wildcard);
    Sent { path, keys: entry.keys, own: entry.keys.saturating_sub(others.len() as u64), others }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(singles: usize, wildcards: usize) -> Vec<Entry> {
        let entry = |text, wildcard| Entry { text, wildcard, keys: 1, others: None };
        let singles = (0..singles).map(|n| entry(format!("/s/{n:05}"), false));
        singles.chain((0..wildcards).map(|n| entry(format!("/w/{n:05}/"), true))).collect()
    }

    fn batch(paths: &[&str]) -> Batch {
        let sent = |path: &&str| Sent { path: (*path).to_owned(), keys: 1, own: 1, others: Vec::new() };
        Batch { paths: paths.iter().map(sent).collect() }
    }

    #[test]
    fn a_reference_names_distribution_paths_run_and_part() {
        let one = batch(&["/a", "/b"]).reference("E1", "r", 0);
        assert_eq!(one, batch(&["/a", "/b"]).reference("E1", "r", 0));
        for other in [
            batch(&["/a", "/b"]).reference("E2", "r", 0),
            batch(&["/a", "/b"]).reference("E1", "q", 0),
            batch(&["/a", "/b"]).reference("E1", "r", 1),
            batch(&["/a", "/c"]).reference("E1", "r", 0),
            batch(&["/a/b"]).reference("E1", "r", 0),
            batch(&["/a"]).reference("E1", "r", 0),
        ] {
            assert_ne!(one, other);
        }
    }

    proptest! {
        #[test]
        fn batches_hold_everything_once_within_their_size(singles in 0usize..4000, wildcards in 0usize..40) {
            let all: Vec<_> = batches(entries(singles, wildcards)).collect();
            for batch in &all {
                let load = batch.load();
                prop_assert!(load.wildcards <= WILDCARDS && load.singles <= PATHS);
                prop_assert!(batch.paths.is_sorted_by(|a, b| a.path < b.path));
            }
            let mut sent: Vec<_> = all.iter().flat_map(|batch| &batch.paths).map(|sent| sent.path.clone()).collect();
            sent.sort();
            let mut expected: Vec<_> =
                entries(singles, wildcards).into_iter().map(|entry| super::sent(entry).path).collect();
            expected.sort();
            prop_assert_eq!(sent, expected);
            prop_assert_eq!(all.len(), singles.div_ceil(PATHS).max(wildcards.div_ceil(WILDCARDS)));
        }
    }
}
