//! Where the output begins.

use testkit::stripe::{Options, Stripe, ago, event};

use crate::{ids, names, run, stripe};

#[test]
fn an_event_is_followed_by_what_is_newer() {
    let stripe = stripe(250);
    let output = run(&stripe, &["--since", "evt_3"]);
    output.assert_code(0);
    assert_eq!(ids(&output), names(4..=250));
    assert!(output.stderr.contains("the last event is evt_250"), "{}", output.stderr);
    assert!(output.stderr.contains("read 247, done 247, rejected 0"), "{}", output.stderr);
    // The cursor itself, and three pages of at most 100.
    let requests = stripe.requests();
    assert_eq!(requests.len(), 4, "{requests:?}");
    assert!(requests[1..].iter().all(|request| request.contains("limit=100")), "{requests:?}");

    let output = run(&stripe, &["--since", "evt_250"]);
    assert_eq!(output.assert_code(0).text(), "");
}

#[test]
fn a_time_begins_with_its_whole_second() {
    let stripe = Stripe::start();
    let second = ago(500);
    for (n, at) in [second - 1, second, second, second + 1].into_iter().enumerate() {
        stripe.add(event(&format!("evt_{n}"), at, "invoice.paid"));
    }
    for (time, expected) in [
        (format!("@{second}"), names(1..=3)),
        (
            jiff::Timestamp::new(second, 999_000_000).map(|time| time.to_string()).unwrap_or_default(),
            names(1..=3),
        ),
        (format!("@{}", second - 1), names(0..=3)),
        (format!("@{}", second + 2), vec![]),
        ("10m".to_owned(), names(0..=3)),
    ] {
        let output = run(&stripe, &["--since", &time]);
        output.assert_code(0);
        assert_eq!(ids(&output), expected, "{time}");
    }
}

#[test]
fn a_start_is_found_with_one_event_where_there_is_an_older_one() {
    let stripe = stripe(300);
    let output = run(&stripe, &["--since", "5m30s"]);
    assert_eq!(ids(output.assert_code(0)), names(296..=300));
    let requests = stripe.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].contains("limit=1&created"), "{requests:?}");
}

#[test]
fn without_an_older_event_the_oldest_is_looked_for() {
    let stripe = stripe(25);
    stripe.set(Options { page: 10, ..Options::default() });
    let output = run(&stripe, &["--since", "30d"]);
    assert_eq!(ids(output.assert_code(0)), names(1..=25));
    // Nothing before it, three pages back, and from the five of the last one two pages and an empty one forward.
    assert!(stripe.requests().iter().filter(|request| request.contains("starting_after")).count() == 2);

    let output = run(&Stripe::start(), &["--since", "30d"]);
    assert_eq!(output.assert_code(0).text(), "");
}
