//! What is to be done with one key: a decision from what was seen of it alone.

use common::s3::Entry;

use crate::cli::Method;
use crate::input::Goal;

/// What is wanted, and what may be done for it.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    pub goal: &'a Goal,
    /// The latest that the plan knew.
    pub expected: Option<&'a str>,
    /// Whether a write after the plan is overruled.
    pub force: bool,
    pub method: Method,
    /// The only delete markers that may be removed, where not every one may.
    pub only: Option<&'a [String]>,
    /// Whether the wanted version is of another key than the one seen.
    pub aside: bool,
    /// Whether every write makes a new version. If not, a write replaces the `null` version for good.
    pub versioned: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Nothing: the key is as wanted.
    Already,
    /// Remove these delete markers, oldest first, so that the key changes with the last of them and all at once.
    Undelete(Vec<String>),
    /// Copy the version over the latest.
    Copy,
    /// Add a delete marker.
    MarkDeleted,
    /// Nothing, since somebody wrote to the key after the plan.
    ChangedSince,
    /// Nothing, since there is no such version.
    NoSuchVersion,
    /// Nothing, since the wanted version is a delete marker.
    IsDeleteMarker,
    /// Nothing, since a version would be replaced for good.
    NotVersioned,
}

/// Decides from the key's entries, newest first.
///
/// To remove delete markers, and where the bucket is not versioned, all of the key's entries must be there; otherwise the
/// latest is enough.
pub fn decide(seen: &[Entry], want: &Want<'_>) -> Decision {
    let latest = seen.first();
    let decision = match want.goal {
        Goal::Unchanged => Decision::Already,
        Goal::Deleted if latest.is_none_or(|latest| latest.delete_marker) => Decision::Already,
        Goal::Version(id) if latest.is_some_and(|latest| is_it(latest, id, want)) => Decision::Already,
        _ if !want.force && is_changed(latest, want.expected) => Decision::ChangedSince,
        Goal::Deleted => Decision::MarkDeleted,
        Goal::Version(_) if want.method == Method::Copy => Decision::Copy,
        Goal::Version(id) => beneath(seen, id, want),
    };
    match &decision {
        // To replace the null version is to delete it.
        Decision::Copy | Decision::MarkDeleted if !want.versioned && seen.iter().any(is_null_version) => {
            Decision::NotVersioned
        }
        // Where the null marker can be replaced at any time, its id may name a version by the time of the request.
        Decision::Undelete(markers) if !want.versioned && markers.iter().any(|id| id == "null") => {
            Decision::NotVersioned
        }
        _ => decision,
    }
}

fn is_it(latest: &Entry, id: &str, want: &Want<'_>) -> bool {
    !want.aside && !latest.delete_marker && latest.version_id == id
}

fn is_changed(latest: Option<&Entry>, expected: Option<&str>) -> bool {
    expected.is_some_and(|expected| latest.is_none_or(|latest| latest.version_id != expected))
}

fn is_null_version(entry: &Entry) -> bool {
    !entry.delete_marker && entry.version_id == "null"
}

fn beneath(seen: &[Entry], id: &str, want: &Want<'_>) -> Decision {
    let Some(place) = seen.iter().position(|entry| entry.version_id == id) else {
        return Decision::NoSuchVersion;
    };
    if seen[place].delete_marker {
        return Decision::IsDeleteMarker;
    }
    let above = &seen[..place];
    let removable =
        |entry: &Entry| entry.delete_marker && want.only.is_none_or(|only| only.contains(&entry.version_id));
    if above.iter().all(removable) {
        Decision::Undelete(above.iter().rev().map(|entry| entry.version_id.clone()).collect())
    } else {
        Decision::Copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(id: usize, null: bool, delete_marker: bool, is_latest: bool) -> Entry {
        let version_id = if null { "null".into() } else { format!("v{id}") };
        Entry { key: "k".into(), version_id, is_latest, delete_marker, ..Entry::default() }
    }

    /// A key's entries, newest first, at most one of them the null version.
    fn stack() -> impl Strategy<Value = Vec<Entry>> {
        (prop::collection::vec(any::<bool>(), 0..7), 0usize..12).prop_map(|(markers, null)| {
            let entries = markers.iter().enumerate();
            entries.map(|(id, marker)| entry(id, id == null, *marker, id == 0)).collect()
        })
    }

    fn goal() -> impl Strategy<Value = Goal> {
        prop_oneof![
            4 => (0usize..8).prop_map(|id| Goal::Version(format!("v{id}"))),
            1 => Just(Goal::Version("null".into())),
            1 => Just(Goal::Deleted),
            1 => Just(Goal::Unchanged),
        ]
    }

    fn id() -> impl Strategy<Value = Option<String>> {
        prop_oneof![
            2 => Just(None),
            3 => (0usize..3).prop_map(|id| Some(format!("v{id}"))),
            1 => Just(Some("null".into())),
        ]
    }

    /// What a bucket does with a decision; nothing where a data version would be destroyed.
    fn carry_out(seen: &[Entry], decision: &Decision, want: &Want<'_>) -> Option<Vec<Entry>> {
        let mut after = seen.to_vec();
        let write = |after: &mut Vec<Entry>, entry: Entry| {
            if !want.versioned {
                let lost = after.iter().any(|old| old.version_id == "null" && !old.delete_marker);
                after.retain(|old| old.version_id != "null");
                if lost {
                    return None;
                }
            }
            after.insert(0, entry);
            Some(())
        };
        match decision {
            Decision::Undelete(markers) => {
                for id in markers {
                    let place = after.iter().position(|entry| entry.version_id == *id)?;
                    if !after.remove(place).delete_marker {
                        return None;
                    }
                }
            }
            Decision::Copy => write(&mut after, entry(99, !want.versioned, false, true))?,
            Decision::MarkDeleted => write(&mut after, entry(99, !want.versioned, true, true))?,
            _ => {}
        }
        Some(after)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn no_decision_destroys_a_data_version_and_each_reaches_its_goal(
            seen in stack(), goal in goal(), expected in id(), only in prop::option::of(prop::collection::vec("v[0-6]", 0..4)), force: bool, copy: bool, aside: bool,
            versioned: bool,
        ) {
            let method = if copy || aside { Method::Copy } else { Method::Auto };
            let want = Want {
                goal: &goal, expected: expected.as_deref(), force, method, only: only.as_deref(), aside, versioned,
            };
            let decision = decide(&seen, &want);
            let after = carry_out(&seen, &decision, &want);
            let Some(after) = after else {
                return Err(TestCaseError::fail(format!("{decision:?} destroys a version")));
            };
            let kept = seen.iter().filter(|entry| !entry.delete_marker).all(|entry| after.contains(entry));
            prop_assert!(kept, "{:?} loses a version", decision);
            let top = after.first();
            match (&decision, &goal) {
                (Decision::Already | Decision::MarkDeleted, Goal::Deleted) => {
                    prop_assert!(top.is_none_or(|entry| entry.delete_marker));
                }
                (Decision::Already | Decision::Undelete(_), Goal::Version(id)) => {
                    prop_assert!(top.is_some_and(|entry| entry.version_id == *id && !entry.delete_marker));
                }
                (Decision::Copy, Goal::Version(_)) => prop_assert!(top.is_some_and(|entry| !entry.delete_marker)),
                (Decision::Already, Goal::Unchanged) => prop_assert_eq!(&after, &seen),
                (other, _) => prop_assert_eq!(&after, &seen, "{:?} must change nothing", other),
            }
        }

        #[test]
        fn a_write_that_the_plan_did_not_know_stops_everything(seen in stack(), goal in goal(), versioned: bool) {
            let want = Want {
                goal: &goal, expected: Some("never seen"), force: false, method: Method::Auto, only: None,
                aside: false, versioned,
            };
            prop_assert!(matches!(decide(&seen, &want), Decision::Already | Decision::ChangedSince));
        }

        #[test]
        fn nothing_is_copied_that_removing_markers_brings_back(seen in stack(), goal in goal()) {
            let want = Want {
                goal: &goal, expected: None, force: false, method: Method::Auto, only: None, aside: false,
                versioned: true,
            };
            let Goal::Version(id) = &goal else { return Ok(()) };
            let place = seen.iter().position(|entry| entry.version_id == *id);
            let model = match place {
                None => Decision::NoSuchVersion,
                Some(at) if seen[at].delete_marker => Decision::IsDeleteMarker,
                Some(0) => Decision::Already,
                Some(at) => {
                    let mut markers = Vec::new();
                    let mut data = 0;
                    for index in (0..at).rev() {
                        if seen[index].delete_marker {
                            markers.push(seen[index].version_id.clone());
                        } else {
                            data += 1;
                        }
                    }
                    if data == 0 { Decision::Undelete(markers) } else { Decision::Copy }
                }
            };
            prop_assert_eq!(decide(&seen, &want), model);
        }
    }
}
