//! What became of an act that an earlier run with the same journal was about to do when it ended.

use common::reject::Failure;

use crate::input::{Goal, Task};
use crate::intent::Intent;
use crate::look::Seen;
use crate::output::{Act, Done};
use crate::restore::Restorer;

/// How far an earlier run came.
pub enum Fate {
    /// It was carried out and is current.
    Done(Done),
    /// It was carried out, and this is current now; nothing where the key is gone.
    Overtaken(Done, Option<String>),
    /// It was not carried out, or only some delete markers were removed, newest first: this is left to do.
    Open(Task, Vec<String>),
}

impl Restorer {
    /// Finds out what became of an intent.
    ///
    /// # Errors
    /// The reject of a key that cannot be looked at, or that somebody wrote to where nothing was.
    pub async fn fate(&self, task: &Task, intent: Intent) -> Result<Fate, Failure> {
        let Intent { planned, upload_id, .. } = intent;
        let now = self.list(&task.target).await?;
        // Of an upload that was completed there is nothing left.
        if let Some(id) = upload_id.filter(|_| !self.options.dry_run) {
            self.abort(&task.target, &id).await;
        }
        match (&planned.action, &task.goal) {
            (Act::Undelete, Goal::Version(id)) => Ok(undeleted(task, id, planned, &now)),
            (Act::Copy, Goal::Version(_)) | (Act::MarkDeleted, Goal::Deleted) => {
                Box::pin(self.written(task, planned, &now)).await
            }
            _ => Ok(Fate::Open(task.clone(), Vec::new())),
        }
    }

    /// Whether a version or delete marker was put on top of what was current.
    async fn written(&self, task: &Task, planned: Done, now: &Seen) -> Result<Fate, Failure> {
        let is_previous = |id: &String| {
            now.entries.iter().position(|entry| {
                entry.version_id == *id && entry.delete_marker == planned.previous_delete_marker
            })
        };
        let above = match planned.previous_version_id.as_ref().map(is_previous) {
            // There was nothing: whatever is the oldest came then.
            None => now.entries.len(),
            Some(Some(place)) => place,
            // It is gone, as a null marker is that was written over.
            Some(None) => now.entries.len().min(1),
        };
        // The store let nothing come between: it checked that the previous one was still current.
        if let Some(place) = above.checked_sub(1)
            && let Some(done) = self.taken_for(task, planned.clone(), &now.entries[place]).await?
        {
            if place > 0 {
                return Ok(Fate::Overtaken(done, now.latest_id().map(str::to_owned)));
            }
            return Ok(Fate::Done(self.finish(task, done).await?));
        }
        if planned.previous_version_id.is_none() && above > 0 && !self.options.force {
            return Ok(Fate::Done(self.perhaps_already(task, now, None).await?));
        }
        Ok(Fate::Open(since(task, &planned), planned.removed_markers))
    }
}

/// How many of the delete markers that were to be removed are gone, and what lies above the version now.
fn undeleted(task: &Task, id: &str, planned: Done, now: &Seen) -> Fate {
    let is_there =
        |marker: &String| now.entries.iter().any(|entry| entry.delete_marker && entry.version_id == *marker);
    let (left, removed): (Vec<_>, Vec<_>) = planned.removed_markers.iter().cloned().partition(is_there);
    if !left.is_empty() {
        return Fate::Open(since(task, &planned), removed);
    }
    match now.latest() {
        Some(latest) if latest.version_id == id && !latest.delete_marker => {
            Fate::Done(Done { bytes: latest.size, ..planned })
        }
        latest => Fate::Overtaken(planned, latest.map(|latest| latest.version_id.clone())),
    }
}

/// The task as the look before the intent made it: what somebody wrote since then is not written over.
fn since(task: &Task, planned: &Done) -> Task {
    let expected = task.expected.as_ref().or(planned.previous_version_id.as_ref()).cloned();
    Task { expected, ..task.clone() }
}
