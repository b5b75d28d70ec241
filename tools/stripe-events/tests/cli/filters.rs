//! Which events are written.

use testkit::stripe::{Stripe, ago, event};

use crate::{ids, names, run, stripe};

fn kinds() -> Stripe {
    let stripe = Stripe::start();
    for (n, kind) in
        ["invoice.paid", "invoice.created", "charge.refunded", "invoiceitem.created"].iter().enumerate()
    {
        stripe.add(event(&format!("evt_{n}"), ago(100), kind));
    }
    stripe
}

#[test]
fn types_are_one_pattern_or_several_names() {
    let stripe = kinds();
    for (flags, expected) in [
        (&["--type", "invoice.*"][..], &["evt_0", "evt_1"][..]),
        (&["--type", "charge.refunded"], &["evt_2"]),
        (&["--type", "charge.refunded", "--type", "invoice.created"], &["evt_1", "evt_2"]),
        (&["--type", "payout.*"], &[]),
    ] {
        let output = run(&stripe, &[&["--since", "1h"], flags].concat());
        output.assert_code(0);
        assert_eq!(ids(&output), expected, "{flags:?}");
    }
    // An event of another type is a place to begin at too.
    assert_eq!(ids(&run(&stripe, &["--since", "evt_0", "--type", "charge.*"])), ["evt_2"]);
}

#[test]
fn several_types_are_no_patterns_and_at_most_twenty() {
    let output = run(&kinds(), &["--since", "1h", "--type", "a.*", "--type", "b.c"]);
    assert!(output.assert_code(2).stderr.contains("only alone"), "{}", output.stderr);
    let many: Vec<_> = (0..21).flat_map(|n| ["--type".to_owned(), format!("a.b{n}")]).collect();
    let flags = |count: usize| {
        [&["--since", "1h"][..], &many[..count * 2].iter().map(String::as_str).collect::<Vec<_>>()].concat()
    };
    let output = run(&kinds(), &flags(21));
    assert!(output.assert_code(2).stderr.contains("at most 20"), "{}", output.stderr);
    run(&kinds(), &flags(20)).assert_code(0);
}

#[test]
fn until_leaves_out_what_is_from_then_on() {
    let stripe = Stripe::start();
    let second = ago(500);
    for n in 0..5 {
        stripe.add(event(&format!("evt_{n}"), second + n, "invoice.paid"));
    }
    let run = |since: &str, until: &str| run(&stripe, &["--since", since, "--until", until]);
    for since in ["evt_0".to_owned(), format!("@{}", second + 1)] {
        assert_eq!(ids(&run(&since, &format!("@{}", second + 3))), names(1..=2), "{since}");
        assert_eq!(ids(&run(&since, "1s")), names(1..=4), "{since}");
    }
    // Also where there is no event before --since, and the oldest is looked for.
    assert_eq!(ids(&run("1h", &format!("@{}", second + 3))), names(0..=2));
    // A part of a second takes the whole of it.
    let half = jiff::Timestamp::new(second + 3, 500_000_000).map(|time| time.to_string()).unwrap_or_default();
    assert_eq!(ids(&run("evt_0", &half)), names(1..=3));
    let at = format!("@{second}");
    for (since, until) in [("1h", "2h"), (&*at, &*at)] {
        let output = run(since, until);
        assert!(output.assert_code(2).stderr.contains("--until is not after --since"), "{}", output.stderr);
    }
}

#[test]
fn an_account_has_its_own_events() {
    let stripe = stripe(2);
    stripe.add_to("acct_1", event("evt_connected", ago(50), "invoice.paid"));
    assert_eq!(ids(&run(&stripe, &["--since", "1h"])), names(1..=2));
    assert_eq!(ids(&run(&stripe, &["--since", "1h", "--account", "acct_1"])), ["evt_connected"]);
    let output = run(&stripe, &["--since", "evt_1", "--account", "acct_1"]);
    assert!(output.assert_code(1).stderr.contains("No such event: 'evt_1'"), "{}", output.stderr);
}

#[test]
fn undelivered_warns_of_what_it_leaves_out() {
    let stripe = stripe(2);
    let text = event("evt_pending", ago(30), "invoice.paid");
    stripe.add(text.replace("\"pending_webhooks\":0", "\"pending_webhooks\":1"));
    let output = run(&stripe, &["--since", "evt_1", "--undelivered"]);
    assert_eq!(ids(output.assert_code(0)), ["evt_pending"]);
    assert!(output.stderr.contains("warning: --undelivered leaves out"), "{}", output.stderr);
    let output = run(&stripe, &["--since", "evt_1"]);
    assert_eq!(ids(&output), ["evt_2", "evt_pending"]);
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
}
