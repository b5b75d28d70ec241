//! Where an interval of keys is cut in two, without any knowledge of how keys look but what was seen of them.
//!
//! What is left of an interval lies above the `cursor` and up to `end`. All of it shares the characters that these two
//! have in common: the frame. Behind it the cut is in the middle of the characters that were seen so far. Where the frame
//! may reach further (the end is open, or cursor and end are neighbours in the character behind it), the next place in
//! which keys differ elsewhere is tried, or it is searched for: a cut after the first `k` characters of the cursor is in
//! the empty for every `k` below the frame and in the full for every `k` from there on, so that each cut halves what is
//! in question.

use std::ops::Bound;

use super::alphabet::Alphabet;

/// The longest key, in bytes (S3 user guide, "Naming Amazon S3 objects").
const LONGEST: usize = 1024;

/// What is known of an interval of which at least one page has been seen.
#[derive(Clone, Copy, Debug)]
pub struct Rest<'a> {
    /// The last key that was seen.
    pub cursor: &'a str,
    /// The last key that may belong to the interval, if any is known.
    pub end: Option<&'a str>,
    /// How many characters all keys share: those of the prefix that is listed.
    pub floor: usize,
    /// How many characters the first and the last key of the last page share: what changes behind them is within a page.
    pub steady: usize,
    /// Whether the last cut had nothing behind it: what was seen elsewhere may not hold here.
    pub misled: bool,
    /// A cut after so many characters of an earlier cursor had keys behind it, and this interval is those.
    pub frame: Option<usize>,
}

/// A cut: what lies above `at` becomes an interval of its own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cut {
    pub at: String,
    /// [`Rest::frame`] of what lies above.
    pub frame: Option<usize>,
}

/// The cut that leaves about as much on either side, or nothing where that cannot be told any more.
pub fn cut(rest: &Rest<'_>, alphabet: &Alphabet) -> Option<Cut> {
    let cursor: Vec<char> = rest.cursor.chars().collect();
    let made = |depth: usize, character: char, frame| {
        let mut at: String = cursor[..depth].iter().collect();
        at.push(character);
        let fits = at.as_str() > rest.cursor && rest.end.is_none_or(|end| at.as_str() < end);
        (fits && at.len() <= LONGEST).then_some(Cut { at, frame })
    };
    let middle = |depth: usize, high| {
        let character = alphabet.middle_at(depth, cursor.get(depth).copied(), high)?;
        made(depth, character, None)
    };
    let shared = rest.end.map(|end| shared(rest.cursor, end));
    let within = || {
        let mut behind = rest.end?.chars().skip(shared?);
        let above = behind.next()?;
        let high = if behind.next().is_some() { Bound::Included(above) } else { Bound::Excluded(above) };
        middle(shared?, high)
    };
    let lowest = shared.map_or(rest.floor, |shared| shared + 1);
    let frame = rest.frame.filter(|&frame| lowest <= frame && frame < cursor.len());
    let highest = (rest.steady + 1).min(frame.unwrap_or(usize::MAX)).min(cursor.len());
    let varying = || {
        let depth = (lowest..highest).find(|&depth| alphabet.varies(depth))?;
        middle(depth, Bound::Unbounded)
    };
    let search = || {
        // From the middle outwards, since some characters have no other above them.
        let half = lowest + highest.checked_sub(lowest + 1)? / 2;
        let mut depths = (half..highest).chain((lowest..half).rev());
        depths.find_map(|depth| made(depth, next(cursor[depth])?, Some(depth)))
    };
    let found = || {
        let frame = frame.filter(|_| lowest >= highest)?;
        middle(frame, Bound::Unbounded).or_else(|| made(frame, next(cursor[frame])?, None))
    };
    match rest.misled {
        false => within().or_else(varying).or_else(search).or_else(found),
        true => search().or_else(within).or_else(found),
    }
}

/// How many characters two keys begin with together.
pub fn shared(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count()
}

/// The character behind this one in the order of UTF-8, which is that of code points.
fn next(character: char) -> Option<char> {
    match character {
        '\u{d7ff}' => Some('\u{e000}'),
        _ => char::from_u32(u32::from(character) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digits() -> Alphabet {
        let mut alphabet = Alphabet::default();
        for key in ["data/0000", "data/1234", "data/5678", "data/9999"] {
            alphabet.learn(key, 5);
        }
        alphabet
    }

    fn rest<'a>(cursor: &'a str, end: Option<&'a str>, steady: usize) -> Rest<'a> {
        Rest { cursor, end, floor: 5, steady, misled: false, frame: None }
    }

    fn at(rest: Rest<'_>) -> Option<String> {
        cut(&rest, &digits()).map(|cut| cut.at)
    }

    #[test]
    fn the_cut_is_in_the_middle_of_what_was_seen_at_its_place() {
        assert_eq!(at(rest("data/1234", Some("data/9999"), 8)).as_deref(), Some("data/9"));
        assert_eq!(at(rest("data/1234", Some("data/9"), 8)).as_deref(), Some("data/5"));
        // Neighbours: the next place in which keys differ.
        assert_eq!(at(rest("data/1234", Some("data/2"), 8)).as_deref(), Some("data/19"));
        assert_eq!(at(rest("data/1234", None, 8)).as_deref(), Some("data/9"));
    }

    #[test]
    fn who_was_misled_halves_the_places_in_question() {
        let misled = Rest { misled: true, ..rest("data/1234", None, 8) };
        let found = cut(&misled, &digits()).unwrap();
        assert_eq!((found.at.as_str(), found.frame), ("data/13", Some(6)));
    }

    #[test]
    fn what_is_within_a_page_is_not_cut() {
        assert_eq!(at(rest("data/1234", Some("data/1235"), 5)), None);
        assert_eq!(at(rest("data/1234", Some("data/2"), 5)), None);
    }

    proptest! {
        #[test]
        fn a_cut_leaves_room_on_either_side(
            keys in prop::collection::btree_set("p(?s:.{1,6})", 3),
            open in any::<bool>(),
            steady in 0usize..8,
            misled in any::<bool>(),
            frame in prop::option::of(0usize..8),
        ) {
            let mut alphabet = Alphabet::default();
            for key in &keys {
                alphabet.learn(key, 1);
            }
            let keys: Vec<_> = keys.into_iter().collect();
            let end = (!open).then_some(keys[2].as_str());
            let rest = Rest { cursor: &keys[1], end, floor: 1, steady, misled, frame };
            if let Some(Cut { at, .. }) = cut(&rest, &alphabet) {
                prop_assert!(at > keys[1] && end.is_none_or(|end| at.as_str() < end) && at.starts_with('p'));
            }
        }
    }
}
