//! Who lists which keys: disjoint intervals that together are the whole, cut further as workers become idle.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::s3::Entry;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::alphabet::Alphabet;
use super::split::{self, Rest};

/// Pages that cuts may cost in vain, beyond a part of all pages.
const WASTE: f64 = 1.0;
/// The part of all pages that cuts may cost in vain.
const WASTE_OF: f64 = 0.25;
/// Intervals of which nothing is known yet, at once, where not more have proved to hold something.
const UNPROVED: usize = 2;
/// An interval that is thought to have fewer pages left is not worth a request to cut it.
const WORTH: f64 = 4.0;
/// Keys of a page that tell how keys look.
const SAMPLE: usize = 4;

/// Keys above `lo` and up to `hi`; without these, from the first key and to the last one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
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
    /// Entries that belonged to the interval on whose page they came.
    found: usize,
    /// Entries of the largest page.
    full: usize,
}

#[derive(Debug, Default)]
struct Open {
    /// Which interval it was cut from.
    from: Option<u64>,
    /// The first and the last key of the last page.
    first: Option<String>,
    cursor: Option<String>,
    end: Option<String>,
    steady: usize,
    frame: Option<usize>,
    pages: u64,
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
    /// entry of the page, and there is none at all if the page is the `last` one of the whole listing.
    pub fn advance(&self, id: u64, entries: &[Entry], last: bool) -> Option<String> {
        let mut state = self.state();
        let end = state.advance(id, entries, last, self.floor);
        self.changed.notify_one();
        end
    }

    /// Whether the page behind this key will be wanted whatever happens meanwhile: it belongs to the interval, and no cut
    /// comes before it. None comes within a key.
    pub fn will_need(&self, id: u64, key: &str, within_key: bool) -> bool {
        let state = self.state();
        state.open.get(&id).is_some_and(|open| {
            (within_key || open.left < WORTH) && open.end.as_deref().is_none_or(|end| key <= end)
        })
    }

    /// Ends an interval, and returns the last key that belonged to it.
    pub fn end(&self, id: u64) -> Option<String> {
        let mut state = self.state();
        state.open.remove(&id)?.end
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
        let wasted = self.pages as f64 - self.found as f64 / self.full.max(1) as f64;
        if wasted + unproved as f64 > WASTE + self.pages as f64 * WASTE_OF
            || unproved >= UNPROVED.max(self.open.len() - unproved)
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
                misled: open.misses % 2 == 1,
                frame: open.frame,
            };
            Some((id, split::cut(&rest, &self.alphabet)?))
        })?;
        let victim = self.open.get_mut(&id)?;
        let end = victim.end.replace(cut.at.clone());
        victim.left = victim.remaining(&self.alphabet, floor);
        Some((Some(cut.at), Open { from: Some(id), end, frame: cut.frame, ..Open::default() }))
    }

    fn advance(&mut self, id: u64, entries: &[Entry], last: bool, floor: usize) -> Option<String> {
        self.pages += 1;
        self.full = self.full.max(entries.len());
        for entry in entries.iter().step_by(entries.len().div_ceil(SAMPLE).max(1)) {
            self.alphabet.learn(&entry.key, floor);
        }
        let open = self.open.get_mut(&id)?;
        open.pages += 1;
        let within = |key: &str| open.end.as_deref().is_none_or(|end| key <= end);
        let found = entries.partition_point(|entry| within(&entry.key));
        self.found += found;
        if let (Some(first), Some(last)) = (entries.first(), entries[..found].last()) {
            open.steady = split::shared(&first.key, &last.key);
            open.first = Some(first.key.clone());
            open.cursor = Some(last.key.clone());
            open.left = open.remaining(&self.alphabet, floor);
        }
        if last || found < entries.len() {
            open.left = 0.0;
        }
        let (end, from) = (open.end.clone(), open.from.filter(|_| open.pages == 1));
        if let Some(victim) = from.and_then(|from| self.open.get_mut(&from)) {
            victim.misses = if found == 0 { victim.misses + 1 } else { 0 };
        }
        end
    }
}

impl Open {
    /// About how many pages are left, if keys are as dense behind the last page as on it.
    fn remaining(&self, alphabet: &Alphabet, floor: usize) -> f64 {
        let (Some(first), Some(cursor)) = (&self.first, &self.cursor) else { return 0.0 };
        let frame = match &self.end {
            Some(end) => split::shared(cursor, end),
            None => floor,
        };
        let place = |key: &str| alphabet.place(key.chars().skip(frame));
        let behind = self.end.as_deref().map_or(1.0, place) - place(cursor);
        let page = if self.steady < frame { place(cursor) } else { place(cursor) - place(first) };
        behind.max(0.0) / page.max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What workers find who each get a page in turn, how many pages these are, and how many turns it takes.
    fn list(keys: &[String], page: usize, workers: usize) -> (Vec<String>, usize, usize) {
        let board = Board::new([Span::default()], "");
        let mut tasks: Vec<(Task, Option<String>)> = Vec::new();
        let (mut found, mut pages, mut turns) = (Vec::new(), 0, 0);
        loop {
            while tasks.len() < workers
                && let Some(task) = board.take()
            {
                let lo = task.lo.clone();
                tasks.push((task, lo));
            }
            if tasks.is_empty() {
                found.sort_unstable();
                return (found, pages, turns);
            }
            turns += 1;
            tasks.retain_mut(|(task, cursor)| {
                pages += 1;
                let start = cursor.as_ref().map_or(0, |cursor| keys.partition_point(|key| key <= cursor));
                let listed = &keys[start..keys.len().min(start + page)];
                let entries: Vec<_> =
                    listed.iter().map(|key| Entry { key: key.clone(), ..Entry::default() }).collect();
                let end = board.advance(task.id, &entries, start + page >= keys.len());
                let mine = listed.iter().take_while(|key| end.is_none() || end.as_ref() >= Some(key));
                let before = found.len();
                found.extend(mine.cloned());
                *cursor = found.last().filter(|_| found.len() > before).cloned();
                let goes_on = found.len() - before == page && start + page < keys.len();
                if !goes_on {
                    board.end(task.id);
                }
                goes_on
            });
        }
    }

    fn sorted(keys: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Numbers that look random.
    fn mixed(n: u64) -> u64 {
        let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    proptest! {
        #[test]
        fn every_key_is_found_once(
            keys in prop_oneof![
                prop::collection::btree_set("(?s:.{1,6})", 0..80),
                prop::collection::btree_set("[ab]{1,8}", 0..80),
                prop::collection::btree_set("x{30}[0-9]{1,3}", 0..80),
                prop::collection::btree_set("[\u{d7ff}\u{e000}\u{10ffff}]{1,5}", 0..80),
            ],
            page in 1usize..10,
            workers in 1usize..20,
        ) {
            let keys: Vec<_> = keys.into_iter().collect();
            let (found, pages, _) = list(&keys, page, workers);
            let plain = keys.len() / page + 1;
            prop_assert!(pages <= 2 * plain + 8, "{} pages instead of {}", pages, plain);
            prop_assert_eq!(found, keys);
        }
    }

    #[test]
    fn work_is_shared_however_keys_look() {
        const KEYS: u64 = 100_000;
        let date = |n: u64| {
            let (day, second) = (n / 200, n % 200 * 432);
            let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
            format!("{:04}-{:02}-{:02}T{clock}", 2024 + day / 336, day / 28 % 12 + 1, day % 28 + 1)
        };
        let han = |n: u64| char::from_u32(0x4e00 + (n % 20_000) as u32).unwrap();
        let high = |c: char| char::from_u32(u32::from(c) + 60);
        let access = |n: u64| match n % 200 {
            0 => format!("{:016x}", mixed(n)),
            1 => format!("{:016x}", mixed(n)).chars().filter_map(high).collect(),
            _ => format!("hosts/eu-central-1/production/web-frontends/access/log-2026-{n:010}"),
        };
        let shapes: [(&str, Vec<String>); 7] = [
            ("counter", sorted((0..KEYS).map(|n| format!("data/{n:010}")))),
            ("numbers", sorted((0..KEYS).map(|n| format!("{}", n * 7)))),
            ("dates", sorted((0..KEYS).map(date))),
            ("hex", sorted((0..KEYS).map(|n| format!("{:016x}", mixed(n))))),
            (
                "han",
                sorted(
                    (0..KEYS)
                        .map(|n| [han(mixed(n)), han(mixed(n) >> 20), han(mixed(n) >> 40)].iter().collect()),
                ),
            ),
            ("amid others", sorted((0..KEYS).map(access))),
            (
                "skewed",
                sorted((0..KEYS).map(|n| match n % 100 {
                    0 => format!("{:08x}", mixed(n)),
                    _ => format!("{}{n:08}", "tenant-0001/".repeat(5)),
                })),
            ),
        ];
        for (shape, keys) in shapes {
            let plain = keys.len() / 100 + 1;
            let (found, pages, turns) = list(&keys, 100, 16);
            assert_eq!(found.len(), keys.len(), "{shape}");
            assert!(pages < plain * 5 / 4, "{shape}: {pages} pages instead of {plain}");
            assert!(turns < plain / 16 * 2, "{shape}: {turns} turns for {plain} pages");
        }
    }
}
