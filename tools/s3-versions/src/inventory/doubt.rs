//! What a report cannot tell of a key, though a listing could.

use anyhow::Result;
use common::s3::Entry;
use jiff::Timestamp;

use crate::select::Select;
use crate::view::View;

/// Looks at the entries of one key as they go by: the latest first, then newest first.
pub struct Doubt {
    at: Option<Timestamp>,
    view: View,
    /// Entries that are the latest, of which there should be one.
    latest: u32,
    seen: bool,
    /// Whether the answer, or with every entry the order, hangs on nothing that is still to come.
    settled: bool,
    second: Second,
    tied: bool,
}

/// The entries below the latest that share a time.
#[derive(Default)]
struct Second {
    time: String,
    entries: u32,
    versions: u32,
    /// Whether one of them is what is looked for.
    decides: bool,
}

impl Doubt {
    /// For the next key.
    pub fn new(view: View) -> Self {
        let at = if let View::At { at, .. } = view { Some(at) } else { None };
        Self { at, view, latest: 0, seen: false, settled: false, second: Second::default(), tied: false }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// When a time decides and there is none.
    pub fn see(&mut self, entry: &Entry, select: &Select) -> Result<()> {
        self.latest += u32::from(entry.is_latest);
        let first = !std::mem::replace(&mut self.seen, true);
        if self.settled {
            return Ok(());
        }
        let decides = match (self.view, self.at) {
            (_, Some(at)) => entry.instant()? <= at,
            (View::Deleted, _) => !entry.delete_marker,
            _ => false,
        };
        if first {
            // The latest is known as such, whatever its time.
            self.settled = decides
                || self.view == View::Latest
                || (self.view == View::Deleted && !select.time(entry)?);
            return Ok(());
        }
        if entry.last_modified != self.second.time {
            self.close();
            self.second = Second { time: entry.last_modified.clone(), ..Second::default() };
        }
        self.second.entries += 1;
        self.second.versions += u32::from(!entry.delete_marker);
        self.second.decides |= decides;
        Ok(())
    }

    fn close(&mut self) {
        let Second { entries, versions, decides, .. } = self.second;
        let counts = decides || self.view == View::Every;
        // Delete markers alone are all the same.
        self.tied |= counts && entries > 1 && (versions > 0 || self.view == View::Every);
        self.settled |= decides;
    }

    /// Why the report does not decide the key, after its last entry.
    pub fn end(mut self) -> Option<Why> {
        if !self.settled {
            self.close();
        }
        match self.latest {
            1 if self.tied => Some(Why::SameSecond),
            1 => None,
            latest => Some(Why::Latest(latest)),
        }
    }
}

/// Why a report does not decide a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// Versions were written in one second, and which is the newer one is not in the report.
    SameSecond,
    /// So many of its versions are the latest: they were looked at while the key was being written.
    Latest(u32),
}

impl Why {
    /// The kind of the reject.
    pub fn kind(self) -> &'static str {
        match self {
            Self::SameSecond => "same-second",
            Self::Latest(_) => "latest-unclear",
        }
    }

    /// What is the matter, as one line.
    pub fn message(self, bucket: &str, key: &str) -> String {
        match self {
            Self::SameSecond => format!(
                "s3://{bucket}/{key}: the report does not tell which of its versions of one second is newer"
            ),
            Self::Latest(count) => {
                format!("s3://{bucket}/{key}: {count} of its versions are the latest in the report, not one")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at::History;
    use proptest::prelude::*;

    /// A key's entries as S3 lists them: newest first, some of them in one second.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        prop::collection::vec((any::<bool>(), 0i64..2), 1..6).prop_map(|drawn| {
            let mut second = 20;
            let entries = drawn.into_iter().enumerate().map(|(n, (delete_marker, step))| {
                second -= step;
                Entry {
                    key: "k".into(),
                    version_id: format!("v{n}"),
                    is_latest: n == 0,
                    delete_marker,
                    last_modified: Timestamp::from_second(second).unwrap().to_string(),
                    ..Entry::default()
                }
            });
            entries.collect()
        })
    }

    /// What is to be done, with the markers that go in any order.
    fn answer(view: View, entries: &[Entry]) -> (String, String) {
        let at = if let View::At { at, .. } = view { Some(at) } else { None };
        let mut history = History::new(at, entries[0].clone()).unwrap();
        for entry in &entries[1..] {
            history.push(entry.clone()).unwrap();
        }
        let (entry, mut plan) = history.decide();
        plan.markers.sort();
        (entry.version_id, format!("{plan:?}"))
    }

    fn doubt(view: View, entries: &[Entry]) -> Option<Why> {
        let mut doubt = Doubt::new(view);
        for entry in entries {
            doubt.see(entry, &Select::default()).unwrap();
        }
        doubt.end()
    }

    fn view() -> impl Strategy<Value = View> {
        let at = |second| View::At { at: Timestamp::from_second(second).unwrap(), all: true };
        prop_oneof![Just(View::Deleted), (14i64..22).prop_map(at)]
    }

    proptest! {
        #[test]
        fn what_is_not_doubted_is_the_same_in_any_order_within_a_second(
            truth in entries(), view in view(), shuffle in prop::collection::vec(any::<u8>(), 6)
        ) {
            let mut report: Vec<_> = truth.iter().cloned().zip(shuffle).collect();
            report[1..].sort_by_key(|(entry, shuffle)| (std::cmp::Reverse(entry.instant().unwrap()), *shuffle));
            let report: Vec<_> = report.into_iter().map(|(entry, _)| entry).collect();
            match doubt(view, &report) {
                None => prop_assert_eq!(answer(view, &report), answer(view, &truth)),
                Some(why) => {
                    prop_assert_eq!(why, Why::SameSecond);
                    prop_assert!(truth.windows(2).any(|pair| pair[0].last_modified == pair[1].last_modified));
                }
            }
        }
    }

    #[test]
    fn a_latest_that_lacks_or_comes_twice_is_doubted() {
        let entry = |is_latest, version_id: &str| Entry {
            is_latest,
            version_id: version_id.into(),
            last_modified: "2026-11-20T10:00:00Z".into(),
            ..Entry::default()
        };
        for view in [View::Every, View::Latest, View::Deleted] {
            assert_eq!(doubt(view, &[entry(true, "a"), entry(true, "b")]), Some(Why::Latest(2)));
            assert_eq!(doubt(view, &[entry(false, "a")]), Some(Why::Latest(0)));
        }
    }
}
