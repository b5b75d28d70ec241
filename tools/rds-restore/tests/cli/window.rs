//! The times to which a cluster can be restored.

use anyhow::Result;

use crate::{TO, assert_only_read, error, production, record, restore, tool};

#[test]
fn it_is_told_before_anything_else() -> Result<()> {
    let server = production();
    let output = restore(&server).arg("-n").run();
    record(&output);
    let expected = "app-prod can be restored to any time from 2026-11-18T02:00:00Z to 2026-11-20T12:00:00Z";
    assert!(output.stderr.contains(expected), "{}", output.stderr);
    Ok(())
}

#[test]
fn a_time_outside_is_refused_with_the_window() -> Result<()> {
    let server = production();
    for (at, remedy) in [("2026-11-18T01:59:59Z", ""), ("2026-11-20T12:00:01Z", "give --latest"), ("@0", "")]
    {
        let output = tool(&server).args(["--from", "app-prod", "--to", TO, "--at", at]).run();
        output.assert_code(1);
        let line = error(&output);
        assert!(line.contains("from 2026-11-18T02:00:00Z to 2026-11-20T12:00:00Z"), "{line}");
        assert!(line.contains(remedy), "{line}");
    }
    assert_only_read(&server);
    Ok(())
}

#[test]
fn both_of_its_ends_can_be_restored() -> Result<()> {
    let server = production();
    for at in ["2026-11-18T02:00:00Z", "2026-11-20T13:00:00+01:00"] {
        record(&tool(&server).args(["--from", "app-prod", "--to", TO, "--at", at, "-n"]).run());
    }
    Ok(())
}

#[test]
fn a_cluster_without_one_cannot_be_restored_yet() -> Result<()> {
    for missing in ["EarliestRestorableTime", "LatestRestorableTime"] {
        let server = production();
        server.state().cluster_mut("app-prod").unwrap().fields.remove(missing);
        for when in [&["--at", crate::AT][..], &["--latest"]] {
            let output = tool(&server).args(["--from", "app-prod", "--to", TO]).args(when).run();
            output.assert_code(1);
            assert!(error(&output).contains("it has no restorable times"), "{}", output.stderr);
        }
        assert_only_read(&server);
    }
    Ok(())
}
