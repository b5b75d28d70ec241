//! What is to be purged and has not been sent, in bounded memory.

use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};

use crate::covered::PathId;
use crate::fold::{Entry, Limits, fold};
use crate::paths::Target;

/// Entries that are held at most, unless `--max-paths` needs more.
const ENTRIES: usize = 1 << 16;
/// Bytes of text for each of those entries, on average. A key of S3 has at most 1,024 bytes, and at most half of the
/// entries are needed for what is sent, so that keys never fill this before [`ENTRIES`] are there.
const TEXT: usize = 512;

/// A set of paths and wildcards of which none is covered by another one.
pub struct Gathered {
    entries: BTreeMap<String, Held>,
    text: usize,
    keys: u64,
    capacity: usize,
    /// What [`Gathered::take`] returns at most; nothing is ever folded without.
    limits: Option<Limits>,
    /// Whether what each key asked for is kept, also where a wildcard covers it: 16 bytes for each.
    keeps: bool,
}

struct Held {
    wildcard: bool,
    keys: u64,
    others: Option<Vec<PathId>>,
}

impl Gathered {
    /// An empty set for what is to be sent within these limits, or for what must not be folded.
    pub fn new(limits: Option<Limits>, keeps: bool) -> Self {
        let needed = limits.map_or(0, |limits| limits.total.saturating_mul(2));
        Self { entries: BTreeMap::new(), text: 0, keys: 0, capacity: needed.max(ENTRIES), limits, keeps }
    }

    /// Input keys in it, each counted as often as it came.
    pub fn keys(&self) -> u64 {
        self.keys
    }

    /// Whether it must be taken before anything is added: only where nothing may be folded.
    pub fn is_full(&self) -> bool {
        self.limits.is_none() && self.is_over(self.capacity)
    }

    /// Adds what one key needs. What is covered already only counts.
    pub fn add(&mut self, target: Target) {
        self.keys += 1;
        let Target { text, wildcard } = target;
        // Nothing lies between a prefix and a text that it covers but what it covers too.
        if let Some((held, entry)) =
            self.entries.range_mut::<str, _>((Unbounded, Included(text.as_str()))).next_back()
            && (entry.wildcard && text.starts_with(held) || !wildcard && *held == text)
        {
            entry.keys += 1;
            if let Some(others) = &mut entry.others
                && (*held != text || entry.wildcard != wildcard)
            {
                others.push(PathId::of(&text, wildcard));
            }
            return;
        }
        let mut new = Held { wildcard, keys: 1, others: self.keeps.then(Vec::new) };
        if wildcard {
            self.absorb(&text, &mut new);
        }
        self.text += text.len();
        self.entries.insert(text, new);
        if let Some(limits) = self.limits
            && self.is_over(self.capacity)
        {
            self.shrink(limits.wildcards);
        }
    }

    /// Everything, sorted and within the limits; the set is empty then.
    pub fn take(&mut self) -> Vec<Entry> {
        self.keys = 0;
        let entries = self.drain();
        match self.limits {
            Some(limits) => fold(entries, limits),
            None => entries,
        }
    }

    fn is_over(&self, entries: usize) -> bool {
        self.entries.len() >= entries || self.text >= entries * TEXT
    }

    /// Gives a new wildcard what it covers.
    fn absorb(&mut self, prefix: &str, new: &mut Held) {
        let below = self
            .entries
            .range::<str, _>((Included(prefix), Unbounded))
            .take_while(|(text, _)| text.starts_with(prefix));
        let below: Vec<_> = below.map(|(text, _)| text.clone()).collect();
        self.text -= below.iter().map(String::len).sum::<usize>();
        for text in below {
            let Some(held) = self.entries.remove(&text) else { continue };
            new.keys += held.keys;
            if let (Some(others), Some(more)) = (&mut new.others, entry(text, held).into_others()) {
                others.extend(more);
            }
        }
    }

    /// Folds by the rules of the end, but only as far as there must be room again.
    fn shrink(&mut self, wildcards: usize) {
        let mut total = self.capacity / 2;
        while self.is_over(self.capacity / 2 + 1) {
            for Entry { text, wildcard, keys, others } in fold(self.drain(), Limits { total, wildcards }) {
                self.text += text.len();
                self.entries.insert(text, Held { wildcard, keys, others });
            }
            total = (self.entries.len() / 2).max(1);
        }
    }

    fn drain(&mut self) -> Vec<Entry> {
        self.text = 0;
        let entries = std::mem::take(&mut self.entries).into_iter();
        entries.map(|(text, held)| entry(text, held)).collect()
    }
}

fn entry(text: String, Held { wildcard, keys, others }: Held) -> Entry {
    Entry { text, wildcard, keys, others }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gathered(capacity: usize, limits: Option<Limits>, targets: &[(String, bool)]) -> Gathered {
        filled(Gathered { capacity, ..Gathered::new(limits, false) }, targets)
    }

    fn filled(mut gathered: Gathered, targets: &[(String, bool)]) -> Gathered {
        let (capacity, limits) = (gathered.capacity, gathered.limits);
        for (text, wildcard) in targets {
            gathered.add(Target { text: text.clone(), wildcard: *wildcard });
            assert!(limits.is_none() || gathered.entries.len() <= capacity);
            assert_eq!(gathered.text, gathered.entries.keys().map(String::len).sum::<usize>());
        }
        gathered
    }

    fn targets() -> impl Strategy<Value = Vec<(String, bool)>> {
        prop::collection::vec(("/[ab/]{0,6}", prop::bool::weighted(0.05)), 0..200)
    }

    fn covered(out: &[Entry], text: &str, wildcard: bool) -> usize {
        let by_wildcard = |entry: &&Entry| entry.wildcard && text.starts_with(&entry.text);
        let itself = |entry: &&Entry| !wildcard && !entry.wildcard && entry.text == text;
        out.iter().filter(|entry| by_wildcard(entry) || itself(entry)).count()
    }

    const WIDE: Limits = Limits { total: 1000, wildcards: 1000 };

    proptest! {
        #[test]
        fn without_folding_the_set_goes_out_once_in_any_order(targets in targets(), seed: u64) {
            let mut shuffled = targets.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            let out = gathered(1000, Some(WIDE), &targets).take();
            prop_assert_eq!(&out, &gathered(1000, Some(WIDE), &shuffled).take());
            prop_assert!(out.is_sorted_by(|a, b| a.text < b.text));
            prop_assert!(out.iter().all(|entry| targets.contains(&(entry.text.clone(), entry.wildcard))));
            for (text, wildcard) in &targets {
                prop_assert_eq!(covered(&out, text, *wildcard), 1, "{}", text);
            }
            prop_assert_eq!(out.iter().map(|entry| entry.keys).sum::<u64>(), targets.len() as u64);
        }

        #[test]
        fn in_little_memory_everything_is_still_covered(targets in targets(), wildcards in 1usize..5) {
            let limits = Limits { total: 8, wildcards };
            let mut gathered = gathered(16, Some(limits), &targets);
            prop_assert_eq!(gathered.keys(), targets.len() as u64);
            let out = gathered.take();
            prop_assert!(out.len() <= 8 && out.iter().filter(|entry| entry.wildcard).count() <= wildcards);
            for (text, wildcard) in &targets {
                prop_assert_eq!(covered(&out, text, *wildcard), 1, "{}", text);
            }
            prop_assert_eq!(out.iter().map(|entry| entry.keys).sum::<u64>(), targets.len() as u64);
            prop_assert_eq!(gathered.take(), []);
        }
    }

    proptest! {
        #[test]
        fn what_each_key_asked_for_is_kept_once(targets in targets(), capacity in 16usize..300) {
            let limits = Limits { total: 8, wildcards: 2 };
            let out = filled(Gathered { capacity, ..Gathered::new(Some(limits), true) }, &targets).take();
            let mut kept: Vec<_> = out.into_iter().flat_map(|entry| entry.into_others().unwrap_or_default()).collect();
            let mut asked: Vec<_> = targets.iter().map(|(text, wildcard)| PathId::of(text, *wildcard)).collect();
            kept.sort();
            asked.sort();
            prop_assert_eq!(kept, asked);
        }
    }

    #[test]
    fn long_texts_count_as_memory_too() {
        let text = |n: usize| (format!("/{n}/{}", "x".repeat(8 * TEXT)), false);
        let targets: Vec<_> = (0..16).map(text).collect();
        let limits = Limits { total: 16, wildcards: 1 };
        let gathered = gathered(16, Some(limits), &targets);
        assert!(gathered.text < 16 * TEXT, "{} bytes", gathered.text);
    }

    #[test]
    fn what_must_not_be_folded_asks_to_be_taken() {
        let target = |n| (format!("/{n}"), false);
        let mut gathered = gathered(4, None, &(0..3).map(target).collect::<Vec<_>>());
        assert!(!gathered.is_full());
        gathered.add(Target { text: "/3".into(), wildcard: false });
        assert!(gathered.is_full());
        assert_eq!(gathered.take().len(), 4);
        assert!(!gathered.is_full());
    }
}
