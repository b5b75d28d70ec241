//! The way back: what undoes the work that a record of an earlier run tells of.

use common::Record;
use common::reject::Reject;
use serde::Deserialize;

use crate::cli::Method;
use crate::input::{self, Goal, Place, Task};
use crate::output::{Act, Done};

#[derive(Deserialize)]
struct Logged {
    bucket: Option<String>,
    key: Option<String>,
    restore: Option<Done>,
}

/// Reads the task that puts back what was current before.
///
/// # Errors
/// The reject of a record that is no output of this tool.
pub fn task(record: &Record, bucket: Option<&str>) -> Result<Task, Reject> {
    let logged: Logged = record.view().map_err(Reject::bad_record)?;
    let place = input::place(logged.bucket, logged.key, bucket)?;
    let Some(done) = logged.restore else {
        let message = "no field restore in the record: --undo reads the output of an earlier run";
        return Err(Reject::bad_record(message));
    };
    let place = done.to.clone().map_or(place, |to| Place { bucket: to.bucket, key: to.key });
    let missing = |name: &str| Reject::bad_record(format!("the field restore has no {name}"));
    let changed = matches!(done.action, Act::Copy | Act::Undelete | Act::MarkDeleted) && !done.dry_run;
    if !changed {
        return Ok(stay(place));
    }
    let current = done.version_id.ok_or_else(|| missing("version_id"))?;
    let task = Task { expected: Some(current.clone()), ..stay(place) };
    Ok(match (done.action, done.previous_version_id) {
        (Act::MarkDeleted, Some(previous)) => {
            Task { goal: Goal::Version(previous), markers: vec![current], only_those: true, ..task }
        }
        (Act::MarkDeleted, None) => return Err(missing("previous_version_id")),
        (Act::Copy, Some(previous)) if !done.previous_delete_marker => {
            Task { goal: Goal::Version(previous), method: Method::Copy, ..task }
        }
        _ => Task { goal: Goal::Deleted, ..task },
    })
}

fn stay(place: Place) -> Task {
    Task {
        source: place.clone(),
        target: place,
        goal: Goal::Unchanged,
        expected: None,
        method: Method::Auto,
        markers: Vec::new(),
        only_those: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undo(restore: &str) -> Result<Task, Reject> {
        let line = format!(r#"{{"bucket":"b","key":"k","version_id":"old","restore":{restore}}}"#);
        task(&Record::parse(line).unwrap(), None)
    }

    #[test]
    fn a_copy_over_a_version_is_undone_by_a_copy() {
        let task = undo(r#"{"action":"copy","version_id":"new","previous_version_id":"bad"}"#).unwrap();
        assert_eq!(task.goal, Goal::Version("bad".into()));
        assert_eq!(task.method, Method::Copy);
        assert_eq!(task.expected.as_deref(), Some("new"));
    }

    #[test]
    fn a_replayed_record_is_undone_like_the_first() {
        let first = r#"{"action":"copy","version_id":"new","previous_version_id":"bad"}"#;
        let replayed = r#"{"action":"copy","version_id":"new","previous_version_id":"bad","replayed":true}"#;
        assert_eq!(undo(first), undo(replayed));
    }

    #[test]
    fn what_had_been_deleted_is_deleted_again() {
        let over_marker =
            r#"{"action":"copy","version_id":"new","previous_version_id":"m","previous_delete_marker":true}"#;
        let undelete =
            r#"{"action":"undelete","version_id":"old","previous_version_id":"m","removed_markers":["m"]}"#;
        let aside = r#"{"action":"copy","to":{"bucket":"c","key":"p/k"},"version_id":"new","previous_version_id":null}"#;
        for restore in [over_marker, undelete, aside] {
            assert_eq!(undo(restore).unwrap().goal, Goal::Deleted, "{restore}");
        }
        assert_eq!(undo(aside).unwrap().target, Place { bucket: "c".into(), key: "p/k".into() });
    }

    #[test]
    fn only_the_delete_marker_of_the_run_is_removed() {
        let task = undo(r#"{"action":"mark-deleted","version_id":"m","previous_version_id":"v"}"#).unwrap();
        assert_eq!(task.goal, Goal::Version("v".into()));
        assert_eq!((task.markers, task.only_those), (vec!["m".to_owned()], true));
        assert_eq!(task.method, Method::Auto);
    }

    #[test]
    fn what_changed_nothing_needs_no_undo() {
        for restore in [
            r#"{"action":"already","version_id":"v","previous_version_id":null}"#,
            r#"{"action":"none","version_id":null,"previous_version_id":null}"#,
            r#"{"action":"thawing","version_id":null,"previous_version_id":"v"}"#,
            r#"{"action":"copy","version_id":null,"previous_version_id":"v","dry_run":true}"#,
        ] {
            assert_eq!(undo(restore).unwrap().goal, Goal::Unchanged, "{restore}");
        }
    }

    #[test]
    fn a_record_of_another_kind_is_turned_away() {
        for restore in [r#"{"action":"copy","previous_version_id":"v"}"#, r#"{"action":"explode"}"#, "null"] {
            assert_eq!(undo(restore).unwrap_err().kind, "bad-record", "{restore}");
        }
    }
}
