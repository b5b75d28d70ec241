//! The characters that keys are made of, as far as the listing has seen.

use std::ops::Bound;

/// Characters that are told apart; the rest of a larger alphabet is not counted.
const MOST: usize = 4096;
/// Characters that are told apart at one place of the keys; a place with more is like any other.
const FEW: usize = 64;
/// Places that are told apart.
const PLACES: usize = 128;
/// How many characters of a key say where it lies among others.
const DIGITS: usize = 12;

/// How often each character was seen, in the order of characters.
#[derive(Clone, Debug, Default)]
pub struct Alphabet {
    seen: Vec<(char, u64)>,
    /// What was seen at each place of the keys, as far as these are few.
    places: Vec<Vec<char>>,
}

impl Alphabet {
    /// Counts the characters of a key behind its first `floor` ones.
    pub fn learn(&mut self, key: &str, floor: usize) {
        for (place, character) in key.chars().enumerate().skip(floor) {
            self.learn_place(place, character);
            match self.find(character) {
                Ok(at) => self.seen[at].1 += 1,
                Err(at) if self.seen.len() < MOST => self.seen.insert(at, (character, 1)),
                Err(_) => {}
            }
        }
    }

    fn learn_place(&mut self, place: usize, character: char) {
        if self.places.len() <= place && place < PLACES {
            self.places.resize_with(place + 1, Vec::new);
        }
        if let Some(seen) = self.places.get_mut(place).filter(|seen| seen.len() <= FEW)
            && let Err(at) = seen.binary_search(&character)
        {
            seen.insert(at, character);
        }
    }

    /// Whether keys differ at this place, as far as was seen.
    pub fn varies(&self, place: usize) -> bool {
        self.places.get(place).is_some_and(|seen| seen.len() > 1)
    }

    /// The character above `low` and below `high` in the middle of those that were seen at this place; where that tells
    /// nothing, of those that were seen anywhere.
    pub fn middle_at(&self, place: usize, low: Option<char>, high: Bound<char>) -> Option<char> {
        let seen = self.places.get(place).filter(|seen| seen.len() <= FEW).map_or(&[][..], Vec::as_slice);
        let fits = |character: &&char| {
            low.is_none_or(|low| **character > low)
                && match high {
                    Bound::Unbounded => true,
                    Bound::Included(high) => **character <= high,
                    Bound::Excluded(high) => **character < high,
                }
        };
        let count = seen.iter().filter(fits).count();
        let here = seen.iter().filter(fits).nth(count / 2).copied();
        here.or_else(|| self.middle(low, high))
    }

    /// The character above `low` and below `high` that has as many of what was seen there on either side.
    pub fn middle(&self, low: Option<char>, high: Bound<char>) -> Option<char> {
        let above = |character| self.seen.partition_point(|&(seen, _)| seen <= character);
        let start = low.map_or(0, above);
        let end = match high {
            Bound::Unbounded => self.seen.len(),
            Bound::Included(high) => above(high),
            Bound::Excluded(high) => self.seen.partition_point(|&(seen, _)| seen < high),
        };
        let range = self.seen.get(start..end)?;
        let half = range.iter().map(|&(_, count)| count).sum::<u64>().div_ceil(2);
        let mut below = 0;
        let middle = range.iter().find(|&&(_, count)| {
            below += count;
            below >= half
        });
        middle.map(|&(character, _)| character)
    }

    /// Where a text lies among all texts of these characters, from 0 to 1, if each were as likely as any other.
    pub fn place(&self, text: impl Iterator<Item = char>) -> f64 {
        // What was not seen has a place between what was.
        let base = 2.0 * self.seen.len() as f64 + 3.0;
        let (mut place, mut unit) = (0.0, 1.0);
        for character in text.take(DIGITS) {
            unit /= base;
            let rank = self.find(character).map_or_else(|at| 2 * at + 1, |at| 2 * at + 2);
            place += unit * rank as f64;
        }
        place
    }

    fn find(&self, character: char) -> Result<usize, usize> {
        self.seen.binary_search_by_key(&character, |&(seen, _)| seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alphabet(text: &str) -> Alphabet {
        let mut alphabet = Alphabet::default();
        alphabet.learn(text, 0);
        alphabet
    }

    #[test]
    fn the_middle_is_that_of_what_was_seen_between_the_bounds() {
        let digits = alphabet("0123456789");
        let middle = |low, high| digits.middle(low, high);
        assert_eq!(middle(None, Bound::Unbounded), Some('4'));
        assert_eq!(middle(Some('4'), Bound::Unbounded), Some('7'));
        assert_eq!(middle(Some('4'), Bound::Excluded('6')), Some('5'));
        assert_eq!(middle(Some('4'), Bound::Excluded('5')), None);
        assert_eq!(middle(Some('4'), Bound::Included('5')), Some('5'));
        assert_eq!(middle(Some('9'), Bound::Unbounded), None);
        assert_eq!(middle(Some('9'), Bound::Included('9')), None);
        assert_eq!(middle(Some('9'), Bound::Excluded('0')), None);
        assert_eq!(alphabet("aaaaab").middle(None, Bound::Unbounded), Some('a'));
    }

    proptest! {
        #[test]
        fn places_are_in_the_order_of_texts(a in "[a-g]{0,8}", b in "[a-g]{0,8}") {
            let alphabet = alphabet("acdeg");
            let place = |text: &str| alphabet.place(text.chars());
            prop_assert_eq!(place(&a).partial_cmp(&place(&b)), Some(a.cmp(&b)));
            prop_assert!((0.0..1.0).contains(&place(&a)));
        }
    }
}
