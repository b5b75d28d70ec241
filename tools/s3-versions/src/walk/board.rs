//! Who lists which keys: disjoint intervals that together are the whole, cut further as workers become idle.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::s3::Entry;
use tokio::sync::Notify;

use super::alphabet::Alphabet;
use super::split::{self, Rest};

/// Intervals of little or nothing that may be cut off beyond a part of all pages.
const WASTE: u64 = 4;
/// Of so many pages, one may be such a waste.
const WASTE_OF: u64 = 4;
/// Intervals of which nothing is known yet, at once, where not more have proved to hold something.
const UNPROVED: usize = 2;
/// An interval that is thought to have fewer pages left is not worth a request to cut it.
const WORTH: f64 = 1.5;
/// Keys of a page that tell how keys look.
const SAMPLE: usize = 4;

/// Keys above `lo` and up to `hi`; without these, from the first key and to the last one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Span {
    pub lo: Option<String>,
    pub hi: Option<String>,
}

/// An interval to list. Its end may come nearer while it is listed: [`Board::advance`] tells.
#[derive(Debug)]
pub struct Task {
    pub id: u64,
    pub lo: Option<String>,
}

/// The intervals that are being listed and those that wait.
#[derive(Debug)]
pub struct Board {
    state: Mutex<State>,
    changed: Notify,
    /// How many characters all keys share.
    floor: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Span>,
    open: BTreeMap<u64, Open>,
    last: u64,
    alphabet: Alphabet,
    pages: u64,
    wasted: u64,
    /// Entries of the largest page.
    full: usize,
}

#[derive(Debug, Default)]
struct Open {
    /// Which interval it was cut from.
    from: Option<u64>,
    first: Option<String>,
    cursor: Option<String>,
    end: Option<String>,
    steady: usize,
    frame: Option<usize>,
    pages: u64,
    entries: usize,
    /// Cuts in a row that had nothing behind them.
    misses: i32,
    /// About how many pages are left.
    left: f64,
}

impl Board {
    /// These intervals, under this prefix.
    pub fn new(spans: impl IntoIterator<Item = Span>, prefix: &str) -> Self {
        let state = State { waiting: spans.into_iter().collect(), ..State::default() };
        Self { state: Mutex::new(state), changed: Notify::new(), floor: prefix.chars().count() }
    }

    /// An interval that nobody lists yet: one that waits, or half of the largest one that is being listed.
    pub fn take(&self) -> Option<Task> {
        let mut state = self.state();
        let (lo, open) = match state.waiting.pop_front() {
            Some(Span { lo, hi }) => (lo, Open { end: hi, ..Open::default() }),
            None => state.steal(self.floor)?,
        };
        state.last += 1;
        let id = state.last;
        state.open.insert(id, open);
        Some(Task { id, lo })
    }

    /// Notes a page of an interval, and returns the last key that belongs to it now. No later cut is at or below the last
    /// entry of the page.
    pub fn advance(&self, id: u64, entries: &[Entry]) -> Option<String> {
        let mut state = self.state();
        let end = state.advance(id, entries, self.floor);
        self.changed.notify_one();
        end
    }

    /// Ends an interval, and returns the last key that belonged to it.
    pub fn end(&self, id: u64) -> Option<String> {
        let mut state = self.state();
        let open = state.open.remove(&id)?;
        if open.from.is_some() && open.pages <= 1 && open.entries * 2 < state.full {
            state.wasted += 1;
        }
        open.end
    }

    /// Waits until a page was noted that nobody has been told of.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Cuts the largest interval that can be cut; the upper part is returned.
    fn steal(&mut self, floor: usize) -> Option<(Option<String>, Open)> {
        let unproved = self.open.values().filter(|open| open.pages == 0).count();
        if self.wasted > WASTE + self.pages / WASTE_OF || unproved >= UNPROVED.max(self.open.len() - unproved)
        {
            return None;
        }
        let score = |open: &Open| open.left * 0.25f64.powi(open.misses);
        let mut victims: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| open.cursor.is_some() && open.left >= WORTH)
            .map(|(&id, open)| (id, score(open)))
            .collect();
        victims.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (id, cut) = victims.into_iter().find_map(|(id, _)| {
            let open = &self.open[&id];
            let rest = Rest {
                cursor: open.cursor.as_deref()?,
                end: open.end.as_deref(),
                floor,
                steady: open.steady,
                frame: open.frame,
            };
            Some((id, split::cut(&rest, &self.alphabet)?))
        })?;
        let victim = self.open.get_mut(&id)?;
        let end = victim.end.replace(cut.at.clone());
        victim.left = victim.remaining(&self.alphabet, floor);
        Some((Some(cut.at), Open { from: Some(id), end, frame: cut.frame, ..Open::default() }))
    }

    fn advance(&mut self, id: u64, entries: &[Entry], floor: usize) -> Option<String> {
        self.pages += 1;
        self.full = self.full.max(entries.len());
        for entry in entries.iter().step_by(entries.len().div_ceil(SAMPLE).max(1)) {
            self.alphabet.learn(&entry.key, floor);
        }
        let open = self.open.get_mut(&id)?;
        open.pages += 1;
        let within = |key: &str| open.end.as_deref().is_none_or(|end| key <= end);
        let found = entries.iter().filter(|entry| within(&entry.key)).count();
        open.entries += found;
        if let (Some(first), Some(last)) = (entries.first(), entries[..found].last()) {
            open.steady = first.key.chars().zip(last.key.chars()).take_while(|(a, b)| a == b).count();
            open.first.get_or_insert_with(|| first.key.clone());
            open.cursor = Some(last.key.clone());
            open.left = open.remaining(&self.alphabet, floor);
        }
        let (end, from) = (open.end.clone(), open.from.filter(|_| open.pages == 1));
        if let Some(victim) = from.and_then(|from| self.open.get_mut(&from)) {
            victim.misses = if found == 0 { victim.misses + 1 } else { 0 };
        }
        end
    }
}

impl Open {
    /// About how many pages are left, if keys are as dense behind the cursor as before it.
    fn remaining(&self, alphabet: &Alphabet, floor: usize) -> f64 {
        let (Some(first), Some(cursor)) = (&self.first, &self.cursor) else { return 0.0 };
        let shared = match &self.end {
            Some(end) => first.chars().zip(end.chars()).take_while(|(a, b)| a == b).count(),
            None => floor,
        };
        let place = |key: &str| alphabet.place(key.chars().skip(shared));
        let end = self.end.as_deref().map_or(1.0, place);
        let (before, behind) = (place(cursor) - place(first), end - place(cursor));
        self.pages as f64 * behind.max(0.0) / before.max(f64::EPSILON)
    }
}
