//! How a run ends: --follow, signals, and a stdout that is gone.

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::stripe::{Options, Stripe, ago, event};

use crate::{names, stripe, tool};

#[test]
fn follow_writes_new_events_until_a_signal() {
    for (count, since) in [(3, "evt_1"), (0, "1h")] {
        let stripe = stripe(count);
        // Smaller than what a look finds: the next one must begin at its end.
        stripe.set(Options { page: 1, ..Options::default() });
        let mut tool = tool(&stripe, &["--since", since, "--follow", "--interval", "50ms"]).spawn();
        let mut expect = |id: &str| assert!(tool.line().is_some_and(|line| line.contains(id)), "{id}");
        for id in if count > 0 { names(2..=3) } else { vec![] } {
            expect(&id);
        }
        for id in ["evt_a", "evt_b", "evt_c"] {
            stripe.add(event(id, ago(0), "invoice.paid"));
            expect(id);
        }
        tool.signal("INT");
        let output = tool.wait();
        assert_eq!(output.signal, Some(2));
        assert_eq!(output.text(), "");
        assert!(output.stderr.contains("the last event is evt_c"), "{}", output.stderr);
    }
}

#[test]
fn a_signal_ends_a_wait_for_stripe() {
    let stripe = stripe(3);
    let proxy = Proxy::start(stripe.url(), Plan::new(1).rule(Rule::new(Fault::Hang).target("ending_before")));
    let tool = tool(&stripe, &["--since", "evt_1", "--api-base", proxy.url()]).spawn();
    while proxy.count("Hang") == 0 {
        std::thread::yield_now();
    }
    tool.signal("TERM");
    assert_eq!(tool.wait().signal, Some(15));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let stripe = stripe(3);
    let mut following = tool(&stripe, &["--since", "evt_1", "--follow", "--interval", "1h"]).spawn();
    assert!(following.line().is_some());
    following.close_stdout();
    following.wait().assert_code(0);
    tool(&stripe, &["--since", "evt_1"]).stdout_broken().run().assert_code(0);
}

#[test]
fn a_full_disk_is_an_error() {
    let output = tool(&stripe(3), &["--since", "evt_1"]).stdout_to("/dev/full").run();
    assert!(output.assert_code(1).stderr.contains("cannot write to stdout"), "{}", output.stderr);
}

#[test]
fn an_empty_account_is_a_whole_answer() {
    let output = tool(&Stripe::start(), &["--since", "1h"]).run();
    assert_eq!(output.assert_code(0).text(), "");
    assert!(output.stderr.contains("read 0, done 0, rejected 0"), "{}", output.stderr);
}
