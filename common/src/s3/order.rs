//! The true order of a page, for stores that write all versions of a page and then all its delete markers.
//!
//! S3 itself interleaves them, newest first inside a key. A store that splits them (moto does, and so does every
//! program behind an SDK's two lists) loses which of two entries of the same second is the newer one; then
//! only asking for the key one entry at a time tells.

use std::cmp::Ordering;
use std::ops::Range;

use super::page::Entry;

/// How a store writes its pages, as far as they have shown it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Style {
    /// No page yet with a version and a delete marker in a telling order.
    #[default]
    Unknown,
    /// A version came after a delete marker: the order of the wire is the order of the store.
    Interleaved,
    /// Keys went back where the delete markers began.
    Split,
}

/// Puts the entries of a page into the store's order, as far as the page tells it.
///
/// Returned are the places of the keys whose order only the store knows.
pub(super) fn arrange(entries: &mut [Entry], style: &mut Style) -> Vec<Range<usize>> {
    let markers = entries.iter().position(|entry| entry.delete_marker).unwrap_or(entries.len());
    if entries[markers..].iter().any(|entry| !entry.delete_marker) {
        *style = Style::Interleaved;
    }
    if *style == Style::Interleaved || markers == 0 || markers == entries.len() {
        return Vec::new();
    }
    let (version, marker) = (&entries[markers - 1], &entries[markers]);
    if marker.key < version.key {
        *style = Style::Split;
    }
    if *style == Style::Split {
        // Stable, so that what has the same key and time stays in the order of the wire.
        entries.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| newest_first(a, b)));
        return groups(entries).filter(|group| is_doubtful(&entries[group.clone()])).collect();
    }
    // One key's versions and then its delete markers: natural if time agrees, and either style's page if not.
    if marker.key == version.key && version.instant().ok() <= marker.instant().ok() {
        return groups(entries).filter(|group| group.contains(&markers)).collect();
    }
    Vec::new()
}

fn newest_first(a: &Entry, b: &Entry) -> Ordering {
    let time = |entry: &Entry| entry.instant().ok();
    b.is_latest.cmp(&a.is_latest).then_with(|| time(b).cmp(&time(a)))
}

/// The places of each key's entries.
fn groups(entries: &[Entry]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    entries.chunk_by(|a, b| a.key == b.key).map(move |group| {
        let range = start..start + group.len();
        start = range.end;
        range
    })
}

/// Whether versions and delete markers of a key share a time; the latest is known by its flag.
fn is_doubtful(group: &[Entry]) -> bool {
    let older = &group[usize::from(group.first().is_some_and(|entry| entry.is_latest))..];
    older.chunk_by(|a, b| a.instant().ok() == b.instant().ok()).any(|same| {
        same.iter().any(|entry| entry.delete_marker) && same.iter().any(|entry| !entry.delete_marker)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A store's history in its true order: by key, newest first.
    fn history() -> impl Strategy<Value = Vec<Entry>> {
        let versions = prop::collection::vec((any::<bool>(), 0u8..3), 1..6);
        prop::collection::vec(versions, 1..5).prop_map(|keys| {
            let mut entries = Vec::new();
            for (key, versions) in keys.into_iter().enumerate() {
                let mut second = 59u8;
                for (n, (delete_marker, step)) in versions.into_iter().enumerate() {
                    second -= step;
                    entries.push(Entry {
                        key: format!("k{key}"),
                        version_id: format!("{key}.{n}"),
                        is_latest: n == 0,
                        delete_marker,
                        last_modified: format!("2026-11-20T10:00:{second:02}.000Z"),
                        ..Entry::default()
                    });
                }
            }
            entries
        })
    }

    fn split(entries: &[Entry]) -> Vec<Entry> {
        let (markers, versions): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|e| e.delete_marker);
        [versions, markers].concat()
    }

    proptest! {
        #[test]
        fn a_split_page_is_mended_or_named(truth in history()) {
            let mut page = split(&truth);
            let doubtful = arrange(&mut page, &mut Style::Split);
            for (place, entry) in page.iter().enumerate() {
                if !doubtful.iter().any(|range| range.contains(&place)) {
                    prop_assert_eq!(entry, &truth[place]);
                }
            }
            for range in doubtful {
                let mixed = truth[range].windows(2).any(|pair| {
                    pair[0].delete_marker != pair[1].delete_marker && pair[0].last_modified == pair[1].last_modified
                });
                prop_assert!(mixed);
            }
        }

        #[test]
        fn an_interleaved_page_is_left_alone(truth in history()) {
            let mut page = truth.clone();
            let doubtful = arrange(&mut page, &mut Style::Interleaved);
            prop_assert_eq!(page, truth);
            prop_assert!(doubtful.is_empty());
        }

        #[test]
        fn without_knowledge_the_truth_is_kept_or_asked_for(truth in history()) {
            let mut page = truth.clone();
            let doubtful = arrange(&mut page, &mut Style::Unknown);
            for (place, entry) in page.iter().enumerate() {
                if !doubtful.iter().any(|range| range.contains(&place)) {
                    prop_assert_eq!(entry, &truth[place]);
                }
            }
        }
    }

    #[test]
    fn the_style_is_learned_from_telling_pages() {
        let entry = |key: &str, delete_marker| Entry { key: key.into(), delete_marker, ..Entry::default() };
        let learned = |mut page: Vec<Entry>| {
            let mut style = Style::Unknown;
            arrange(&mut page, &mut style);
            style
        };
        assert_eq!(learned(vec![entry("a", true), entry("a", false)]), Style::Interleaved);
        assert_eq!(learned(vec![entry("a", false), entry("b", false), entry("a", true)]), Style::Split);
        assert_eq!(learned(vec![entry("a", false), entry("a", true)]), Style::Unknown);
        assert_eq!(learned(vec![entry("a", false), entry("b", true)]), Style::Unknown);
    }
}
