//! Which keys are finished, and which are left.

use std::collections::BTreeMap;

use crate::walk::board::Span;

/// Disjoint intervals that are finished; neighbours are one.
#[derive(Debug, Default)]
pub struct Done {
    /// From the key above which an interval begins to its last key.
    intervals: BTreeMap<Option<String>, Option<String>>,
}

impl Done {
    /// Every key.
    pub fn all() -> Self {
        Self { intervals: BTreeMap::from([(None, None)]) }
    }

    /// Adds the keys of an interval that is disjoint from those that are there.
    pub fn add(&mut self, Span { lo: from, hi: to }: Span) {
        let before = self.intervals.range(..&from).next_back();
        let from = match before {
            Some((begun, end)) if from.is_some() && *end == from => begun.clone(),
            _ => from,
        };
        let after = to.as_ref().and_then(|_| self.intervals.remove(&to));
        self.intervals.insert(from, after.unwrap_or(to));
    }

    /// What lies between them.
    pub fn rest(&self) -> Vec<Span> {
        let mut rest = Vec::new();
        let mut lo = Some(None);
        for (from, to) in &self.intervals {
            if let Some(lo) = lo
                && lo != *from
            {
                rest.push(Span { lo, hi: from.clone() });
            }
            lo = to.clone().map(Some);
        }
        rest.extend(lo.map(|lo| Span { lo, hi: None }));
        rest
    }

    /// Whether no key is left.
    pub fn is_all(&self) -> bool {
        self.intervals.first_key_value() == Some((&None, &None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(lo: Option<&str>, hi: Option<&str>) -> Span {
        Span { lo: lo.map(str::to_owned), hi: hi.map(str::to_owned) }
    }

    fn rest(done: &[(Option<&str>, Option<&str>)]) -> Vec<Span> {
        let mut all = Done::default();
        for (from, to) in done {
            all.add(span(*from, *to));
        }
        assert_eq!(all.is_all(), all.rest().is_empty());
        all.rest()
    }

    #[test]
    fn what_is_between_finished_intervals_is_left() {
        assert_eq!(rest(&[]), [span(None, None)]);
        assert_eq!(rest(&[(None, None)]), []);
        assert_eq!(rest(&[(None, Some("b")), (Some("b"), None)]), []);
        assert_eq!(rest(&[(Some("b"), None), (None, Some("a"))]), [span(Some("a"), Some("b"))]);
        assert_eq!(rest(&[(Some("b"), Some("c"))]), [span(None, Some("b")), span(Some("c"), None)]);
        assert_eq!(rest(&[(Some("b"), Some("c")), (None, Some("b"))]), [span(Some("c"), None)]);
    }

    proptest! {
        #[test]
        fn finished_and_left_are_the_whole_in_any_order(
            cuts in prop::collection::btree_set("[a-z]{1,3}", 1..12),
            picked in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut bounds: Vec<Option<String>> = vec![None];
            bounds.extend(cuts.into_iter().map(Some));
            bounds.push(None);
            let spans: Vec<Span> =
                bounds.windows(2).map(|pair| Span { lo: pair[0].clone(), hi: pair[1].clone() }).collect();
            let mut wanted: Vec<bool> = vec![true; spans.len()];
            let mut done = Done::default();
            for index in picked {
                let at = index.index(spans.len());
                if std::mem::take(&mut wanted[at]) {
                    done.add(spans[at].clone());
                }
            }
            let rest = done.rest();
            let holds = |span: &Span, left: &Span| {
                (left.lo.is_none() || span.lo >= left.lo)
                    && (left.hi.is_none() || span.hi.is_some() && span.hi <= left.hi)
            };
            for (span, wanted) in spans.iter().zip(wanted) {
                prop_assert_eq!(rest.iter().any(|left| holds(span, left)), wanted, "{:?}", span);
            }
        }
    }
}
