//! What is current now, for results that an earlier run left: S3 lists 1,000 versions in one answer, and the records of a
//! plan come more or less in the order of their keys.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::reject::Failure;
use common::s3::{Page, Pages, Position};
use tokio::sync::Notify;

use crate::input::Place;
use crate::refuse;
use crate::restore::Restorer;

/// Pages that are kept: a plan may come from as many places of a bucket at once.
const MOST: usize = 16;
/// How long a page counts as the present, for input that pauses.
const FRESH: Duration = Duration::from_secs(60);
/// Records that a page has to answer on average, or others do not wait for the next one: each key is looked at by itself.
const DENSE: usize = 8;
/// The longest key in bytes (S3 user guide, "Naming Amazon S3 objects").
const LONGEST: usize = 1024;

/// The latest versions of keys, from a few pages of ListObjectVersions.
#[derive(Default)]
pub struct Present {
    known: Mutex<Known>,
    /// Held while a page is asked for.
    turn: tokio::sync::Mutex<()>,
    /// Wakes who waits for that page.
    asked: Notify,
}

#[derive(Default)]
struct Known {
    /// The newest last.
    ranges: VecDeque<Range>,
    /// Keys of which nothing is known yet.
    waiting: BTreeSet<Place>,
    sparse: bool,
    /// Whether listing is not allowed, or the store cannot do it.
    denied: bool,
}

/// The keys behind `from`, up to and with `to`; to the end of the bucket where there is none.
struct Range {
    bucket: String,
    from: String,
    to: Option<String>,
    latest: HashMap<String, String>,
    asked: usize,
    since: Instant,
}

enum Answer {
    /// This is the latest.
    Latest(String),
    /// A page should have had it, and has not: the key is gone, or the store left it out.
    Missing,
}

impl Present {
    /// The id of what is the latest of a key now, at the cost of one request at most; where keys come in order, of one for
    /// each page.
    ///
    /// # Errors
    /// As those of a look at a key.
    pub async fn latest(&self, restorer: &Restorer, place: &Place) -> Result<Option<String>, Failure> {
        match Box::pin(self.on_a_page(restorer, place)).await? {
            Some(Answer::Latest(id)) => Ok(Some(id)),
            _ => Ok(restorer.latest(place).await?.latest_id().map(str::to_owned)),
        }
    }

    /// What the page says on which a key is; nothing where a look at the key alone is better.
    async fn on_a_page(&self, restorer: &Restorer, place: &Place) -> Result<Option<Answer>, Failure> {
        self.known().waiting.insert(place.clone());
        let answer = self.wait(restorer, place).await;
        self.known().waiting.remove(place);
        answer
    }

    async fn wait(&self, restorer: &Restorer, place: &Place) -> Result<Option<Answer>, Failure> {
        loop {
            let mut asked = pin!(self.asked.notified());
            asked.as_mut().enable();
            let turn = self.turn.try_lock();
            let (sparse, denied, answer) = {
                let mut known = self.known();
                (known.sparse, known.denied, known.answer(place))
            };
            match (turn, answer) {
                (_, Some(answer)) => return Ok(Some(answer)),
                (_, None) if denied => return Ok(None),
                (Ok(turn), None) => {
                    // Records that are worked on at once come in any order, and the page is to have all of them.
                    let first = if sparse { place.clone() } else { self.known().first_waiting(place) };
                    let asked = self.ask(restorer, &first).await;
                    drop(turn);
                    self.asked.notify_waiters();
                    asked?;
                }
                (Err(_), None) if sparse => return Ok(None),
                // The page that another record asks for may be that of this key.
                (Err(_), None) => asked.await,
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the page that begins with a key.
    async fn ask(&self, restorer: &Restorer, place: &Place) -> Result<(), Failure> {
        let from = just_before(&place.key);
        let pages = Pages::new(restorer.client.clone(), &place.bucket, "");
        let start = (!from.is_empty()).then(|| Position { key: from.clone(), version_id: None });
        let page = match pages.fetch(start.as_ref()).await {
            Ok(page) => page,
            Err(trouble) if matches!(trouble.status, Some(403 | 501)) => {
                self.known().denied = true;
                return Ok(());
            }
            Err(trouble) => return Err(refuse::trouble(trouble)),
        };
        let mut known = self.known();
        let answered: usize = known.ranges.iter().map(|range| range.asked).sum();
        known.sparse = answered < DENSE * known.ranges.len();
        if known.ranges.len() == MOST {
            known.ranges.pop_front();
        }
        known.ranges.push_back(Range::of(place, from, page));
        Ok(())
    }
}

impl Known {
    fn answer(&mut self, place: &Place) -> Option<Answer> {
        let range = self.ranges.iter_mut().rev().find(|range| range.has(place))?;
        range.asked += 1;
        Some(range.latest.get(&place.key).map_or(Answer::Missing, |id| Answer::Latest(id.clone())))
    }

    /// The smallest key up to this one that waits for a page which was not asked for yet.
    fn first_waiting(&self, place: &Place) -> Place {
        let start = Place { bucket: place.bucket.clone(), key: String::new() };
        let mut waiting = self.waiting.range(start..=place.clone());
        let first = waiting.find(|waiting| !self.ranges.iter().any(|range| range.has(waiting)));
        first.unwrap_or(place).clone()
    }
}

impl Range {
    fn of(place: &Place, from: String, page: Page) -> Self {
        // The latest of a key comes first, so that it is there if anything of the key is.
        let last = page.entries.iter().map(|entry| &entry.key).max();
        // A page that leaves out the key itself has nothing of it to tell.
        let to = page.next.map(|_| last.map_or(&place.key, |last| last.max(&place.key)).clone());
        let latest = page.entries.into_iter().filter(|entry| entry.is_latest);
        Self {
            bucket: place.bucket.clone(),
            from,
            to,
            latest: latest.map(|entry| (entry.key, entry.version_id)).collect(),
            asked: 0,
            since: Instant::now(),
        }
    }

    fn has(&self, place: &Place) -> bool {
        self.bucket == place.bucket
            && self.from < place.key
            && self.to.as_ref().is_none_or(|to| place.key <= *to)
            && self.since.elapsed() < FRESH
    }
}

/// A marker behind which a page begins with this key, or with few others before it. A store that passes over the first
/// entry behind such a marker leaves the key out, which is then looked at by itself.
fn just_before(key: &str) -> String {
    let mut rest = key.chars();
    let smaller = rest
        .next_back()
        .and_then(|last| char::from_u32(u32::from(last).checked_sub(1)?))
        .filter(|smaller| !smaller.is_control());
    let mut marker = rest.as_str().to_owned();
    if let Some(smaller) = smaller {
        marker.extend([smaller, char::REPLACEMENT_CHARACTER]);
    }
    // All that begins with the rest lies before the key then, too; it is only more.
    if marker.len() > LONGEST { rest.as_str().to_owned() } else { marker }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::s3::Entry;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_marker_lies_before_its_key_and_behind_every_smaller_sibling(key in ".{1,6}", last in "[!-~]", other in "[!-~]") {
            prop_assert!(just_before(&key) < key);
            let marker = just_before(&format!("{key}{last}"));
            let sibling = format!("{key}{other}/x.jpg");
            prop_assert_eq!(sibling < marker, other < last, "{}", marker);
        }
    }

    fn place(key: &str) -> Place {
        Place { bucket: "b".into(), key: key.into() }
    }

    fn page(keys: &[&str], more: bool) -> Page {
        let mut page = Page::default();
        page.next =
            more.then(|| Position { key: (*keys.last().unwrap()).to_owned(), version_id: Some("v".into()) });
        page.entries = keys
            .iter()
            .map(|key| Entry {
                key: (*key).into(),
                version_id: format!("v of {key}"),
                is_latest: true,
                ..Entry::default()
            })
            .collect();
        page
    }

    #[test]
    fn a_page_tells_of_its_keys_and_of_no_others() {
        let mut known = Known::default();
        known.ranges.push_back(Range::of(&place("b"), just_before("b"), page(&["b", "d"], true)));
        let told = |known: &mut Known, key: &str| match known.answer(&place(key)) {
            Some(Answer::Latest(id)) => id,
            Some(Answer::Missing) => "missing".into(),
            None => "not asked for".into(),
        };
        for (key, expected) in [
            ("a", "not asked for"),
            ("b", "v of b"),
            ("c", "missing"),
            ("d", "v of d"),
            ("e", "not asked for"),
        ] {
            assert_eq!(told(&mut known, key), expected, "{key}");
        }
        assert!(known.answer(&Place { bucket: "other".into(), key: "b".into() }).is_none());
        // The last page reaches to the end of the bucket.
        known.ranges.push_back(Range::of(&place("x"), just_before("x"), page(&["x"], false)));
        assert_eq!(told(&mut known, "z"), "missing");
    }

    /// As of a store that passes over the first entry behind a marker which is no key.
    #[test]
    fn a_page_without_its_own_key_sends_to_the_key() {
        let mut known = Known::default();
        known.ranges.push_back(Range::of(&place("b"), just_before("b"), page(&["c"], true)));
        assert!(matches!(known.answer(&place("b")), Some(Answer::Missing)));
        let mut empty = page(&["b"], true);
        empty.entries.clear();
        known.ranges.push_back(Range::of(&place("f"), just_before("f"), empty));
        assert!(matches!(known.answer(&place("f")), Some(Answer::Missing)));
    }

    #[test]
    fn the_smallest_key_that_waits_is_asked_for_first() {
        let mut known = Known::default();
        known.ranges.push_back(Range::of(&place("b"), just_before("b"), page(&["b", "d"], true)));
        known.waiting.extend(["c", "e", "g", "h"].map(place));
        assert_eq!(known.first_waiting(&place("g")), place("e"));
        known.waiting.insert(Place { bucket: "a".into(), key: "a".into() });
        assert_eq!(known.first_waiting(&place("e")), place("e"));
    }

    #[test]
    fn a_marker_is_no_longer_than_a_key() {
        let long = "k".repeat(LONGEST);
        assert_eq!(just_before(&long), long[1..]);
        assert_eq!(just_before("0"), "/\u{fffd}");
        assert_eq!(just_before("\u{1}"), "");
    }
}
