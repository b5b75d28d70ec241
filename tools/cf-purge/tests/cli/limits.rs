//! Quotas and throttles: waited for, and never broken.

use testkit::fault::{Fault, Plan, Proxy, Rule};

use crate::fake::{Fake, Refusal, THROTTLED, TOO_MANY};
use crate::{receipts, records};

fn paths(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("/others/{n}")).collect()
}

fn keys(count: usize) -> String {
    records((0..count).map(|n| format!("ours/{n}")))
}

#[test]
fn paths_of_others_in_progress_are_counted() {
    let fake = Fake::start(Some(1));
    fake.state().add(paths(2900), true);
    let mut running = fake.tool().stdin(keys(101)).spawn();
    let line = running.wait_stderr("waiting");
    assert!(line.contains("2900 of 3000 paths") && line.contains("no room for 101 and 0"), "{line}");
    assert_eq!(fake.state().creates(), 0);
    fake.state().complete_all();
    assert_eq!(receipts(running.wait().assert_code(0)).len(), 101);
    let state = fake.state();
    assert_eq!((state.creates(), state.over_quota), (1, 0));
}

#[test]
fn what_fits_beside_others_does_not_wait() {
    let fake = Fake::start(Some(1));
    fake.state().add(paths(2900), true);
    fake.state().add(vec!["/w/*".into(); 14], true);
    let output = fake.tool().stdin(keys(100) + &records(["a~"])).run();
    output.assert_code(0);
    assert!(!output.stderr.contains("waiting"), "{}", output.stderr);
}

#[test]
fn wildcards_are_counted_apart() {
    let fake = Fake::start(Some(1));
    fake.state().add(vec!["/w/*".into(); 14], true);
    let mut running = fake.tool().stdin(records(["a~", "b~"])).spawn();
    let line = running.wait_stderr("waiting");
    assert!(line.contains("14 of 15 wildcards"), "{line}");
    fake.state().complete_all();
    running.wait().assert_code(0);
    assert_eq!(fake.state().over_quota, 0);
}

#[test]
fn what_is_in_progress_is_counted_over_all_pages() {
    let fake = Fake::start(Some(1));
    for _ in 0..50 {
        fake.state().add(paths(1), false);
    }
    for _ in 0..120 {
        fake.state().add(paths(25), true);
    }
    let mut running = fake.tool().stdin(keys(1)).spawn();
    let line = running.wait_stderr("waiting");
    assert!(line.contains("3000 of 3000 paths"), "{line}");
    fake.state().complete_all();
    running.wait().assert_code(0);
    assert_eq!(fake.state().over_quota, 0);
}

#[test]
fn refusals_that_pass_are_waited_out() {
    let unavailable = Refusal(503, "ServiceUnavailable", "try again");
    for refusal in [TOO_MANY, THROTTLED, unavailable] {
        let fake = Fake::start(Some(1));
        // More often than the client library tries by itself.
        fake.state().refuse_create.extend([refusal; 4]);
        let output = fake.tool().stdin(keys(3)).run();
        assert_eq!(receipts(output.assert_code(0)).len(), 3);
        assert!(output.stderr.contains(refusal.1), "{}", output.stderr);
        assert_eq!(fake.state().made().len(), 1);
    }
}

#[test]
fn a_refusal_that_does_not_pass_ends_the_run() {
    let fake = Fake::start(Some(1));
    fake.state().refuse_create.push_back(Refusal(400, "InvalidArgument", "one or more invalid paths"));
    let output = fake.tool().stdin(keys(3)).run();
    output.assert_code(1);
    assert!(output.stderr.contains("InvalidArgument"), "{}", output.stderr);
    assert!(output.stderr.contains("not purged: 3"), "{}", output.stderr);
    assert_eq!(fake.state().creates(), 1);
}

#[test]
fn waiting_for_room_has_an_end() {
    let fake = Fake::start(Some(1));
    fake.state().add(paths(3000), true);
    let output = fake.tool().args(["--timeout", "1s"]).stdin(keys(7)).run();
    output.assert_code(1);
    assert!(
        output.stderr.contains("--timeout") && output.stderr.contains("3000 of 3000"),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("not purged: 7"), "{}", output.stderr);
    assert_eq!(fake.state().creates(), 0);
}

#[test]
fn a_signal_ends_the_wait_for_room() {
    let fake = Fake::start(Some(1));
    fake.state().add(paths(3000), true);
    let mut running = fake.tool().stdin(keys(7)).spawn();
    running.wait_stderr("waiting");
    running.signal("INT");
    running.wait_stderr("not purged: 7");
    assert_eq!(running.wait().signal, Some(2));
    assert_eq!(fake.state().creates(), 0);
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again_and_not_paid_twice() {
    for fault in [Fault::ResetAfter, Fault::CutBody, Fault::ResetBefore] {
        let fake = Fake::start(Some(1));
        let name = fault.name();
        let proxy = Proxy::start(fake.url(), Plan::new(1).rule(Rule::new(fault).method("POST").first(4)));
        let output = fake.tool().endpoint(proxy.url()).stdin(keys(3)).run();
        assert_eq!(receipts(output.assert_code(0)).len(), 3, "{name}");
        assert_eq!((proxy.count(name), fake.state().made().len()), (4, 1), "{name}");
    }
}
