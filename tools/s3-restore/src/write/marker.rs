//! Delete markers: removing exactly those that hide a version, and adding one.

use common::aws::Trouble;
use common::reject::Failure;

use crate::input::{Place, Task};
use crate::look::Seen;
use crate::output::{Act, Done};
use crate::refuse;
use crate::restore::Restorer;
use crate::write::guard::Condition;

impl Restorer {
    /// Makes the version beneath delete markers the latest.
    pub async fn undelete(
        &self,
        task: &Task,
        id: &str,
        seen: &Seen,
        markers: Vec<String>,
    ) -> Result<Done, Failure> {
        let mut done = Done::after(Act::Undelete, task, seen);
        done.version_id = Some(id.to_owned());
        done.bytes = seen.entries.iter().find(|entry| entry.version_id == id).and_then(|entry| entry.size);
        if !self.options.dry_run {
            self.remove_markers(&task.target, seen, &markers).await?;
        }
        if seen.claimed {
            let now = self.latest(&task.target).await?;
            if now.latest_id() != Some(id) {
                let removed = markers.join(", ");
                return Err(refuse::not_beneath(&task.target, id, now.latest_id(), &removed));
            }
            done.bytes = now.latest().and_then(|latest| latest.size);
        }
        done.removed_markers = markers.into_iter().rev().collect();
        Ok(done)
    }

    /// Removes delete markers, oldest first. The store said of each immediately before that it is one, and a version id never
    /// changes what it names where it is not `null`.
    async fn remove_markers(&self, place: &Place, seen: &Seen, markers: &[String]) -> Result<(), Failure> {
        for (removed, id) in markers.iter().enumerate() {
            let is_marker =
                |id: &str| seen.entries.iter().any(|entry| entry.delete_marker && entry.version_id == id);
            if !is_marker(id) {
                return Err(refuse::not_a_marker(place, &format!("{id} is not known to be a delete marker")));
            }
            let delete = self.client.delete_object().bucket(&place.bucket).key(&place.key).version_id(id);
            let answer = delete.send().await.map_err(|err| {
                let mut trouble = Trouble::new(&format!("DeleteObject {place} delete marker {id}"), &err);
                if trouble.status == Some(403) {
                    trouble.message.push_str("; --method copy removes no delete marker");
                }
                if removed > 0 {
                    trouble
                        .message
                        .push_str(&format!("; removed before it: {}", markers[..removed].join(", ")));
                }
                refuse::trouble(trouble)
            })?;
            match answer.delete_marker {
                Some(true) => {}
                Some(false) => {
                    return Err(refuse::not_a_marker(
                        place,
                        &format!("DeleteObject of {id} removed no delete marker"),
                    ));
                }
                // Older stores do not say so, and S3 neither of one that an earlier try has removed. A plan's claim is
                // checked at the end.
                None if seen.claimed => {}
                None => self.only_it_is_gone(place, seen, id).await?,
            }
        }
        Ok(())
    }

    async fn only_it_is_gone(&self, place: &Place, seen: &Seen, id: &str) -> Result<(), Failure> {
        let now = self.list(place).await?;
        let is_there = |id: &str| now.entries.iter().any(|entry| entry.version_id == id);
        if is_there(id) {
            return Err(refuse::not_a_marker(place, &format!("the delete marker {id} was not removed")));
        }
        match seen.entries.iter().find(|entry| !entry.delete_marker && !is_there(&entry.version_id)) {
            None => Ok(()),
            Some(lost) => {
                let what = format!("version {} went away while delete markers were removed", lost.version_id);
                Err(refuse::not_a_marker(place, &what))
            }
        }
    }

    /// Adds a delete marker and returns its version id.
    pub async fn add_marker(
        &self,
        place: &Place,
        condition: &Condition,
    ) -> Result<Result<String, Failure>, Trouble> {
        let delete = self.client.delete_object().bucket(&place.bucket).key(&place.key);
        let mut delete = delete.set_if_match(condition.if_match()).customize();
        if *condition == Condition::None {
            delete = delete.config_override(condition.tries());
        }
        let answer =
            delete.send().await.map_err(|err| Trouble::new(&format!("DeleteObject {place}"), &err))?;
        Ok(match (answer.delete_marker, answer.version_id) {
            (Some(true), Some(id)) => Ok(id),
            _ => Err(refuse::not_a_marker(place, "DeleteObject told of no new delete marker")),
        })
    }
}
