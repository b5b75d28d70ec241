//! The price, and that no more is ever spent than was allowed.

use crate::fake::Fake;
use crate::{receipts, records};

#[test]
fn a_price_above_the_limit_sends_nothing() {
    let fake = Fake::start(Some(1));
    for flags in
        [&["--max-cost", "0.01"][..], &["--max-cost", "0.01", "--exact"], &["--max-cost", "0.01", "-n"]]
    {
        let output = fake.tool().args(flags).stdin(records(["a", "b", "c"])).run();
        assert!(output.assert_code(1).stdout.is_empty());
        assert!(output.stderr.contains("$0.015") && output.stderr.contains("$0.01:"), "{}", output.stderr);
    }
    assert_eq!(fake.state().creates(), 0);
}

#[test]
fn a_price_within_the_limit_is_told_and_paid() {
    let fake = Fake::start(Some(1));
    let output = fake.tool().args(["--max-cost", "0.01"]).stdin(records(["a", "b", "a"])).run();
    assert!(
        output.assert_code(0).stderr.contains("paths 2, wildcards 0, cost at most $0.01"),
        "{}",
        output.stderr
    );
    assert_eq!(fake.state().purged(), ["/a", "/b"]);
}

#[test]
fn fewer_paths_cost_less() {
    let fake = Fake::start(Some(1));
    let keys = (0..200).map(|n| format!("f/{n:03}"));
    let output = fake.tool().args(["--max-paths", "2", "--max-cost", "0.01"]).stdin(records(keys)).run();
    output.assert_code(0);
    let wanted: u64 = receipts(&output).values().filter_map(|receipt| receipt["keys"].as_u64()).sum();
    assert_eq!((wanted, fake.state().purged()), (200, vec!["/f/0*".to_owned(), "/f/1*".to_owned()]));
}

#[test]
fn parts_that_were_sent_count_too() {
    let fake = Fake::start(Some(1));
    let mut running = fake.tool().args(["--every", "100ms", "--max-cost", "0.01"]).spawn();
    for key in ["a", "b"] {
        running.write(records([key]));
        assert!(running.line().is_some());
    }
    running.write(records(["c"]));
    let line = running.wait_stderr("--max-cost");
    assert!(line.contains("after 2 that were sent"), "{line}");
    running.wait().assert_code(1);
    assert_eq!(fake.state().purged(), ["/a", "/b"]);
}
