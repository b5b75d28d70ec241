//! What may be sent now, and what waits for something before it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use common::journal::Id;

/// Things in lanes: within each, one is out at a time, in the order in which they came.
///
/// Memory: what waits, and 16 bytes for each lane that was closed.
pub struct Lanes<T> {
    /// Lanes that have something out or ready, and what waits behind it.
    open: BTreeMap<Id, VecDeque<T>>,
    closed: BTreeSet<Id>,
    ready: VecDeque<(Id, T)>,
    held: usize,
}

impl<T> Lanes<T> {
    /// None yet.
    pub fn new() -> Self {
        Self { open: BTreeMap::new(), closed: BTreeSet::new(), ready: VecDeque::new(), held: 0 }
    }

    /// Puts something at the end of its lane, or gives it back where the lane is closed.
    pub fn push(&mut self, lane: Id, thing: T) -> Result<(), T> {
        if self.closed.contains(&lane) {
            return Err(thing);
        }
        self.held += 1;
        match self.open.get_mut(&lane) {
            Some(waiting) => waiting.push_back(thing),
            None => {
                self.open.insert(lane, VecDeque::new());
                self.ready.push_back((lane, thing));
            }
        }
        Ok(())
    }

    /// The next thing that may go out; [`Lanes::done`] or [`Lanes::close`] must follow.
    pub fn next(&mut self) -> Option<(Id, T)> {
        let next = self.ready.pop_front()?;
        self.held -= 1;
        Some(next)
    }

    /// Lets the next of the lane follow what was out.
    pub fn done(&mut self, lane: Id) {
        let Some(waiting) = self.open.get_mut(&lane) else { return };
        match waiting.pop_front() {
            Some(thing) => self.ready.push_back((lane, thing)),
            None => drop(self.open.remove(&lane)),
        }
    }

    /// Lets nothing more out of the lane, and gives back what waits in it, in order.
    pub fn close(&mut self, lane: Id) -> VecDeque<T> {
        self.closed.insert(lane);
        let waiting = self.open.remove(&lane).unwrap_or_default();
        self.held -= waiting.len();
        waiting
    }

    /// How many things are here and not out.
    pub fn held(&self) -> usize {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Things are (lane, number); of those out, any may end next, and some fail.
        #[test]
        fn a_lane_keeps_its_order_and_ends_at_a_failure(
            lanes in prop::collection::vec(0u8..5, 0..200),
            concurrency in 1usize..20,
            room in 1usize..30,
            picks in prop::collection::vec((any::<prop::sample::Index>(), 0u8..10), 400),
        ) {
            let id = |lane: u8| Id::of(&[&lane.to_string()]);
            let mut state = Lanes::new();
            let mut input = lanes.iter().copied().enumerate().peekable();
            let mut out: Vec<(Id, (u8, usize))> = Vec::new();
            let (mut ended, mut blocked) = (Vec::new(), Vec::new());
            let mut failed = BTreeSet::new();
            for (pick, chance) in picks {
                while state.held() < room && let Some((number, lane)) = input.next() {
                    if let Err(back) = state.push(id(lane), (lane, number)) {
                        prop_assert!(failed.contains(&lane));
                        blocked.push(back);
                    }
                }
                while out.len() < concurrency && let Some(next) = state.next() {
                    prop_assert!(out.iter().all(|(lane, _)| *lane != next.0), "two of a lane are out");
                    out.push(next);
                }
                if out.is_empty() {
                    break;
                }
                let (lane, thing) = out.swap_remove(pick.index(out.len()));
                ended.push(thing);
                if chance == 0 {
                    failed.insert(thing.0);
                    blocked.extend(state.close(lane));
                } else {
                    state.done(lane);
                }
            }
            prop_assert!(input.peek().is_none() && state.held() == 0 && out.is_empty());
            prop_assert_eq!(ended.len() + blocked.len(), lanes.len());
            for wanted in 0..5 {
                let of = |all: &[(u8, usize)]| -> Vec<usize> {
                    all.iter().filter(|(lane, _)| *lane == wanted).map(|(_, number)| *number).collect()
                };
                let all = [of(&ended), of(&blocked)].concat();
                prop_assert!(all.is_sorted(), "{:?}", all);
                prop_assert!(failed.contains(&wanted) || of(&blocked).is_empty());
            }
        }
    }
}
