//! `--wait`: receipts say what is completed and what is not.

use crate::fake::{DENIED, Fake, State};
use crate::{all, receipts, records};

#[test]
fn with_it_receipts_are_written_when_all_edges_have_forgotten() {
    let fake = Fake::start(Some(3));
    let output = fake.tool().arg("--wait").stdin(records(["a", "b"])).run();
    assert_eq!(all(&receipts(output.assert_code(0)), "status"), ["Completed", "Completed"]);
    let looks = fake.state().requests.iter().filter(|request| request.ends_with("/I0000")).count();
    assert_eq!(looks, 3);
}

#[test]
fn without_it_receipts_are_written_when_cloudfront_has_accepted() {
    let fake = Fake::start(None);
    let output = fake.tool().stdin(records(["a", "b"])).run();
    assert_eq!(all(&receipts(output.assert_code(0)), "status"), ["InProgress", "InProgress"]);
}

#[test]
fn a_signal_ends_it_and_no_receipt_is_lost() {
    let fake = Fake::start(None);
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let mut running = fake.tool().args(["--wait", "--run-id", "r1"]).stdin(records(["a"])).spawn();
        // The status is asked for after the invalidation was made, or found again.
        let is_waiting = |state: &State| {
            state.creates() > 0 && state.requests.last().is_some_and(|last| last.ends_with("/I0000"))
        };
        fake.wait_until(is_waiting);
        running.signal(name);
        let line = running.wait_stderr("cannot be cancelled");
        assert!(line.contains("I0000"), "{line}");
        let output = running.wait();
        assert_eq!(output.signal, Some(number));
        assert_eq!(all(&receipts(&output), "status"), ["InProgress"]);
        fake.state().requests.clear();
    }
}

#[test]
fn it_has_an_end() {
    let fake = Fake::start(None);
    let output = fake.tool().args(["--wait", "--timeout", "1s"]).stdin(records(["a"])).run();
    output.assert_code(1);
    assert!(output.stderr.contains("I0000 is not completed after 1s"), "{}", output.stderr);
    assert_eq!(all(&receipts(&output), "status"), ["InProgress"]);
}

#[test]
fn a_fatal_error_in_it_loses_no_receipt() {
    let fake = Fake::start(None);
    let running = fake.tool().arg("--wait").stdin(records(["a"])).spawn();
    fake.wait_until(|state| state.made().len() == 1);
    fake.state().refuse_all = Some(DENIED);
    let output = running.wait();
    assert!(output.assert_code(1).stderr.contains("AccessDenied"), "{}", output.stderr);
    assert_eq!(all(&receipts(&output), "status"), ["InProgress"]);
}
