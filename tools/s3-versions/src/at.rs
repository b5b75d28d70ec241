//! What brings one key back to an instant: a decision from the key's entries alone, newest first.

use anyhow::Result;
use common::s3::{Action, Entry, Plan};
use jiff::Timestamp;

/// The state of one key as its entries go by, newest first. It holds two entries and the ids of the delete
/// markers on top, however many versions there are.
#[derive(Debug)]
pub struct History {
    /// The instant to go back to; without one, the newest version beneath the delete markers on top is wanted.
    at: Option<Timestamp>,
    current: Entry,
    /// The version or delete marker that is wanted, once it has gone by.
    wanted: Option<Entry>,
    markers: Vec<String>,
    only_markers: bool,
}

impl History {
    /// The history of a key whose newest entry this is.
    pub fn new(at: Option<Timestamp>, newest: Entry) -> Result<Self> {
        let mut history =
            Self { at, current: newest.clone(), wanted: None, markers: Vec::new(), only_markers: true };
        history.push(newest)?;
        Ok(history)
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.current.key
    }

    /// The newest entry.
    pub fn current(&self) -> &Entry {
        &self.current
    }

    /// Whether older entries change nothing any more.
    pub fn is_settled(&self) -> bool {
        self.wanted.is_some()
    }

    /// Takes the next older entry. The order of the list decides which is newer: many versions share a second.
    pub fn push(&mut self, entry: Entry) -> Result<()> {
        if self.wanted.is_some() {
            return Ok(());
        }
        let wanted = match self.at {
            Some(at) => entry.instant()? <= at,
            None => !entry.delete_marker,
        };
        if wanted {
            self.wanted = Some(entry);
        } else if entry.delete_marker && self.only_markers {
            self.markers.push(entry.version_id);
        } else {
            self.only_markers = false;
            self.markers.clear();
        }
        Ok(())
    }

    /// The plan, and the entry it is about: the version to bring back, or the current one if that must go or stay.
    pub fn decide(self) -> (Entry, Plan) {
        let now = (!self.current.delete_marker).then_some(&self.current.version_id);
        let then = self.wanted.filter(|entry| !entry.delete_marker);
        let mut markers = Vec::new();
        let action = match &then {
            None if now.is_none() => Action::None,
            None => Action::MarkDeleted,
            Some(then) if Some(&then.version_id) == now => Action::None,
            Some(_) if self.only_markers => {
                markers = self.markers;
                Action::Undelete
            }
            Some(_) => Action::Copy,
        };
        let plan = Plan {
            at: self.at,
            action,
            current_version_id: self.current.version_id.clone(),
            current_etag: self.current.etag.clone(),
            markers,
        };
        let entry = match action {
            Action::Copy | Action::Undelete => then.unwrap_or(self.current),
            Action::MarkDeleted | Action::None => self.current,
        };
        (entry, plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + n).unwrap()
    }

    /// A key's entries, newest first, several of them in one second.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        prop::collection::vec((any::<bool>(), 0i64..3), 1..8).prop_map(|drawn| {
            let mut when = 20;
            let mut entries = Vec::new();
            for (n, (delete_marker, step)) in drawn.into_iter().enumerate() {
                when -= step;
                entries.push(Entry {
                    key: "k".into(),
                    version_id: format!("v{n}"),
                    is_latest: n == 0,
                    delete_marker,
                    last_modified: second(when).to_string(),
                    ..Entry::default()
                });
            }
            entries
        })
    }

    fn decide(at: Option<Timestamp>, entries: &[Entry]) -> (Entry, Plan) {
        let mut history = History::new(at, entries[0].clone()).unwrap();
        for entry in &entries[1..] {
            history.push(entry.clone()).unwrap();
        }
        history.decide()
    }

    /// What a reader of the key gets: the version id, or nothing.
    fn seen(entries: &[Entry]) -> Option<&str> {
        entries.first().filter(|entry| !entry.delete_marker).map(|entry| entry.version_id.as_str())
    }

    /// Carries a plan out on the entries, as the service would.
    fn carry_out(entries: &[Entry], target: &Entry, plan: &Plan) -> Vec<Entry> {
        let mut after = entries.to_vec();
        match plan.action {
            Action::None => {}
            Action::Copy => after.insert(0, target.clone()),
            Action::Undelete => {
                after.retain(|entry| !(entry.delete_marker && plan.markers.contains(&entry.version_id)));
            }
            Action::MarkDeleted => {
                after.insert(0, Entry { delete_marker: true, ..Entry::default() });
            }
        }
        after
    }

    proptest! {
        #[test]
        fn the_plan_brings_back_what_a_reader_saw(entries in entries(), at in -2i64..24) {
            // Time runs backwards along the list: whoever read at that instant saw the first entry that was there.
            let there = entries.iter().position(|entry| entry.instant().unwrap() <= second(at));
            let then = there.and_then(|first| seen(&entries[first..]));
            let (target, plan) = decide(Some(second(at)), &entries);
            let after = carry_out(&entries, &target, &plan);
            prop_assert_eq!(seen(&after), then);
            prop_assert_eq!(plan.action == Action::None, seen(&entries) == then);
            prop_assert_eq!(&plan.current_version_id, &entries[0].version_id);
        }

        #[test]
        fn markers_are_removed_wherever_that_is_enough(entries in entries(), at in -2i64..24) {
            let (target, plan) = decide(Some(second(at)), &entries);
            let place = entries.iter().position(|entry| entry.version_id == target.version_id).unwrap();
            let all_markers = entries[..place].iter().all(|entry| entry.delete_marker);
            match plan.action {
                Action::Undelete => {
                    let above: Vec<_> = entries[..place].iter().map(|e| e.version_id.clone()).collect();
                    prop_assert!(all_markers);
                    prop_assert_eq!(plan.markers, above);
                }
                Action::Copy => prop_assert!(!all_markers && plan.markers.is_empty()),
                Action::MarkDeleted | Action::None => prop_assert_eq!(place, 0),
            }
        }

        #[test]
        fn without_an_instant_the_version_beneath_the_markers_is_wanted(entries in entries()) {
            let (target, plan) = decide(None, &entries);
            match entries.iter().find(|entry| !entry.delete_marker) {
                Some(beneath) if entries[0].delete_marker => {
                    prop_assert_eq!(plan.action, Action::Undelete);
                    prop_assert_eq!(&target, beneath);
                }
                _ => prop_assert_eq!(plan.action, Action::None),
            }
        }
    }
}
