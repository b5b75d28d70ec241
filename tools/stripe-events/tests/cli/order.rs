//! Every event once, oldest first, whatever the pages are.

use proptest::prelude::*;
use testkit::stripe::{Options, Stripe, ago, event};

use crate::run;

#[derive(Clone, Debug)]
enum Begin {
    /// After this one of the events.
    Event(prop::sample::Index),
    /// This many seconds after the time of the first one could be.
    Time(i64),
}

fn begin() -> impl Strategy<Value = Begin> {
    prop_oneof![any::<prop::sample::Index>().prop_map(Begin::Event), (-2i64..8).prop_map(Begin::Time)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_output_is_the_list_turned_round(
        seconds in prop::collection::vec(0i64..6, 1..40),
        page in 1usize..9,
        arriving in 0usize..8,
        pretty: bool,
        repeats: bool,
        begin in begin(),
    ) {
        // A page with the cursor again needs room for another event.
        let page = page + usize::from(repeats);
        let stripe = Stripe::start();
        stripe.set(Options { page, pretty, repeats, ..Options::default() });
        let start = ago(1000);
        let mut all: Vec<(i64, String, String)> = seconds.iter().enumerate().map(|(place, second)| {
            let id = format!("evt_{}", place * 7919 % 1000);
            let text = event(&id, start + second, "invoice.paid");
            (start + second, id, text)
        }).collect();
        for (_, _, text) in &all {
            stripe.add(text.clone());
        }
        // Stable: those of one second stay in the order in which they came.
        all.sort_by_key(|(second, ..)| *second);
        let later: Vec<_> = (0..arriving).map(|n| event(&format!("evt_later{n}"), start + 6, "invoice.paid")).collect();
        stripe.add_later(later.clone());

        let (flag, first) = match &begin {
            Begin::Event(index) => {
                let place = index.index(all.len());
                (all[place].1.clone(), place + 1)
            }
            Begin::Time(second) => {
                (format!("@{}", start + second), all.partition_point(|(at, ..)| *at < start + second))
            }
        };
        let output = run(&stripe, &["--since", &flag]);
        output.assert_code(0);
        let lines: Vec<_> = output.text().lines().collect();
        let expected: Vec<_> = all[first..].iter().map(|(.., text)| text.as_str()).collect();
        // What comes while it reads may be read too, and then in its order; --since after them all wants only those.
        prop_assert!(lines.len() >= expected.len(), "{lines:?}");
        let (before, after) = lines.split_at(expected.len());
        prop_assert_eq!(before, &expected[..]);
        prop_assert!(later.iter().map(String::as_str).collect::<Vec<_>>().starts_with(after), "{after:?}");
    }
}
