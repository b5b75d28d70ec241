//! Delete markers: removing exactly those that hide a version, and adding one.

use common::aws::Trouble;
use common::reject::Failure;

use crate::input::{Place, Task};
use crate::intent::Ledger;
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
        ledger: &Ledger<'_>,
    ) -> Result<Done, Failure> {
        let mut done = Done::after(Act::Undelete, task, seen);
        done.version_id = Some(id.to_owned());
        done.bytes = seen.entries.iter().find(|entry| entry.version_id == id).and_then(|entry| entry.size);
        done.removed_markers = markers.iter().rev().cloned().collect();
        if !self.options.dry_run {
            ledger.intend(&done).await?;
            // Oldest first: the key changes with the last of them, and all at once.
            for (removed, marker) in markers.iter().enumerate() {
                let removing = self.remove_marker(&task.target, seen, marker).await;
                removing.map_err(|failure| refuse::after_removing(failure, &markers[..removed]))?;
            }
        }
        if seen.claimed {
            let now = self.latest(&task.target).await;
            let now = now.map_err(|failure| refuse::after_removing(failure, &markers))?;
            if now.latest_id() != Some(id) {
                let removed = markers.join(", ");
                return Err(refuse::not_beneath(&task.target, id, now.latest_id(), &removed));
            }
            done.bytes = now.latest().and_then(|latest| latest.size);
        }
        Ok(done)
    }

    /// Removes one delete marker. The store said immediately before that it is one, and a version id never changes what it
    /// names where it is not `null`.
    async fn remove_marker(&self, place: &Place, seen: &Seen, id: &str) -> Result<(), Failure> {
        if !seen.entries.iter().any(|entry| entry.delete_marker && entry.version_id == id) {
            return Err(refuse::not_a_marker(place, &format!("{id} is not known to be a delete marker")));
        }
        let delete = self.client.delete_object().bucket(&place.bucket).key(&place.key).version_id(id);
        let answer = match delete.send().await {
            Ok(answer) => answer,
            Err(err) => {
                let mut trouble = Trouble::new(&format!("DeleteObject {place} delete marker {id}"), &err);
                if trouble.status == Some(403) {
                    trouble.message.push_str("; --method copy removes no delete marker");
                }
                if !trouble.is_retryable() {
                    return Err(refuse::trouble(trouble));
                }
                // It may have been carried out while the answer was lost.
                return match self.list(place).await {
                    Ok(now) if now.has(id) => Err(refuse::trouble(trouble)),
                    Ok(now) => none_is_lost(place, seen, &now),
                    Err(why) => Err(refuse::unknown(refuse::trouble(trouble), &why)),
                };
            }
        };
        match answer.delete_marker {
            Some(true) => Ok(()),
            Some(false) => {
                Err(refuse::not_a_marker(place, &format!("DeleteObject of {id} removed no delete marker")))
            }
            // Older stores do not say so, and S3 neither of one that an earlier try has removed. A plan's claim is checked
            // at the end.
            None if seen.claimed => Ok(()),
            None => match self.list(place).await {
                Ok(now) if now.has(id) => {
                    Err(refuse::not_a_marker(place, &format!("the delete marker {id} was not removed")))
                }
                Ok(now) => none_is_lost(place, seen, &now),
                Err(why) => {
                    let what = format!("what DeleteObject of {id} removed is not known");
                    Err(refuse::unknown(refuse::not_a_marker(place, &what), &why))
                }
            },
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

/// That every data version that was there is there still.
fn none_is_lost(place: &Place, seen: &Seen, now: &Seen) -> Result<(), Failure> {
    // What a plan says lies beneath was not seen.
    let mut known = seen.entries.iter().filter(|entry| !entry.delete_marker && !seen.claimed);
    match known.find(|entry| !now.has(&entry.version_id)) {
        None => Ok(()),
        Some(lost) => {
            let what = format!("version {} went away while delete markers were removed", lost.version_id);
            Err(refuse::not_a_marker(place, &what))
        }
    }
}
