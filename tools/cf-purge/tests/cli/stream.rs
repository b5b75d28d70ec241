//! `--every`: a purge while the input is still coming.

use crate::fake::Fake;
use crate::records;

#[test]
fn a_quiet_pipe_sends_what_has_gathered() {
    let fake = Fake::start(None);
    let mut running = fake.tool().args(["--every", "100ms"]).spawn();
    for round in 0..2 {
        // The same key again has changed again: it is purged again.
        running.write(records(["a"]));
        let receipt = running.line().unwrap_or_default();
        assert!(
            receipt.contains("\"path\":\"/a\"") && receipt.contains(&format!("I000{round}\"")),
            "{receipt}"
        );
    }
    running.write(records(["b"]));
    running.close_stdin();
    let output = running.wait();
    assert_eq!(output.assert_code(0).records().len(), 1);
    assert_eq!(fake.state().purged(), ["/a", "/a", "/b"]);
}

#[test]
fn completed_parts_are_told_while_the_input_is_still_coming() {
    let fake = Fake::start(Some(2));
    let mut running = fake.tool().args(["--every", "100ms", "--wait"]).spawn();
    running.write(records(["a"]));
    let receipt = running.line().unwrap_or_default();
    assert!(receipt.contains("\"Completed\""), "{receipt}");
    assert!(running.wait().assert_code(0).stdout.is_empty());
}

#[test]
fn without_it_nothing_is_sent_before_the_end_of_the_input() {
    let fake = Fake::start(Some(1));
    let mut running = fake.tool().spawn();
    running.write(records(["a"]) + "{}\n" + &records(["b"]));
    running.wait_stderr("bad-record");
    assert_eq!(fake.state().creates(), 0);
    running.wait().assert_code(3);
    let state = fake.state();
    assert_eq!((state.creates(), state.purged().len()), (1, 2));
}
