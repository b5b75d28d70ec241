//! `--journal`: which runs it belongs to, and what a run says when it cannot be written.

use testkit::s3::{Put, Server};
use testkit::tool::{Output, Tool};

use crate::bench::{
    BUCKET, Eyes, copies, keys, lines, overwritten, planned, read, restored, run, server, wanted,
};

/// The run of an undo log is another run than the one that wrote it.
#[test]
fn the_journal_of_other_work_is_named_and_left_alone() {
    let server = server();
    let records = copies(&server, 1);
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let flag = journal.to_str().unwrap();
    let log = run(server.url(), &["--journal", flag], &records);
    log.assert_code(0);
    let before = read(&journal);
    for (args, named) in [
        (&["--undo"][..], &["--undo"][..]),
        (&["--storage-class", "GLACIER_IR", "--method", "copy"], &["--storage-class", "--method"]),
        (&["--to", "s3://photos/aside/"], &["--to"]),
        (&["--acl", "-n"], &["--acl"]),
    ] {
        let output = run(server.url(), &[args, &["--journal", flag]].concat(), &log.records());
        output.assert_code(2);
        for name in named {
            assert!(output.stderr.contains(name), "{name}: {}", output.stderr);
        }
        assert!(output.stdout.is_empty());
        assert_eq!(read(&journal), before);
    }
    assert_eq!(Eyes::on(&server).versions("k000").len(), 3);
}

/// What a reject asks for belongs to the same run.
#[test]
fn flags_that_rejects_ask_for_go_on_with_the_same_journal() {
    let server = server();
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    let frozen = server.put(BUCKET, "frozen", Put::bytes("cold").storage_class("GLACIER"));
    server.put(BUCKET, "frozen", Put::bytes("new"));
    let (old, stale) = overwritten(&server, "changed");
    server.put(BUCKET, "changed", Put::bytes("theirs"));
    let records = [
        planned("born", &born, "mark-deleted", &born),
        wanted("frozen", &frozen),
        planned("changed", &old, "copy", &stale),
    ];
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let flag = journal.to_str().unwrap();
    let output = run(server.url(), &["--journal", flag], &records);
    output.assert_code(3);
    assert_eq!(output.rejects().len(), 3);
    let more = ["--delete-newer", "--force", "--thaw", "1", "--thaw-tier", "bulk", "--journal", flag];
    run(server.url(), &more, &records).assert_code(0);
}

#[test]
fn a_dry_run_and_a_thaw_leave_no_result() {
    let server = server();
    let (old, new) = overwritten(&server, "a.jpg");
    let frozen = server.put(BUCKET, "frozen", Put::bytes("cold").storage_class("GLACIER"));
    server.put(BUCKET, "frozen", Put::bytes("new"));
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let flag = journal.to_str().unwrap();
    run(server.url(), &["-n", "--journal", flag], &[planned("a.jpg", &old, "copy", &new)]).assert_code(0);
    assert!(!journal.exists());
    run(server.url(), &["--thaw", "1", "--journal", flag], &[wanted("frozen", &frozen)]).assert_code(0);
    assert_eq!(read(&journal).lines().count(), 1, "only what it is about");
    let output = run(server.url(), &["--journal", flag], &[planned("a.jpg", &old, "copy", &new)]);
    assert_eq!(restored(&output)["action"], "copy");
}

/// Runs the tool where no file can grow beyond so many KiB: the disk is full for its journal.
fn on_a_full_disk(server: &Server, kib: u32, journal: &str, concurrency: &str, input: String) -> Output {
    let script = format!(
        "trap '' XFSZ; ulimit -f {kib}; exec s3-restore --journal {journal} --concurrency {concurrency}"
    );
    Tool::bash(&script).endpoint(server.url()).stdin(input).run()
}

#[test]
fn what_is_done_when_the_journal_fails_is_told_and_nothing_more_is_begun() {
    for concurrency in ["1", "8"] {
        for kib in 1..=6 {
            let server = server();
            let records = copies(&server, 20);
            let folder = tempfile::tempdir().unwrap();
            let journal = folder.path().join("journal");
            let flag = journal.to_str().unwrap();
            let output = on_a_full_disk(&server, kib, flag, concurrency, lines(&records));
            output.assert_code(1);
            assert!(output.stderr.contains("cannot write the journal"), "{}", output.stderr);
            let told = keys(&output.records());
            let eyes = Eyes::on(&server);
            for record in &records {
                let key = record["key"].as_str().unwrap();
                assert_eq!(
                    eyes.body(key).as_deref() == Some("good"),
                    told.contains(key),
                    "{key} at {kib} KiB"
                );
            }
            let again = run(server.url(), &["--journal", flag], &records);
            again.assert_code(0);
            assert_eq!(keys(&again.records()), keys(&records));
            assert!(again.records().iter().all(|record| {
                record["restore"]["previous_version_id"] == record["plan"]["current_version_id"]
            }));
            assert!(records.iter().all(|record| eyes.versions(record["key"].as_str().unwrap()).len() == 3));
        }
    }
}
