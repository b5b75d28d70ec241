//! Why a record is turned away: the kinds of rejects, and which of them an error of S3 is.

use common::aws::Trouble;
use common::reject::{Failure, Reject};

use crate::input::Place;
use crate::output::{Act, Done};

/// The kind of a failed request, for the reject of its record.
pub fn kind(trouble: &Trouble) -> &'static str {
    match (trouble.code.as_str(), trouble.status) {
        ("NoSuchBucket", _) => "no-such-bucket",
        ("NoSuchVersion" | "NoSuchKey" | "NotFound" | "NoSuchUpload", _) => "no-such-version",
        ("InvalidObjectState" | "ObjectNotInActiveTierError", _) => "archived",
        ("SlowDown", _) | (_, Some(429 | 503)) => "throttled",
        (_, Some(401 | 403)) => "access-denied",
        _ if trouble.is_retryable() => "unavailable",
        _ => "refused",
    }
}

/// The end of a record whose request failed; the end of the run where no other can succeed.
pub fn trouble(trouble: Trouble) -> Failure {
    let kind = kind(&trouble);
    trouble.reject(kind)
}

/// Somebody wrote to the key after its plan was made.
pub fn changed_since(place: &Place, expected: Option<&str>, now: Option<&str>) -> Failure {
    let name = |id: Option<&str>| id.map_or("nothing".to_owned(), |id| format!("version {id}"));
    let message = format!(
        "{place}: {} is current, not {} as planned: plan again, or give --force",
        name(now),
        name(expected)
    );
    Reject::new("changed-since", message).into()
}

/// The delete markers of a plan are gone, and another version than the plan's lay beneath them.
pub fn not_beneath(place: &Place, id: &str, now: Option<&str>, removed: &str) -> Failure {
    let now = now.unwrap_or("nothing");
    let message = format!(
        "{place}: not {id} but {now} was beneath the delete markers {removed}, which are removed: plan again"
    );
    Reject::new("changed-since", message).into()
}

/// The wanted version is not there.
pub fn no_such_version(place: &Place, id: &str) -> Failure {
    Reject::new("no-such-version", format!("{place}: there is no version {id}")).into()
}

/// The wanted version has no content.
pub fn is_delete_marker(place: &Place, id: &str) -> Failure {
    let message = format!("{place}: version {id} is a delete marker: name the version beneath it");
    Reject::new("delete-marker", message).into()
}

/// A write would replace a version for good.
pub fn not_versioned(place: &Place) -> Failure {
    let message = format!(
        "{place}: versioning is not enabled, and a write would destroy the null version: enable versioning first"
    );
    Reject::new("not-versioned", message).into()
}

/// A delete marker was to be written or removed, and the store did not say that it was one.
pub fn not_a_marker(place: &Place, what: &str) -> Failure {
    let message = format!("{place}: {what}: look at the key's versions before anything else is done with it");
    Reject::new("not-a-marker", message).into()
}

/// The content of a copy is not that of its version.
pub fn corrupt_copy(place: &Place, copy: &str, source: &str) -> Failure {
    let message = format!("{place}: the copy, version {copy}, differs from its source, version {source}");
    Reject::new("corrupt-copy", message).into()
}

/// What an earlier run did, as its journal says, is no longer what is current.
pub fn superseded(place: &Place, earlier: &Done, now: Option<&str>) -> Failure {
    let version = earlier.version_id.as_deref().unwrap_or("nothing");
    let did = match (earlier.action, &earlier.previous_version_id) {
        (Act::Undelete, _) => {
            format!("removed {} to make version {version} current", earlier.removed_markers.join(", "))
        }
        (Act::Already, _) => format!("found version {version} current"),
        (_, Some(previous)) => format!("made version {version} current in place of {previous}"),
        (_, None) => format!("made version {version} current"),
    };
    let message = format!(
        "{place}: an earlier run with this journal {did}, and {} is now: give --force to restore it again, or another \
         journal",
        now.unwrap_or("nothing")
    );
    Reject::new("superseded", message).into()
}

/// The same end of a record, which says that delete markers were removed before it: no such record may vanish with the run.
pub fn after_removing(failure: Failure, removed: &[String]) -> Failure {
    if removed.is_empty() {
        return failure;
    }
    standing(failure, &format!("removed before it: {}", removed.join(", ")))
}

/// The same end of a record, which says what was current before the write that was made, or may have been made.
pub fn after_write(failure: Failure, before: Option<&str>) -> Failure {
    standing(failure, &format!("before it {} was current", before.unwrap_or("nothing")))
}

/// A failed write of which nobody can say whether it was carried out.
pub fn unknown(failure: Failure, why: &Failure) -> Failure {
    let why = match why {
        Failure::Reject(reject) => reject.message.clone(),
        Failure::Fatal(error) => format!("{error:#}"),
    };
    standing(failure, &format!("whether it was carried out is not known ({why})"))
}

/// What would end the run ends the record alone, or the run would end without a word of what stands. The next request
/// meets the same trouble.
fn standing(failure: Failure, what: &str) -> Failure {
    Failure::Reject(match failure {
        Failure::Reject(reject) => Reject { message: format!("{}; {what}", reject.message), ..reject },
        Failure::Fatal(error) => Reject::retryable("unavailable", format!("{error:#}; {what}")),
    })
}

/// The run was told to stop before the record was done.
pub fn interrupted(place: &Place) -> Failure {
    Reject::retryable("interrupted", format!("{place}: stopped before anything was changed")).into()
}
