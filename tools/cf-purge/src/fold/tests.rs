use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn path(text: &str) -> Entry {
    Entry { text: text.to_owned(), wildcard: false, keys: 1, others: None }
}

/// Sorted and with nothing covered by another, as [`fold`] wants it: the slow way.
fn disjoint(texts: &BTreeMap<String, bool>) -> Vec<Entry> {
    let covers = |other: &str, text: &str| other != text && texts[other] && text.starts_with(other);
    let kept = texts.iter().filter(|(text, _)| !texts.keys().any(|other| covers(other, text)));
    kept.map(|(text, &wildcard)| Entry { text: text.clone(), wildcard, keys: 1, others: None }).collect()
}

fn covers(entry: &Entry, other: &Entry) -> bool {
    entry == other || entry.wildcard && other.text.starts_with(&entry.text)
}

fn shown(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| format!("{}{}", entry.text, if entry.wildcard { "*" } else { "" })).collect()
}

fn folded(paths: impl Iterator<Item = String>, total: usize, wildcards: usize) -> Vec<String> {
    let mut entries: Vec<_> = paths.map(|text| path(&text)).collect();
    entries.sort_by(|a, b| a.text.cmp(&b.text));
    shown(&fold(entries, Limits { total, wildcards }))
        .into_iter()
        .filter(|text| text.ends_with('*'))
        .collect()
}

#[test]
fn a_flat_folder_is_cut_between_its_names() {
    let images = (0..5000).map(|n| format!("/img/img_{n:06}.jpg"));
    assert_eq!(folded(images, 3000, 15), ["/img/img_000*", "/img/img_001*", "/img/img_00200*"]);
}

#[test]
fn whole_folders_go_before_what_is_above_them() {
    let albums = (0..20).flat_map(|album| (0..500).map(move |n| format!("/albums/{album:02}/{n:03}.jpg")));
    let wildcards = folded(albums, 3000, 15);
    assert!(
        wildcards.iter().all(|text| text.starts_with("/albums/") && text.matches('/').count() == 3),
        "{wildcards:?}"
    );
}

#[test]
fn a_scattered_few_keep_their_own_paths() {
    let scattered = (0..100).map(|n| format!("/deep/down/in/{n}/other.jpg"));
    let flat = (0..5000).map(|n| format!("/img/{n:04}.jpg"));
    let wildcards = folded(scattered.chain(flat), 3000, 15);
    assert!(!wildcards.is_empty() && wildcards.iter().all(|text| text.starts_with("/img/")), "{wildcards:?}");
}

#[test]
fn a_wildcard_never_cuts_a_character() {
    // The first two differ in the last byte of one character, the third from both in the first.
    let paths = ["/\u{e9}", "/\u{ea}", "/\u{6771}"].map(str::to_owned);
    assert_eq!(folded(paths.into_iter(), 1, 1), ["/*"]);
}

#[test]
fn wildcards_that_came_in_are_merged_too() {
    let wildcard = |text: &str| Entry { wildcard: true, ..path(text) };
    let entries = vec![wildcard("/a/1/"), wildcard("/a/2/"), path("/a/3"), path("/b"), wildcard("/c/")];
    let folded = fold(entries, Limits { total: 100, wildcards: 2 });
    assert_eq!(shown(&folded), ["/a/*", "/b", "/c/*"]);
    assert_eq!(folded.iter().map(|entry| entry.keys).collect::<Vec<_>>(), [3, 1, 1]);
}

/// Every way to fold, as the worst reach among the wildcards it makes: the obvious way, for few entries.
fn every_way(entries: &[Entry], limits: Limits) -> Vec<Option<Reach>> {
    fn go(
        rest: &[Entry],
        total: usize,
        wildcards: usize,
        worst: Option<Reach>,
        limits: Limits,
        ways: &mut Vec<Option<Reach>>,
    ) {
        let Some((first, others)) = rest.split_first() else {
            if total <= limits.total && wildcards <= limits.wildcards {
                ways.push(worst);
            }
            return;
        };
        go(others, total + 1, wildcards + usize::from(first.wildcard), worst, limits, ways);
        for length in 1..=first.text.len() {
            if prefix_end(&first.text, length) != length {
                continue;
            }
            let members =
                rest.iter().take_while(|entry| entry.text.starts_with(&first.text[..length])).count();
            let folders = first.text[..length].matches('/').count();
            let reach = Reach { folders, length };
            let worst = Some(worst.map_or(reach, |worst| worst.min(reach)));
            go(&rest[members..], total + 1, wildcards + 1, worst, limits, ways);
        }
    }
    // A prefix that also covers what comes before it in the order cannot be: nothing of that sorts earlier.
    let mut ways = Vec::new();
    go(entries, 0, 0, None, limits, &mut ways);
    ways
}

fn texts(most: usize) -> impl Strategy<Value = BTreeMap<String, bool>> {
    prop::collection::btree_map("/[ab*é/]{0,5}", prop::bool::weighted(0.2), 0..most).prop_map(|texts| {
        // A wildcard's text never ends in a star, and no path does: it would be one.
        let plain = |(text, wildcard): (String, bool)| (text.trim_end_matches('*').to_owned(), wildcard);
        texts.into_iter().map(plain).collect()
    })
}

proptest! {
    #[test]
    fn everything_is_covered_once_and_within_the_limits(texts in texts(60), total in 1usize..40, wildcards in 1usize..6) {
        let entries = disjoint(&texts);
        let limits = Limits { total, wildcards };
        let folded = fold(entries.clone(), limits);
        for entry in &entries {
            prop_assert_eq!(folded.iter().filter(|out| covers(out, entry)).count(), 1, "{}", &entry.text);
        }
        prop_assert!(folded.len() <= total, "{} of {}", folded.len(), total);
        prop_assert!(folded.iter().filter(|out| out.wildcard).count() <= wildcards);
        prop_assert!(folded.is_sorted_by(|a, b| a.text < b.text));
        prop_assert!(folded.iter().all(|out| !out.text.ends_with('*')));
        prop_assert_eq!(folded.iter().map(|out| out.keys).sum::<u64>(), entries.len() as u64);
        let given = entries.iter().filter(|entry| entry.wildcard).count();
        if entries.len() <= total && given <= wildcards {
            prop_assert_eq!(folded, entries);
        }
    }

    #[test]
    fn no_other_way_has_a_furthest_wildcard_that_reaches_less(texts in texts(8), total in 1usize..7, wildcards in 1usize..4) {
        let entries = disjoint(&texts);
        let limits = Limits { total, wildcards };
        let made = fold(entries.clone(), limits).into_iter().filter(|out| !entries.contains(out));
        let worst = made
            .map(|out| Reach { folders: out.text.matches('/').count(), length: out.text.len() })
            .min();
        let ways = every_way(&entries, limits);
        // Making no wildcard at all reaches least.
        let best = ways.iter().copied().max_by_key(|way| (way.is_none(), *way));
        prop_assert_eq!(Some(worst), best, "{:?}", shown(&entries));
    }
}
