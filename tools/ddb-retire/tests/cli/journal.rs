//! `--journal`: the record of a run that finds the table changed or gone is that of a run that was never killed.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use testkit::tables::Fault;
use testkit::tool::{Output, Tool};

use crate::Incident;

/// A protected table with a setting that no archive keeps, and a folder for its journal.
fn incident() -> (Incident, TempDir) {
    let incident = Incident::new();
    incident.recover(&incident.table);
    incident.protect();
    (incident, TempDir::new().expect("a folder"))
}

fn tool(incident: &Incident, journal: &Path) -> Tool {
    incident.tool().args(["--lift-protection", "--journal"]).arg(journal)
}

/// Kills a run when it has sent a request that is never answered, and gives the record of the next.
fn killed(incident: &Incident, journal: &Path, operation: &str) -> Value {
    incident.front.fault(operation, [Fault::HangAfter]);
    let running = tool(incident, journal).spawn();
    incident.front.wait_until(|state| !state.sent(operation).is_empty());
    running.signal("KILL");
    running.wait();
    incident.retire(tool(incident, journal).run().assert_code(0))
}

#[test]
fn the_protection_that_an_earlier_run_lifted_is_set_again() {
    let (incident, folder) = incident();
    let told = killed(&incident, &folder.path().join("j"), "UpdateTable");
    assert_eq!(
        (&told["action"], &told["settings"]["deletion_protection"]),
        (&"retired".into(), &true.into())
    );
    let set_again = told["set_again"].as_str().expect("commands");
    assert!(set_again.contains("--deletion-protection-enabled"), "{set_again}");
}

#[test]
fn what_a_table_that_is_gone_said_is_in_the_record() {
    let (incident, folder) = incident();
    let told = killed(&incident, &folder.path().join("j"), "DeleteTable");
    assert_eq!(told["settings"]["tags"]["team"], "core", "{told}");
    assert_eq!((&told["read_units"], &told["item_count"]), (&0.0.into(), &1.into()), "{told}");
    for command in ["set_again", "last_second", "bring_back"] {
        assert!(told[command].is_string(), "{command}: {told}");
    }
}

#[test]
fn a_run_that_was_done_is_repeated_and_marked() {
    let (incident, folder) = incident();
    let journal = folder.path().join("j");
    let first = incident.retire(tool(&incident, &journal).run().assert_code(0));
    for (flags, is_dry) in [(&[][..], Value::Null), (&["-n"], true.into())] {
        let mut again = incident.retire(tool(&incident, &journal).args(flags).run().assert_code(0));
        assert_eq!((&again["replayed"], &again["dry_run"]), (&true.into(), &is_dry));
        let members = again.as_object_mut().expect("an object");
        members.remove("replayed");
        members.remove("dry_run");
        assert_eq!(again, first);
    }
}

#[test]
fn a_rehearsal_makes_no_journal() {
    let (incident, folder) = incident();
    let journal = folder.path().join("j");
    tool(&incident, &journal).arg("-n").run().assert_code(0);
    assert!(!journal.exists());
}

#[test]
fn the_journal_of_another_table_is_refused_and_kept() {
    let ((one, folder), (two, _other)) = (incident(), incident());
    let journal = folder.path().join("j");
    tool(&one, &journal).run().assert_code(0);
    let before = fs::read(&journal).expect("a journal");
    let refused: Output = tool(&two, &journal).run();
    assert!(refused.assert_code(2).stderr.contains("its table is"), "{}", refused.stderr);
    assert_eq!(fs::read(&journal).expect("a journal"), before);
    assert!(!two.is_gone());
}

#[test]
fn a_journal_that_cannot_be_written_changes_nothing() {
    let (incident, _folder) = incident();
    let refused = tool(&incident, Path::new("/dev/full")).run();
    assert!(refused.assert_code(2).stderr.contains("no regular file"), "{}", refused.stderr);
    assert_eq!(incident.changes(), [""; 0]);
}
