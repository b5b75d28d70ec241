//! What an earlier run with the same journal did, but died before it could write it down.

use common::reject::Failure;

use crate::input::{Goal, Task};
use crate::look::Seen;
use crate::output::{Act, Done};
use crate::restore::Restorer;

impl Restorer {
    /// Tells of a key that is as wanted whether that is the work of the run that is taken up: with a journal, all other
    /// work of that run is known. An undo needs what was current before, so it must not get lost as `already`.
    pub async fn unrecorded(&self, task: &Task, seen: &Seen, already: Done) -> Result<Done, Failure> {
        let expected = match &task.expected {
            Some(expected) if self.resumes && seen.latest_id() != Some(expected) => expected,
            _ => return Ok(already),
        };
        let now = self.list(&task.target).await?;
        let beneath = now.entries.get(1).filter(|entry| entry.version_id == *expected);
        let previous = |action, previous_delete_marker| Done {
            action,
            previous_version_id: Some(expected.clone()),
            previous_delete_marker,
            ..already.clone()
        };
        Ok(match (&task.goal, beneath) {
            (Goal::Version(id), _) if now.latest_id() == Some(id) => {
                let gone = |marker: &String| now.entries.iter().all(|entry| entry.version_id != *marker);
                match task.markers.contains(expected) && task.markers.iter().all(gone) {
                    true => Done { removed_markers: task.markers.clone(), ..previous(Act::Undelete, true) },
                    false => already,
                }
            }
            (Goal::Version(_), Some(beneath)) => previous(Act::Copy, beneath.delete_marker),
            (Goal::Deleted, Some(beneath)) => previous(Act::MarkDeleted, beneath.delete_marker),
            _ => already,
        })
    }
}
