//! Parts of intervals that are listed at once, and whose turn it is in the order of keys.

use std::collections::{BTreeMap, VecDeque};

use super::part::Part;

/// Pieces of a part that is kept: few parts take little memory, and a run that is to stop does so between two.
const MERGED: usize = 64;

/// The intervals whose parts are not all written, by the key above which they begin.
#[derive(Debug, Default)]
pub struct Order {
    intervals: BTreeMap<Option<String>, Interval>,
    /// Somebody is writing what was kept.
    draining: bool,
}

#[derive(Debug, Default)]
struct Interval {
    kept: VecDeque<Part>,
    closed: bool,
}

impl Order {
    pub fn open(&mut self, lo: Option<&str>) {
        self.intervals.insert(lo.map(str::to_owned), Interval::default());
    }

    /// Whether a part of this interval can be written at once.
    pub fn is_first(&self, lo: Option<&str>) -> bool {
        let first = self.intervals.first_key_value();
        !self.draining
            && first.is_some_and(|(key, interval)| key.as_deref() == lo && interval.kept.is_empty())
    }

    /// Keeps a part until all before it is written; what can be written at once is handed back.
    pub fn keep(&mut self, lo: Option<&str>, part: Part) -> Option<Part> {
        if self.is_first(lo) {
            return Some(part);
        }
        let kept = &mut self.intervals.entry(lo.map(str::to_owned)).or_default().kept;
        match kept.back_mut().filter(|last| last.pieces.len() < MERGED) {
            Some(last) => last.append(part),
            None => kept.push_back(part),
        }
        None
    }

    /// Notes that an interval has no more parts; says whether what was kept behind it is to be written now.
    pub fn close(&mut self, lo: Option<&str>) -> bool {
        self.intervals.entry(lo.map(str::to_owned)).or_default().closed = true;
        let first = self.intervals.first_key_value();
        let wanted = !self.draining && first.is_some_and(|(_, interval)| interval.closed);
        self.draining |= wanted;
        wanted
    }

    /// The next part that was kept; nothing when the first interval has none and goes on, and the draining is over.
    pub fn next(&mut self) -> Option<Part> {
        while let Some(mut first) = self.intervals.first_entry() {
            if let Some(part) = first.get_mut().kept.pop_front() {
                return Some(part);
            }
            if !first.get().closed {
                break;
            }
            first.remove();
        }
        self.draining = false;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::part::Piece;

    fn part(records: u64) -> Part {
        Part { pieces: vec![Piece::Memory(Vec::new())], records, covered: None }
    }

    #[test]
    fn parts_that_are_kept_become_fewer() {
        let mut order = Order::default();
        order.open(None);
        order.open(Some("m"));
        for _ in 0..=MERGED {
            assert!(order.keep(Some("m"), part(1)).is_none());
        }
        order.close(None);
        let kept: Vec<_> = std::iter::from_fn(|| order.next()).map(|part| part.records).collect();
        assert_eq!(kept, [MERGED as u64, 1]);
    }

    #[test]
    fn parts_wait_for_all_that_lies_before_them() {
        let mut order = Order::default();
        order.open(None);
        order.open(Some("m"));
        assert!(order.is_first(None) && !order.is_first(Some("m")));
        assert!(order.keep(Some("m"), part(3)).is_none());
        assert!(order.keep(None, part(1)).is_some());
        order.open(Some("f"));
        assert!(order.keep(Some("f"), part(2)).is_none());
        assert!(!order.close(Some("m")));
        assert!(order.close(None));
        // While what was kept is being written, nothing overtakes it.
        assert!(!order.is_first(Some("f")));
        assert_eq!(order.next().map(|part| part.records), Some(2));
        assert!(order.next().is_none());
        assert!(order.is_first(Some("f")));
        assert!(order.close(Some("f")));
        assert_eq!(order.next().map(|part| part.records), Some(3));
        assert!(order.next().is_none());
        assert!(order.intervals.is_empty());
    }
}
