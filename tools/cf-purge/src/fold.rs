//! Folds many paths into few: which wildcards to send when there are more paths than may be.
//!
//! Nobody knows what else lies below a prefix, so a wildcard is judged by how far it can reach at all: the fewer whole
//! folders it names the further, and among those with equally many, the shorter it is the further. Of all ways to
//! stay within the limits, [`fold`] takes one whose furthest-reaching wildcard reaches least, then needs few of
//! them, and takes the last one no larger than is needed. A wildcard is as long as what its paths have in common, so that
//! a flat folder is cut between its names (`/img_00*`) before it is given up as a whole.

use std::cmp::Reverse;

use crate::covered::PathId;
use crate::paths::prefix_end;

/// A path, or the prefix of a wildcard, and the number of input keys that led to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Not encoded.
    pub text: String,
    /// Whether every path that starts with `text` is meant.
    pub wildcard: bool,
    /// Input keys that it covers.
    pub keys: u64,
    /// What those of them asked for that did not ask for this very path or wildcard, where that is kept.
    pub others: Option<Vec<PathId>>,
}

impl Entry {
    /// What its keys asked for, seen from an entry that takes its place.
    pub fn into_others(self) -> Option<Vec<PathId>> {
        let mut others = self.others?;
        let id = PathId::of(&self.text, self.wildcard);
        others.extend((others.len() as u64..self.keys).map(|_| id));
        Some(others)
    }
}

/// How many entries may remain.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Paths and wildcards together, at least 1.
    pub total: usize,
    /// Wildcards among them, at least 1.
    pub wildcards: usize,
}

/// Brings entries within the limits, and leaves them alone where they are. What an entry was in the input, one of the
/// result covers. In and out, entries are sorted by text and none is covered by another one.
///
/// The result depends on the entries alone. It takes `O(n log n)` time and no memory beyond the entries' own.
pub fn fold(entries: Vec<Entry>, limits: Limits) -> Vec<Entry> {
    let reaches: Vec<_> = entries.windows(2).map(|pair| reach(&pair[0].text, &pair[1].text)).collect();
    let mut chosen = Vec::new();
    choose(&entries, &reaches, 0, limits, &mut chosen);
    let mut chosen = chosen.into_iter().peekable();
    let mut folded = Vec::new();
    let mut entries = entries.into_iter().enumerate();
    while let Some((index, entry)) = entries.next() {
        let Some(group) = chosen.next_if(|group| group.start == index) else {
            folded.push(entry);
            continue;
        };
        let mut text = entry.text.clone();
        text.truncate(group.reach.length);
        let (mut keys, mut others) = (entry.keys, entry.into_others());
        for (_, entry) in entries.by_ref().take(group.length - 1) {
            keys += entry.keys;
            if let (Some(others), Some(more)) = (&mut others, entry.into_others()) {
                others.extend(more);
            }
        }
        folded.push(Entry { text, wildcard: true, keys, others });
    }
    folded
}

/// What two neighbours have in common. A greater one reaches less far.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Reach {
    folders: usize,
    length: usize,
}

fn reach(a: &str, b: &str) -> Reach {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let length = prefix_end(a, common);
    Reach { folders: a[..length].bytes().filter(|&byte| byte == b'/').count(), length }
}

/// Neighbours that one wildcard would cover.
#[derive(Clone, Copy, Debug)]
struct Group {
    start: usize,
    length: usize,
    wildcards: usize,
    reach: Reach,
}

impl Group {
    /// By how much folding it lessens the total.
    fn saving(&self) -> usize {
        self.length - 1
    }
}

/// Adds to `chosen`, sorted by start, the groups of `entries` to fold; `offset` is the index of the first entry.
fn choose(entries: &[Entry], reaches: &[Reach], offset: usize, limits: Limits, chosen: &mut Vec<Group>) {
    let wildcards = entries.iter().filter(|entry| entry.wildcard).count();
    if entries.len() <= limits.total && wildcards <= limits.wildcards {
        return;
    }
    let mut levels = reaches.to_vec();
    levels.sort_unstable_by_key(|&reach| Reverse(reach));
    levels.dedup();
    // Groups grow with how far they may reach, and what is within the limits stays so: the first level that is will do.
    let start = Tally { total: entries.len(), wildcards };
    let level =
        levels.partition_point(|&level| pick(groups(entries, reaches, level), start, limits).is_none());
    let Some(picked) =
        levels.get(level).and_then(|&level| pick(groups(entries, reaches, level), start, limits))
    else {
        return;
    };
    for group in picked.whole {
        chosen.push(Group { start: offset + group.start, ..group });
    }
    if let Some((group, inner)) = picked.last {
        let end = group.start + group.length;
        if group.length == entries.len() {
            chosen.push(Group { start: offset + group.start, ..group });
        } else {
            let (entries, reaches) = (&entries[group.start..end], &reaches[group.start..end - 1]);
            choose(entries, reaches, offset + group.start, inner, chosen);
        }
    }
    chosen.sort_unstable_by_key(|group| group.start);
}

/// The largest groups whose members have at least `level` in common; what stands alone is none.
fn groups(entries: &[Entry], reaches: &[Reach], level: Reach) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut start = 0;
    for run in reaches.chunk_by(|&a, &b| (a >= level) == (b >= level)) {
        if let Some(&reach) = run.iter().min().filter(|&&reach| reach >= level) {
            let members = &entries[start..=start + run.len()];
            let wildcards = members.iter().filter(|entry| entry.wildcard).count();
            groups.push(Group { start, length: members.len(), wildcards, reach });
        }
        start += run.len();
    }
    groups
}

/// How many entries there are after some folds.
#[derive(Clone, Copy)]
struct Tally {
    total: usize,
    wildcards: usize,
}

impl Tally {
    fn fold(&mut self, group: &Group) {
        self.total -= group.saving();
        self.wildcards = self.wildcards + 1 - group.wildcards;
    }
}

/// Groups to fold, and one more of which only as much as the limits ask for.
struct Picked {
    whole: Vec<Group>,
    last: Option<(Group, Limits)>,
}

/// The fewest groups, the largest first, that bring the tally within the limits; nothing where all of them do not.
fn pick(groups: Vec<Group>, mut now: Tally, limits: Limits) -> Option<Picked> {
    let order = |group: &Group| (Reverse(group.saving()), Reverse(group.reach), group.start);
    // Folding a group that has a wildcard never adds one; folding another does, and there may be no room for it.
    let (mut free, mut adding): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| group.wildcards > 0);
    free.sort_unstable_by_key(|group| (Reverse(group.wildcards), order(group)));
    let mut merging = free.into_iter();
    let mut whole = Vec::new();
    while now.wildcards > limits.wildcards {
        let group = merging.next().filter(|group| group.wildcards > 1)?;
        now.fold(&group);
        whole.push(group);
    }
    let mut free: Vec<_> = merging.collect();
    free.sort_unstable_by_key(order);
    adding.sort_unstable_by_key(order);
    let (mut free, mut adding) = (&free[..], &adding[..]);
    while now.total > limits.total {
        let needed = now.total - limits.total;
        let open = if now.wildcards < limits.wildcards { adding } else { &[] };
        let last =
            [free, open].into_iter().filter_map(|list| smallest(list, needed)).min_by_key(order_of_last);
        if let Some(group) = last {
            let others = now.wildcards - group.wildcards;
            let inner = Limits { total: group.length - needed, wildcards: limits.wildcards - others };
            return Some(Picked { whole, last: Some((group, inner)) });
        }
        let largest = [free.first(), open.first()].into_iter().flatten().min_by_key(|group| order(group))?;
        let list = if largest.wildcards > 0 { &mut free } else { &mut adding };
        *list = &list[1..];
        now.fold(largest);
        whole.push(*largest);
    }
    Some(Picked { whole, last: None })
}

fn order_of_last(group: &Group) -> (usize, Reverse<Reach>, usize) {
    (group.saving(), Reverse(group.reach), group.start)
}

/// The group that saves enough and no more than it must; of equals the one that reaches least.
fn smallest(sorted: &[Group], needed: usize) -> Option<Group> {
    let enough = sorted.partition_point(|group| group.saving() >= needed);
    let saving = sorted[..enough].last()?.saving();
    Some(sorted[sorted.partition_point(|group| group.saving() > saving)])
}

#[cfg(test)]
mod tests;
