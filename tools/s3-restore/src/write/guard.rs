//! No lost update: what a write asks the store to check, and what is true after a write that failed.

use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use common::aws::Trouble;
use common::reject::Failure;
use common::retry::Backoff;
use common::s3::Entry;

use crate::bucket::Bucket;
use crate::cli::Options;
use crate::input::{Goal, Task};
use crate::look::Seen;
use crate::output::{Act, Done};
use crate::refuse;
use crate::restore::Restorer;

/// Looks at one key before its restore is given up, where others keep writing to it or a store without guards loses its
/// answers.
const TRIES: u32 = 6;
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(100), cap: Duration::from_secs(5) };

/// What a write asks the store to check in the same instant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Condition {
    /// The latest has this ETag.
    Match(String),
    /// There is no object, or a delete marker hides it.
    Absent,
    /// Nothing.
    None,
}

impl Condition {
    /// That the latest is still this one, as far as the store can check it.
    pub fn unchanged(bucket: &Bucket, latest: Option<&Entry>) -> Self {
        match latest {
            _ if !bucket.is_guarded() => Self::None,
            Some(latest) if !latest.delete_marker => latest.etag.clone().map_or(Self::None, Self::Match),
            _ => Self::Absent,
        }
    }

    /// The If-Match header.
    pub fn if_match(&self) -> Option<String> {
        match self {
            Self::Match(etag) => Some(etag.clone()),
            _ => None,
        }
    }

    /// The If-None-Match header.
    pub fn if_none_match(&self) -> Option<String> {
        (*self == Self::Absent).then(|| "*".to_owned())
    }

    /// Changes the client for a request with this condition: without one, a second try of a request that was carried
    /// out while its answer was lost would do the work twice.
    pub fn tries(&self) -> Builder {
        match self {
            Self::None => Builder::new().retry_config(RetryConfig::disabled()),
            _ => Builder::new(),
        }
    }
}

/// What a failed write means.
pub enum After {
    /// It was carried out, with this outcome.
    Made(Done),
    /// It was not, and can be tried again.
    Again,
}

impl Restorer {
    /// What the store is to check with the write. Where a write could destroy a version, none is made unchecked.
    pub fn condition(&self, task: &Task, bucket: &Bucket, seen: &Seen) -> Result<Condition, Failure> {
        match Condition::unchanged(bucket, seen.latest()) {
            Condition::None if !bucket.versioned => Err(refuse::not_versioned(&task.target)),
            condition => Ok(condition),
        }
    }

    /// Finds out what a failed write has done, and whether it can be tried again.
    pub async fn find_out(
        &self,
        task: &Task,
        bucket: &Bucket,
        seen: &Seen,
        condition: &Condition,
        trouble: Trouble,
        tried: u32,
    ) -> Result<After, Failure> {
        let guarded = *condition != Condition::None;
        if guarded && is_unsupported(&trouble) {
            bucket.has_no_guard();
            return Ok(After::Again);
        }
        let told_no =
            !matches!(trouble.status, None | Some(200..=299 | 404 | 409 | 412)) && !trouble.is_retryable();
        if told_no || (guarded && trouble.is_fatal()) {
            return Err(refuse::trouble(trouble));
        }
        let now = match self.list(&task.target).await {
            Ok(now) => now,
            Err(why) => {
                return Err(refuse::after_write(
                    refuse::unknown(refuse::trouble(trouble), &why),
                    seen.latest_id(),
                ));
            }
        };
        if now.latest_id() != seen.latest_id() {
            let beneath = now.entries.get(1).map(|entry| entry.version_id.as_str());
            if let Some(latest) = now.latest().filter(|_| beneath == seen.latest_id()) {
                let act = if task.goal == Goal::Deleted { Act::MarkDeleted } else { Act::Copy };
                match self.taken_for(task, Done::after(act, task, seen), latest).await {
                    Ok(None) => {}
                    Ok(Some(done)) => return Ok(After::Made(self.finish(task, done).await?)),
                    Err(why) => {
                        return Err(refuse::after_write(
                            refuse::unknown(refuse::trouble(trouble), &why),
                            seen.latest_id(),
                        ));
                    }
                }
            }
            if self.options.force && tried < TRIES {
                return Ok(After::Again);
            }
            return Err(refuse::changed_since(&task.target, seen.latest_id(), now.latest_id()));
        }
        match trouble.status {
            // The condition is true, and the store says that it is not: it does not understand it.
            Some(412) if guarded => bucket.has_no_guard(),
            Some(404 | 412) => return Err(refuse::trouble(trouble)),
            Some(409) if tried < TRIES => tokio::time::sleep(BACKOFF.delay(tried)).await,
            _ if !guarded && tried < TRIES => tokio::time::sleep(BACKOFF.delay(tried)).await,
            _ => return Err(refuse::trouble(trouble)),
        }
        Ok(After::Again)
    }

    /// The outcome of a write whose answer was lost, if this entry on top of what was current is what it was to make.
    pub async fn taken_for(
        &self,
        task: &Task,
        planned: Done,
        entry: &Entry,
    ) -> Result<Option<Done>, Failure> {
        let version_id = Some(entry.version_id.clone());
        let Goal::Version(id) = &task.goal else {
            return Ok(entry.delete_marker.then_some(Done { version_id, ..planned }));
        };
        if entry.version_id == *id && !task.is_aside() {
            return Ok(None);
        }
        let head = self.head(&task.source, id).await?;
        let verified = self.is_copy(&self.wanted(task, id, &head), task, entry, None).await?;
        Ok(verified.map(|verified| Done {
            version_id,
            verified: Some(verified),
            bytes: entry.size,
            ..planned
        }))
    }

    /// Does what is left to do after such a write.
    pub async fn finish(&self, task: &Task, done: Done) -> Result<Done, Failure> {
        let Options { acl, dry_run, .. } = self.options;
        if let (Goal::Version(id), Some(copy)) = (&task.goal, &done.version_id)
            && acl
            && !dry_run
        {
            let finished = async {
                let head = self.head(&task.source, id).await?;
                self.copy_acl(&self.wanted(task, id, &head), &task.target, copy).await
            };
            let before = done.previous_version_id.as_deref();
            finished.await.map_err(|failure| refuse::after_write(failure, before))?;
        }
        Ok(done)
    }
}

/// Whether the store does not know the condition, rather than finds it untrue.
fn is_unsupported(trouble: &Trouble) -> bool {
    let named = ["If-Match", "If-None-Match", "header"].iter().any(|word| trouble.message.contains(word));
    trouble.status == Some(501) || trouble.code == "NotImplemented" || (trouble.status == Some(400) && named)
}
