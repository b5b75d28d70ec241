//! `--wait`: jobs followed to their end, and their reports as records and rejects.

use serde_json::{Value, json};
use testkit::s3::Put;

use super::World;
use crate::bench::{BUCKET, Eyes, copies, lines, overwritten, planned, run, wanted};

const WAIT: [&str; 2] = ["--confirm", "--wait"];

fn by_key(records: &[Value]) -> std::collections::BTreeMap<String, Value> {
    records.iter().map(|record| (record["key"].as_str().unwrap().to_owned(), record.clone())).collect()
}

#[test]
fn every_copy_is_a_record_as_s3_restore_writes_it_and_can_be_undone() {
    for plain in [false, true] {
        let world = World::new();
        world.control.state().plain_keys = plain;
        let mut records = Vec::new();
        let mut old_new = Vec::new();
        for key in ["a b", "a%20b", "a+b", "é/,\"x\"", "plain"] {
            let (old, new) = overwritten(&world.s3, key);
            let mut record = planned(key, &old, "copy", &new);
            record["note"] = json!("kept");
            records.push(record);
            old_new.push((key, old, new));
        }
        let output = world.run(&WAIT, &records);
        output.assert_code(0);
        let told = by_key(&output.records());
        let eyes = Eyes::on(&world.s3);
        for (key, _, new) in &old_new {
            let record = &told[*key];
            assert_eq!(record["note"], "kept");
            let restore = &record["restore"];
            assert_eq!(restore["action"], "copy");
            assert_eq!(restore["version_id"], eyes.entries(key)[0].version_id.as_str());
            assert_eq!(restore["previous_version_id"], new.as_str());
            assert_eq!((&restore["verified"], &restore["bytes"]), (&json!("checksum"), &json!(4)));
            assert_eq!(eyes.body(key).as_deref(), Some("good"));
        }
        assert_eq!(told.len(), 5);
        assert!(output.stderr.contains("Active"), "{}", output.stderr);
        assert!(output.stderr.contains("read 5, done 5, rejected 0"), "{}", output.stderr);
        let undone = run(world.s3.url(), &["--undo"], &output.records());
        undone.assert_code(0);
        assert_eq!(eyes.body("plain").as_deref(), Some("bad!!"));
    }
}

#[test]
fn what_was_deleted_before_is_told() {
    let world = World::new();
    let (old, marker) = crate::bench::deleted(&world.s3, "a");
    let output = world.run(&WAIT, &[wanted("a", &old)]);
    output.assert_code(0);
    let restore = crate::bench::restored(&output);
    assert_eq!(
        (&restore["previous_version_id"], &restore["previous_delete_marker"]),
        (&json!(marker), &json!(true))
    );
}

#[test]
fn a_row_that_failed_is_a_reject_with_the_code_of_the_service() {
    for swapped in [false, true] {
        let world = World::new();
        let records = copies(&world.s3, 4);
        {
            let mut state = world.control.state();
            state.swapped = swapped;
            state.failing.insert("k000".into(), ("AccessDenied", 403, "Access \"Denied\", twice"));
            state.failing.insert("k001".into(), ("SlowDown", 503, "slow"));
        }
        let output = world.run(&WAIT, &records);
        output.assert_code(3);
        let rejects = output.rejects();
        let told: Vec<_> =
            rejects.iter().map(|reject| (&reject["record"]["key"], &reject["error"])).collect();
        assert_eq!((told.len(), output.records().len()), (2, 2));
        for (key, error) in told {
            let (kind, retryable, words) = match key.as_str().unwrap() {
                "k000" => ("access-denied", false, "AccessDenied: Access \"Denied\", twice"),
                _ => ("throttled", true, "SlowDown: slow"),
            };
            assert_eq!((&error["kind"], &error["retryable"]), (&json!(kind), &json!(retryable)));
            assert!(error["message"].as_str().unwrap().contains(words), "{error}");
        }
        assert!(rejects.iter().all(|reject| records.contains(&reject["record"])));
    }
}

#[test]
fn a_version_that_goes_away_is_a_reject_of_the_kind_that_s3_restore_has() {
    let world = World::new();
    let (old, _) = overwritten(&world.s3, "a");
    world.control.state().stages.push("Active");
    let mut running = world.tool().args(WAIT).spawn();
    running.write(lines(&[wanted("a", &old)]));
    running.close_stdin();
    world.control.wait_until(|state| !state.jobs.is_empty());
    Eyes::on(&world.s3).with(async |s3| {
        s3.delete_object().bucket(BUCKET).key("a").version_id(&old).send().await.unwrap();
    });
    let output = running.wait();
    assert_eq!(crate::bench::rejected(&output), "no-such-version");
}

#[test]
fn a_job_that_fails_tells_its_reasons_and_every_row() {
    for end in ["Failed", "Cancelled"] {
        let world = World::new();
        let records = copies(&world.s3, 5);
        {
            let mut state = world.control.state();
            state.end = end;
            state.tasks = Some(2);
        }
        let output = world.run(&WAIT, &records);
        output.assert_code(1);
        let words = format!("is {end}: TooManyFailures: the job was <ended>");
        assert!(output.stderr.contains(&words), "{}", output.stderr);
        assert_eq!(output.records().len(), 2);
        let rejects = output.rejects();
        assert_eq!(rejects.len(), 3);
        assert!(rejects.iter().all(|reject| reject["error"]["kind"] == "not-in-report"));
        assert!(rejects.iter().all(|reject| reject["error"]["retryable"] == true));
    }
}

#[test]
fn a_job_that_did_nothing_has_no_report() {
    let world = World::new();
    {
        let mut state = world.control.state();
        state.end = "Failed";
        state.tasks = Some(0);
    }
    let output = world.run(&WAIT, &copies(&world.s3, 2));
    output.assert_code(1);
    assert_eq!((output.records().len(), output.rejects().len()), (0, 2));
}

#[test]
fn a_job_that_waits_to_be_confirmed_is_told_and_confirmed_by_another_run() {
    let world = World::new();
    let records = copies(&world.s3, 2);
    let output = world.run(&["--wait", "--timeout", "3s"], &records);
    output.assert_code(1);
    assert!(output.stderr.contains("Suspended until it is confirmed"), "{}", output.stderr);
    assert!(output.stderr.contains("(--timeout)"), "{}", output.stderr);
    assert!(output.stderr.contains("the same line again follows it"), "{}", output.stderr);
    let output = world.run(&WAIT, &records);
    output.assert_code(0);
    assert_eq!(output.records().len(), 2);
    assert_eq!(world.control.count("CreateJob"), 1);
}

#[test]
fn a_signal_leaves_the_job_and_the_next_run_follows_it() {
    let world = World::new();
    let records = copies(&world.s3, 3);
    world.control.state().stages = vec!["Preparing"; 10_000];
    let mut running = world.tool().args(WAIT).spawn();
    running.write(lines(&records));
    running.close_stdin();
    running.wait_stderr("Preparing");
    running.signal("TERM");
    let output = running.wait();
    assert_eq!(output.signal, Some(15));
    assert!(output.stderr.contains("the job goes on"), "{}", output.stderr);
    world.control.state().stages = vec![];
    let output = world.run(&WAIT, &records);
    output.assert_code(0);
    assert_eq!((output.records().len(), world.control.count("CreateJob")), (3, 1));
    // And once more, when all is done.
    let again = world.run(&WAIT, &records);
    assert_eq!(by_key(&again.records()), by_key(&output.records()));
}

#[test]
fn a_report_that_is_not_whole_is_not_believed() {
    let world = World::new();
    world.control.state().corrupt = true;
    let output = world.run(&WAIT, &copies(&world.s3, 1));
    output.assert_code(1);
    assert!(output.stderr.contains("is not that of its report"), "{}", output.stderr);
    assert!(output.records().is_empty());
}

#[test]
fn a_copy_that_is_not_there_is_not_believed() {
    let world = World::new();
    let (old, _) = overwritten(&world.s3, "a");
    let job = world.run(&["--confirm"], &[wanted("a", &old)]);
    job.assert_code(0);
    let output = world.run(&WAIT, &[wanted("a", &old)]);
    output.assert_code(0);
    let copy = crate::bench::restored(&output)["version_id"].as_str().unwrap().to_owned();
    Eyes::on(&world.s3).with(async |s3| {
        s3.delete_object().bucket(BUCKET).key("a").version_id(&copy).send().await.unwrap();
    });
    assert_eq!(crate::bench::rejected(&world.run(&WAIT, &[wanted("a", &old)])), "copy-missing");
}

#[test]
fn what_somebody_wrote_after_the_job_is_not_taken_for_its_copy() {
    // Other bytes of the same length, and the very same.
    for later in ["nice", "good"] {
        let world = World::new();
        let (old, new) = overwritten(&world.s3, "a");
        let record = [planned("a", &old, "copy", &new)];
        world.run(&WAIT, &record).assert_code(0);
        let copy = Eyes::on(&world.s3).entries("a")[0].version_id.clone();
        world.s3.put(BUCKET, "a", Put::bytes(later));
        let output = world.run(&WAIT, &record);
        output.assert_code(0);
        let restore = crate::bench::restored(&output);
        assert_eq!((&restore["version_id"], &restore["previous_version_id"]), (&json!(copy), &json!(new)));
    }
}

#[test]
fn trusted_records_are_told_from_the_report_alone() {
    let world = World::new();
    let (old, new) = overwritten(&world.s3, "a");
    let mut record = planned("a", &old, "copy", &new);
    record["size"] = json!(4);
    record["storage_class"] = json!("STANDARD");
    let output = world.tool().args(WAIT).arg("--trust-records").stdin(lines(&[record])).run();
    output.assert_code(0);
    let restore = crate::bench::restored(&output);
    let expected = json!({
        "action": "copy", "version_id": null, "previous_version_id": new, "verified": null, "bytes": 4
    });
    assert_eq!(restore, expected);
    assert_eq!(world.s3.count("ListObjectVersions"), 0);
}

#[test]
fn a_dead_stdout_is_an_error_and_no_result_is_lost() {
    let world = World::new();
    let records = copies(&world.s3, 3);
    let output = world.tool().args(WAIT).stdin(lines(&records)).stdout_to("/dev/full").run();
    output.assert_code(1);
    assert!(output.stderr.contains("cannot write to stdout"), "{}", output.stderr);
}
