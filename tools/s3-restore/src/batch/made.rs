//! What a job made of one version, as the key itself shows it.

use common::reject::{Failure, Reject};

use crate::input::{Place, Task};
use crate::look::Seen;
use crate::output::{Act, Done};
use crate::restore::Restorer;
use crate::version::content::Content;

/// Finds the copy of a version that a job made at or after this second: a report does not name it.
///
/// # Errors
/// A reject where the key has no such copy, or only ones that differ from the version.
pub async fn made(restorer: &Restorer, task: &Task, id: &str, since: i64) -> Result<Done, Failure> {
    let (seen, head) = tokio::join!(restorer.list(&task.target), restorer.head(&task.source, id));
    let (seen, head) = (seen?, head?);
    let wanted = restorer.wanted(task, id, &head);
    let mut differs = None;
    // The oldest first: what was written later is somebody else's.
    for (at, entry) in seen.entries.iter().enumerate().rev() {
        let late_enough = entry.instant().is_ok_and(|instant| instant.as_second() >= since);
        if entry.delete_marker || entry.version_id == id || entry.size != wanted.content.size || !late_enough
        {
            continue;
        }
        let size = Content { size: entry.size, ..Content::default() };
        match restorer.verify(&wanted, task, &entry.version_id, &size).await {
            Ok(verified) => {
                let before = Seen { entries: seen.entries[at + 1..].to_vec(), ..Seen::default() };
                return Ok(Done {
                    version_id: Some(entry.version_id.clone()),
                    verified: Some(verified),
                    bytes: entry.size,
                    ..Done::after(Act::Copy, task, &before)
                });
            }
            Err(Failure::Reject(reject)) => differs = Some(reject),
            Err(fatal) => return Err(fatal),
        }
    }
    Err(differs.unwrap_or_else(|| missing(&task.target, id)).into())
}

/// What the report says of a copy that nobody looked at.
pub fn reported(task: &Task, bytes: Option<u64>) -> Done {
    Done { previous_version_id: task.expected.clone(), bytes, ..Done::new(Act::Copy, task) }
}

fn missing(place: &Place, id: &str) -> Reject {
    let message =
        format!("{place}: the report says that version {id} was copied, and the key has no such copy");
    Reject::new("copy-missing", message)
}
