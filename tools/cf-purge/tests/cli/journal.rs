//! `--journal`: a purge that was killed is finished, and nothing is paid for twice or left out.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use testkit::tool::{Output, Tool};

use crate::fake::{DISTRIBUTION, Fake, Hold};
use crate::{all, receipts, records};

struct Place {
    _folder: TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = TempDir::new().expect("a folder");
    Place { path: folder.path().join("journal"), _folder: folder }
}

impl Place {
    fn tool(&self, fake: &Fake) -> Tool {
        fake.tool().arg("--journal").arg(&self.path)
    }
}

/// Receipts by what does not depend on which run made them: path and number of keys.
fn told(output: &Output) -> Vec<(String, u64)> {
    let receipts = receipts(output);
    receipts.iter().map(|(path, receipt)| (path.clone(), receipt["keys"].as_u64().unwrap_or(0))).collect()
}

fn replayed(output: &Output) -> usize {
    output.records().iter().filter(|receipt| receipt["replayed"] == true).count()
}

/// Kills a run at an attempt to create.
fn kill(fake: &Fake, tool: Tool, hold: Hold) {
    fake.state().hold = Some(hold);
    let running = tool.spawn();
    fake.wait_until(|state| state.creates() == hold.nth);
    running.signal("KILL");
    assert_eq!(running.wait().signal, Some(9));
    fake.state().hold = None;
}

fn many() -> String {
    records((0..2500).map(|n| format!("k/{n:04}")).chain((0..7).map(|n| format!("w{n}/a~"))))
}

#[test]
fn a_purge_killed_at_any_batch_is_finished_and_told_as_one() {
    let undisturbed = Fake::start(Some(1));
    let whole = undisturbed.tool().args(["--run-id", "r"]).stdin(many()).run();
    let batches: Vec<_> = undisturbed.state().made().into_iter().map(|one| one.paths).collect();
    assert_eq!((whole.assert_code(0).records().len(), batches.len()), (2507, 3));
    for nth in 1..=3 {
        for carried_out in [false, true] {
            let what = format!("at {nth}, carried out: {carried_out}");
            let (fake, place) = (Fake::start(Some(1)), place());
            kill(&fake, place.tool(&fake).stdin(many()), Hold { nth, carried_out });
            let resumed = place.tool(&fake).stdin(many()).run();
            assert_eq!(told(resumed.assert_code(0)), told(&whole), "{what}");
            let made: Vec<_> = fake.state().made().into_iter().map(|one| one.paths).collect();
            assert_eq!(made, batches, "{what}");
            // What was accepted before is marked; what was under way is not, whether CloudFront had it or not.
            let before: usize = batches[..nth - 1].iter().map(Vec::len).sum();
            assert_eq!(replayed(&resumed), before, "{what}");
            assert!(resumed.stderr.contains("read 2507, done 2507"), "{what}: {}", resumed.stderr);

            let again = place.tool(&fake).stdin(many()).run();
            assert_eq!(told(again.assert_code(0)), told(&whole), "{what}");
            assert_eq!((replayed(&again), fake.state().made().len()), (2507, 3), "{what}");
            let run_id =
                |output| all(&receipts(output), "run_id").into_iter().cloned().collect::<Vec<Value>>();
            let ids = [run_id(&resumed), run_id(&again)].concat();
            assert!(ids.iter().all(|id| *id == ids[0]), "{what}");
        }
    }
}

#[test]
fn keys_behind_a_wildcard_are_known_one_by_one() {
    let keys: Vec<_> = (0..8).flat_map(|dir| (0..30).map(move |n| format!("d{dir}/{n:02}"))).collect();
    let input = records(&keys) + &records(["d1/00", "x~"]);
    let flags = ["--max-paths", "20"];
    let undisturbed = Fake::start(Some(1));
    let whole = undisturbed.tool().args(flags).stdin(input.as_str()).run();
    assert!(whole.assert_code(0).text().contains("*"), "{}", whole.text());
    assert_eq!(undisturbed.state().made().len(), 2);
    let (fake, place) = (Fake::start(Some(1)), place());
    kill(&fake, place.tool(&fake).args(flags).stdin(input.as_str()), Hold { nth: 2, carried_out: false });
    // A key that the killed run had not read may have changed after the wildcard that reaches it was purged.
    let more = input.clone() + &records(["d1/new", "d1/00"]);
    let resumed = place.tool(&fake).args(flags).stdin(more).run();
    let mut expected = told(&whole);
    expected.extend([("/d1/00".into(), 1), ("/d1/new".into(), 1)]);
    expected.sort();
    assert_eq!(told(resumed.assert_code(0)), expected);
    let made: Vec<_> = fake.state().made().into_iter().map(|one| one.paths).collect();
    let before: Vec<_> = undisturbed.state().made().into_iter().map(|one| one.paths).collect();
    assert_eq!(made[..2], before[..]);
    assert_eq!(made[2..], [["/d1/00", "/d1/new"].map(str::to_owned)]);
}

#[test]
fn parts_of_another_clock_are_not_sent_again() {
    let (fake, place) = (Fake::start(None), place());
    let mut running = place.tool(&fake).args(["--every", "100ms"]).spawn();
    for keys in [&["a", "b", "a"][..], &["c"]] {
        running.write(records(keys));
        for _ in 0..keys.len().min(2) {
            assert!(running.line().is_some());
        }
    }
    running.signal("KILL");
    running.wait();
    let before = fake.state().purged();
    // Once more than before: it has changed again since.
    let input = records(["a", "b", "a", "c", "a", "d"]);
    let resumed = place.tool(&fake).stdin(input.as_str()).run();
    resumed.assert_code(0);
    let mut sent = fake.state().purged().split_off(before.len());
    sent.sort();
    assert_eq!(sent, ["/a", "/d"]);
    assert_eq!((resumed.records().len(), replayed(&resumed)), (before.len() + 2, before.len()));
    assert!(resumed.stderr.contains("read 6, done 6"), "{}", resumed.stderr);
}

#[test]
fn a_key_that_comes_again_is_purged_again_under_a_name_of_its_own() {
    let (fake, place) = (Fake::start(Some(1)), place());
    let run = |keys: &[&str]| place.tool(&fake).stdin(records(keys)).run();
    run(&["a"]).assert_code(0);
    let again = run(&["a", "a"]);
    assert_eq!((again.assert_code(0).records().len(), replayed(&again)), (2, 1));
    // The first part's reference would have found the invalidation from before.
    assert_eq!(fake.state().purged(), ["/a", "/a"]);
}

#[test]
fn what_is_not_completed_is_waited_for_again() {
    let (fake, place) = (Fake::start(None), place());
    let running = place.tool(&fake).arg("--wait").stdin(records(["a", "b"])).spawn();
    fake.wait_until(|state| state.requests.last().is_some_and(|last| last.ends_with("/I0000")));
    running.signal("KILL");
    assert!(running.wait().stdout.is_empty());
    let again = place.tool(&fake).arg("--wait").stdin(records(["a", "b"])).spawn();
    let looks = fake.state().requests.len();
    fake.wait_until(|state| {
        state.requests[looks..].iter().filter(|request| request.ends_with("/I0000")).count() > 1
    });
    fake.state().complete_all();
    let receipts = receipts(again.wait().assert_code(0));
    assert_eq!(all(&receipts, "status"), ["Completed", "Completed"]);
    assert_eq!(all(&receipts, "replayed"), [true, true]);
    assert_eq!(fake.state().made().len(), 1);
    // Without --wait it says how far it is now.
    let told = place.tool(&fake).stdin(records(["a", "b"])).run();
    assert_eq!(all(&crate::receipts(&told), "status"), ["Completed", "Completed"]);
}

#[test]
fn what_cloudfront_does_not_know_any_more_is_purged_again() {
    let (fake, place) = (Fake::start(Some(1)), place());
    let run = || place.tool(&fake).stdin(records(["a", "b"])).run();
    run().assert_code(0);
    fake.state().invalidations.clear();
    let again = run();
    assert!(
        again.assert_code(0).stderr.contains("I0000 of an earlier run is superseded"),
        "{}",
        again.stderr
    );
    assert_eq!((replayed(&again), fake.state().purged()), (0, vec!["/a".to_owned(), "/b".to_owned()]));
}

#[test]
fn a_rehearsal_reads_the_journal_and_writes_nothing() {
    let (fake, place) = (Fake::start(Some(1)), place());
    let rehearse = || place.tool(&fake).arg("-n").stdin(many()).run();
    assert_eq!(rehearse().assert_code(0).records().len(), 2507);
    assert!(!place.path.exists());
    kill(&fake, place.tool(&fake).stdin(many()), Hold { nth: 2, carried_out: false });
    let (journal, made) = (fs::read(&place.path).expect("a journal"), fake.state().made().len());
    let output = rehearse();
    assert_eq!((output.assert_code(0).records().len(), replayed(&output)), (2507, 1005));
    assert!(output.records().iter().all(|receipt| receipt["dry_run"] == true));
    assert_eq!((fs::read(&place.path).expect("a journal"), fake.state().made().len()), (journal, made));
}

#[test]
fn what_earlier_runs_paid_counts() {
    let (fake, place) = (Fake::start(Some(1)), place());
    let run = |keys: &[&str]| place.tool(&fake).args(["--max-cost", "0.01"]).stdin(records(keys)).run();
    run(&["a", "b"]).assert_code(0);
    let output = run(&["a", "b", "c"]);
    assert!(output.assert_code(1).stderr.contains("1 paths after 2 that were sent"), "{}", output.stderr);
    assert_eq!((replayed(&output), fake.state().purged().len()), (2, 2));
}

#[test]
fn only_the_journal_of_this_run_is_used() {
    let (fake, place) = (Fake::start(Some(1)), place());
    let refused = |path: &Path, args: &[&str], part: &str| {
        // A device would be read for ever.
        let content = || path.is_file().then(|| fs::read(path).expect("a file"));
        let before = content();
        for more in [&[][..], &["-n"]] {
            let output =
                fake.tool().arg("--journal").arg(path).args(args).args(more).stdin(records(["b"])).run();
            assert_eq!((output.code, output.stdout.len()), (Some(2), 0), "{part}: {}", output.stderr);
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
        assert_eq!(content(), before, "{part}");
    };
    let precious = place.path.with_extension("json");
    fs::write(&precious, "{\"customers\":[1]}").expect("a file");
    refused(&precious, &[], "is no journal");
    refused(Path::new("/dev/full"), &[], "no regular file");
    place.tool(&fake).stdin(records(["a"])).run().assert_code(0);
    for (args, part) in [
        (&["--plain"][..], "--plain"),
        (&["--strip-prefix", "a"], "--strip-prefix"),
        (&["--add-prefix", "a"], "--add-prefix"),
        (&["--max-paths", "7"], "--max-paths"),
        (&["--exact"], "--exact"),
        (&["--run-id", "r"], "--run-id"),
        (&["--region", "eu-west-1"], "region"),
    ] {
        refused(&place.path, args, part);
    }
    let output = Tool::new("cf-purge")
        .endpoint(fake.url())
        .args(["--distribution-id", "EOTHER", "--journal"])
        .arg(&place.path)
        .run();
    assert!(output.assert_code(2).stderr.contains(DISTRIBUTION), "{}", output.stderr);
    // How it waits, paces itself and what it may cost is nothing that is purged.
    let args = ["--wait", "--timeout", "9m", "--every", "1h", "--max-cost", "1"];
    assert_eq!(replayed(place.tool(&fake).args(args).stdin(records(["a"])).run().assert_code(0)), 1);
    assert_eq!(fake.state().made().len(), 1);
}

#[test]
fn a_full_disk_loses_no_receipt() {
    const ROOM: usize = 4096;
    for wait in ["", "--wait"] {
        let (fake, place) = (Fake::start(Some(1)), place());
        let input = || records(["a", "b"]);
        place.tool(&fake).stdin(input()).run().assert_code(0);
        let lines = fs::read_to_string(&place.path).expect("a journal");
        let lengths: Vec<_> = lines.split_inclusive('\n').map(str::len).collect();
        let [header, run_id, planned, _made] = lengths[..] else { panic!("{lines}") };
        let head = &lines[..header + run_id];
        let run = |room: usize| {
            let filler = "x".repeat(ROOM - head.len() - room);
            fs::write(&place.path, format!("{head}{filler}\n")).expect("a journal");
            let journal = place.path.display();
            let script = format!(
                "trap '' XFSZ; ulimit -f {}; exec cf-purge --distribution-id {DISTRIBUTION} --journal {journal} {wait}",
                ROOM / 1024
            );
            Tool::bash(&script).endpoint(fake.url()).stdin(records(["c", "d"])).run()
        };
        // Room for what is planned, but not for what was accepted.
        let output = run(planned + 50);
        assert!(output.assert_code(1).stderr.contains("cannot write the journal"), "{}", output.stderr);
        assert_eq!(receipts(&output).keys().collect::<Vec<_>>(), ["/c", "/d"], "{wait}");
        assert_eq!(fake.state().made().len(), 2);
        let again = place.tool(&fake).stdin(records(["c", "d"])).run();
        assert_eq!(all(&receipts(again.assert_code(0)), "invalidation_id"), ["I0001", "I0001"]);
        assert_eq!(fake.state().made().len(), 2);
        // Without room for that, nothing is sent.
        let output = run(10);
        assert!(
            output.assert_code(1).stdout.is_empty() && output.stderr.contains("not purged: 2"),
            "{}",
            output.stderr
        );
        assert_eq!(fake.state().made().len(), 2);
    }
}
