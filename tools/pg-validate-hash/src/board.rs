//! Who does what next: the tables of a run, cut into pieces of work for the connections of one or two sides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::Reject;
use common::digest::Digest;
use common::digest::sketch::{Fingerprint, Sketch};
use tokio::sync::Notify;

use crate::find::Found;
use crate::tables::{Leaf, Table};

/// Pages in a piece of work: 32 MiB of PostgreSQL's usual pages.
const PAGES: u64 = 4096;

/// The rows that a second scan looks for.
pub type Wanted = Arc<HashMap<Fingerprint, i64>>;

/// The first page of a part of a relation and the page behind its last; nothing for the whole relation.
pub type Pages = Option<(u64, Option<u64>)>;

/// One piece of work: part of a relation, read in one statement.
#[derive(Clone, Debug)]
pub struct Work {
    /// The number of its table.
    pub table: usize,
    /// The number of the leaf in the table.
    pub leaf: usize,
    /// Which part of the leaf.
    pub pages: Pages,
    /// The rows to find; nothing where all are to be hashed.
    pub wanted: Option<Wanted>,
}

/// What came of a piece of work.
#[derive(Debug, Default)]
pub struct Done {
    /// The sum over its rows.
    pub digest: Digest,
    /// Its rows for the comparison, if there is one.
    pub sketch: Option<Sketch>,
    /// Bytes that the server sent.
    pub bytes: u64,
    /// The rows that were looked for.
    pub found: Vec<Found>,
}

/// A table with all its work done on every side.
#[derive(Debug)]
pub struct Finished {
    /// The number of the table.
    pub table: usize,
    /// What each side has.
    pub sides: Vec<Side>,
    /// The rows of the first side less those of the second, after the first scan.
    pub sketch: Option<Sketch>,
    /// Why there is no result.
    pub reject: Option<Reject>,
}

/// What one side has in a table.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// The sum over its rows.
    pub digest: Digest,
    /// Bytes that the server sent.
    pub bytes: u64,
    /// The rows that a second scan found.
    pub found: Vec<Found>,
}

struct Progress {
    cut: Vec<Cut>,
    open: usize,
    wanted: Option<Wanted>,
    finished: Finished,
}

/// Where the next piece of a table begins.
#[derive(Clone, Copy, Default)]
struct Cut {
    leaf: usize,
    page: u64,
    is_over: bool,
}

impl Cut {
    fn next(&mut self, leaves: &[Leaf], split: bool) -> Option<(usize, Pages)> {
        let Some(leaf) = leaves.get(self.leaf) else {
            self.is_over = true;
            return None;
        };
        let (number, first) = (self.leaf, self.page);
        let end = first + PAGES;
        // The last piece is open, for pages that were added since. A rest that is short is not worth its own statement.
        let is_last = !split || !leaf.is_heap || end + PAGES / 2 >= leaf.pages;
        (self.leaf, self.page) = if is_last { (number + 1, 0) } else { (number, end) };
        self.is_over = self.leaf == leaves.len();
        let whole = is_last && first == 0;
        Some((number, (!whole).then_some((first, (!is_last).then_some(end)))))
    }
}

struct State {
    /// The tables that are being worked on, by number.
    open: Vec<(usize, Progress)>,
    /// The first table that nobody began.
    next: usize,
    stopped: bool,
}

/// The work of a run.
pub struct Board {
    /// The tables of each side, in the same order on all.
    sides: Vec<Vec<Table>>,
    /// Tables that may be worked on at once: what is held for them is the memory of the run.
    window: usize,
    split: bool,
    state: Mutex<State>,
    changed: Notify,
}

impl Board {
    /// The work on these tables, given for each side in the same order; `split` cuts large ones into pieces.
    pub fn new(sides: Vec<Vec<Table>>, window: usize, split: bool) -> Self {
        let state = Mutex::new(State { open: Vec::new(), next: 0, stopped: false });
        Self { sides, window, split, state, changed: Notify::new() }
    }

    /// A table of a side.
    pub fn table(&self, side: usize, number: usize) -> Option<&Table> {
        self.sides.get(side)?.get(number)
    }

    /// How many tables there are.
    pub fn len(&self) -> usize {
        self.sides.first().map_or(0, Vec::len)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next piece of work for a side; waits for one while there may be some, and is nothing at the end.
    pub async fn next(&self, side: usize) -> Option<Work> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let mut state = self.state();
                if let Some(work) = self.take(&mut state, side) {
                    return Some(work);
                }
                if state.stopped || state.open.is_empty() && state.next == self.len() {
                    return None;
                }
            }
            changed.await;
        }
    }

    fn take(&self, state: &mut State, side: usize) -> Option<Work> {
        if state.stopped {
            return None;
        }
        for (number, progress) in &mut state.open {
            if let Some(work) = self.piece(side, *number, progress) {
                return Some(work);
            }
        }
        if state.open.len() < self.window && state.next < self.len() {
            let number = state.next;
            state.next += 1;
            let mut progress = self.begin(number, None);
            let work = self.piece(side, number, &mut progress);
            state.open.push((number, progress));
            // The other side has work now, too.
            self.changed.notify_waiters();
            return work;
        }
        None
    }

    fn begin(&self, table: usize, wanted: Option<Wanted>) -> Progress {
        Progress {
            cut: vec![Cut::default(); self.sides.len()],
            open: 0,
            wanted,
            finished: self.nothing(table),
        }
    }

    fn nothing(&self, table: usize) -> Finished {
        Finished { table, sides: vec![Side::default(); self.sides.len()], sketch: None, reject: None }
    }

    fn piece(&self, side: usize, number: usize, progress: &mut Progress) -> Option<Work> {
        let table = self.table(side, number)?;
        let cut = progress.cut.get_mut(side)?;
        if cut.is_over || progress.finished.reject.is_some() {
            return None;
        }
        let (leaf, pages) = cut.next(&table.leaves, self.split)?;
        progress.open += 1;
        Some(Work { table: number, leaf, pages, wanted: progress.wanted.clone() })
    }

    /// Takes what came of a piece of work; gives the table back once that was the last of it.
    pub fn done(&self, side: usize, work: &Work, result: Result<Done, Reject>) -> Option<Finished> {
        let mut state = self.state();
        let at = state.open.iter().position(|(number, _)| *number == work.table)?;
        let progress = &mut state.open[at].1;
        progress.open -= 1;
        match result {
            Ok(done) => progress.finished.add(side, done),
            Err(reject) => {
                progress.finished.reject.get_or_insert(reject);
            }
        }
        let all_cut = progress.cut.iter().all(|cut| cut.is_over) || progress.finished.reject.is_some();
        if progress.open > 0 || !all_cut {
            return None;
        }
        // The table stays in its place, so that nobody takes the run for over while it may be scanned again.
        progress.cut.fill(Cut { is_over: true, ..Cut::default() });
        Some(std::mem::replace(&mut progress.finished, self.nothing(work.table)))
    }

    /// Scans a finished table again, for these rows.
    pub fn again(&self, table: usize, wanted: Wanted) {
        let mut state = self.state();
        if let Some(open) = state.open.iter_mut().find(|(number, _)| *number == table) {
            open.1 = self.begin(table, Some(wanted));
        }
        self.changed.notify_waiters();
    }

    /// Lets a finished table go.
    pub fn close(&self, table: usize) {
        self.state().open.retain(|(number, _)| *number != table);
        self.changed.notify_waiters();
    }

    /// Gives out no more work.
    pub fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_waiters();
    }
}

impl Finished {
    fn add(&mut self, side: usize, done: Done) {
        if let Some(part) = done.sketch {
            match &mut self.sketch {
                Some(sketch) => sketch.merge(&part, side > 0),
                none if side == 0 => *none = Some(part),
                none => {
                    let mut less = part.emptied();
                    less.merge(&part, true);
                    *none = Some(less);
                }
            }
        }
        if let Some(side) = self.sides.get_mut(side) {
            side.digest.merge(&done.digest);
            side.bytes += done.bytes;
            side.found.extend(done.found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(pages: &[u64]) -> Table {
        let leaf = |&pages: &u64| Leaf { oid: 1, name: "t".into(), pages, is_heap: true };
        Table { name: "t".into(), leaves: pages.iter().map(leaf).collect(), columns: vec![], key: vec![] }
    }

    proptest! {
        #[test]
        fn pieces_cover_each_leaf_once(pages in prop::collection::vec(0u64..50_000, 1..4), split: bool) {
            let table = table(&pages);
            let mut cut = Cut::default();
            let mut covered = vec![0; pages.len()];
            while !cut.is_over {
                let (leaf, range) = cut.next(&table.leaves, split).unwrap();
                let (first, end) = range.unwrap_or((0, None));
                prop_assert_eq!(covered[leaf], first);
                covered[leaf] = end.unwrap_or(u64::MAX);
            }
            prop_assert!(covered.iter().all(|&end| end == u64::MAX));
        }
    }

    #[tokio::test]
    async fn a_table_is_finished_once_by_its_last_piece_on_both_sides() {
        let board = Board::new(vec![vec![table(&[9000, 10])]; 2], 1, true);
        let mut all = Vec::new();
        for side in [0, 1, 0, 1, 0, 1] {
            all.push((side, board.next(side).await.unwrap()));
        }
        for (n, (side, work)) in all.iter().enumerate() {
            let finished = board.done(*side, work, Ok(Done { bytes: 1, ..Done::default() }));
            assert_eq!(finished.is_some(), n == 5);
            if let Some(finished) = finished {
                assert_eq!(finished.sides.iter().map(|side| side.bytes).collect::<Vec<_>>(), [3, 3]);
            }
        }
        board.close(0);
        assert!(board.next(0).await.is_none());
    }

    #[tokio::test]
    async fn a_reject_ends_a_table_without_its_other_pieces() {
        let board = Board::new(vec![vec![table(&[50_000]), table(&[1])]], 1, true);
        let work = board.next(0).await.unwrap();
        let finished = board.done(0, &work, Err(Reject::new("gone", "")));
        assert_eq!(finished.unwrap().reject.unwrap().kind, "gone");
        board.close(0);
        assert_eq!(board.next(0).await.unwrap().table, 1);
    }
}
