//! One record, from the first look at its key to what is true of it in the end.

use std::sync::Arc;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use common::aws::Trouble;
use common::reject::Failure;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::bucket::{Bucket, Buckets};
use crate::cli::{Method, Options};
use crate::decide::{Decision, Want, decide};
use crate::input::{Goal, Task};
use crate::intent::Ledger;
use crate::look::Seen;
use crate::output::{Act, Done, Verified};
use crate::refuse;
use crate::version::content::Content;
use crate::version::headers::Headers;
use crate::write::copy::Wanted;
use crate::write::guard::{After, Condition};
use crate::write::multipart::Unfinished;
use crate::write::thaw::Archive;

/// What the work on every record needs.
pub struct Restorer {
    pub client: Client,
    pub options: Options,
    pub buckets: Buckets,
    /// Room for parts of multipart copies, over all records.
    pub parts_room: Arc<Semaphore>,
    /// Cancelled when the run is to stop.
    pub stop: CancellationToken,
}

/// What was seen before a write, which its condition is made of.
struct Before {
    seen: Seen,
    /// HEAD of the wanted version, where it was asked for beside the latest.
    wanted: Option<Result<HeadObjectOutput, Failure>>,
}

/// How a write went.
enum Written {
    /// It was made.
    Done(Done),
    /// The request for it failed, which need not mean that it was not carried out.
    Failed(Trouble),
}

impl Restorer {
    /// Brings the key to where the task wants it.
    ///
    /// # Errors
    /// The reject of the record, or what ends the run.
    pub async fn restore(&self, task: &Task, ledger: &Ledger<'_>) -> Result<Done, Failure> {
        match task.goal {
            Goal::Unchanged => Ok(Done::new(Act::None, task)),
            _ => Box::pin(self.work(task, ledger)).await,
        }
    }

    async fn work(&self, task: &Task, ledger: &Ledger<'_>) -> Result<Done, Failure> {
        if task.source.bucket != task.target.bucket {
            self.buckets.get(&self.client, &task.source.bucket).await?;
        }
        let bucket = self.buckets.get(&self.client, &task.target.bucket).await?;
        for tried in 0.. {
            let Before { seen, wanted } = Box::pin(self.look(task, &bucket)).await?;
            let (written, condition) = match (decide(&seen.entries, &self.want(task, &bucket)), &task.goal) {
                (Decision::Already, _) => return Ok(already(task, &seen, None)),
                (Decision::ChangedSince, _) => return self.perhaps_already(task, &seen, wanted).await,
                (Decision::NotVersioned, _) => return Err(refuse::not_versioned(&task.target)),
                (Decision::Undelete(markers), Goal::Version(id)) => {
                    return self.undelete(task, id, &seen, markers, ledger).await;
                }
                (Decision::NoSuchVersion, Goal::Version(id)) => {
                    return Err(refuse::no_such_version(&task.source, id));
                }
                (Decision::IsDeleteMarker, Goal::Version(id)) => {
                    return Err(refuse::is_delete_marker(&task.source, id));
                }
                (Decision::Copy, Goal::Version(id)) => {
                    let condition = self.condition(task, &bucket, &seen)?;
                    let wanted = match wanted {
                        Some(wanted) => wanted?,
                        None => self.head(&task.source, id).await?,
                    };
                    (Box::pin(self.copy_over(task, id, &seen, &wanted, &condition, ledger)).await?, condition)
                }
                (Decision::MarkDeleted, _) => {
                    let condition = self.condition(task, &bucket, &seen)?;
                    (self.mark_deleted(task, &seen, &condition, ledger).await?, condition)
                }
                (
                    Decision::NoSuchVersion
                    | Decision::IsDeleteMarker
                    | Decision::Copy
                    | Decision::Undelete(_),
                    _,
                ) => {
                    return Err(anyhow::anyhow!("{}: a decision without a version", task.target).into());
                }
            };
            let trouble = match written {
                Written::Done(done) => return Ok(done),
                Written::Failed(trouble) => trouble,
            };
            match Box::pin(self.find_out(task, &bucket, &seen, &condition, trouble, tried)).await? {
                After::Made(done) => return Ok(done),
                After::Again => {}
            }
        }
        Err(anyhow::anyhow!("{}: no end of tries", task.target).into())
    }

    fn want<'a>(&self, task: &'a Task, bucket: &Bucket) -> Want<'a> {
        Want {
            goal: &task.goal,
            expected: task.expected.as_deref(),
            force: self.options.force,
            method: task.method,
            only: task.only_those.then_some(task.markers.as_slice()),
            aside: task.is_aside(),
            versioned: bucket.versioned,
        }
    }

    /// Looks at as little as the decision needs.
    async fn look(&self, task: &Task, bucket: &Bucket) -> Result<Before, Failure> {
        let latest = async {
            match bucket.versioned {
                true => self.latest(&task.target).await,
                false => self.list(&task.target).await,
            }
        };
        match &task.goal {
            Goal::Version(id) if task.method == Method::Copy => {
                let (seen, wanted) = tokio::join!(latest, self.head(&task.source, id));
                Ok(Before { seen: seen?, wanted: Some(wanted) })
            }
            Goal::Version(id) => {
                // What --dry-run says is not proven by doing it, so it looks at everything.
                let planned = match bucket.versioned && !self.options.dry_run {
                    true => self.planned_markers(task, id).await?,
                    false => None,
                };
                let seen = match planned {
                    Some(seen) => seen,
                    None => self.list(&task.target).await?,
                };
                Ok(Before { seen, wanted: None })
            }
            Goal::Deleted | Goal::Unchanged => Ok(Before { seen: latest.await?, wanted: None }),
        }
    }

    /// The version as it is to arrive.
    pub fn wanted<'a>(&self, task: &'a Task, id: &'a str, head: &HeadObjectOutput) -> Wanted<'a> {
        let headers = Headers::of(head, DateTime::from(std::time::SystemTime::now()));
        let Options { replacement, storage_class, .. } = &self.options;
        Wanted {
            place: &task.source,
            version_id: id,
            content: Content::of(head),
            headers: headers.adjusted(replacement.as_ref(), storage_class.as_ref()),
            tag_count: head.tag_count,
        }
    }

    async fn copy_over(
        &self,
        task: &Task,
        id: &str,
        seen: &Seen,
        head: &HeadObjectOutput,
        condition: &Condition,
        ledger: &Ledger<'_>,
    ) -> Result<Written, Failure> {
        let wanted = self.wanted(task, id, head);
        if let Some(latest) = seen.latest()
            && let Some(verified) = self.is_as_wanted(&wanted, task, latest, seen.head.as_ref()).await?
        {
            return Ok(Written::Done(already(task, seen, Some(verified))));
        }
        let bytes = wanted.content.size;
        let mut done = Done { bytes, ..Done::after(Act::Copy, task, seen) };
        let thawing = Done { action: Act::Thawing, previous_version_id: None, ..done.clone() };
        if Archive::of(head) != Archive::Readable {
            self.thaw(&task.source, id, head).await?;
            return Ok(Written::Done(thawing));
        }
        if self.options.dry_run {
            return Ok(Written::Done(done));
        }
        let parts = self.parts(&wanted).await.map_err(refuse::trouble)?;
        ledger.intend(&done).await?;
        let copied = match &parts {
            None => self.copy(&wanted, &task.target, condition).await.map_err(Unfinished::Trouble),
            Some(sizes) => {
                let begun = async |upload: &str| ledger.intend_upload(&done, upload).await;
                self.copy_parts(&wanted, &task.target, condition, sizes, begun).await
            }
        };
        let copied = match copied {
            Ok(copied) => copied,
            Err(Unfinished::Failure(failure)) => return Err(failure),
            // The archive tiers of INTELLIGENT_TIERING are not shown by every store.
            Err(Unfinished::Trouble(trouble)) if refuse::kind(&trouble) == "archived" => {
                self.thaw(&task.source, id, head).await?;
                return Ok(Written::Done(thawing));
            }
            Err(Unfinished::Trouble(trouble)) => return Ok(Written::Failed(trouble)),
        };
        let made = |failure| refuse::after_write(failure, seen.latest_id());
        done.verified = match self.verify(&wanted, task, &copied.version_id, &copied.content).await {
            Ok(verified) => Some(verified),
            // The copy is made, so its record leaves; what ends the run is met by the next request again.
            Err(Failure::Fatal(_)) => Some(Verified::Unverifiable),
            Err(reject) => return Err(made(reject)),
        };
        if self.options.acl {
            self.copy_acl(&wanted, &task.target, &copied.version_id).await.map_err(made)?;
        }
        done.version_id = Some(copied.version_id);
        Ok(Written::Done(done))
    }

    async fn mark_deleted(
        &self,
        task: &Task,
        seen: &Seen,
        condition: &Condition,
        ledger: &Ledger<'_>,
    ) -> Result<Written, Failure> {
        let mut done = Done::after(Act::MarkDeleted, task, seen);
        if self.options.dry_run {
            return Ok(Written::Done(done));
        }
        ledger.intend(&done).await?;
        match self.add_marker(&task.target, condition).await {
            Ok(id) => {
                done.version_id = Some(id?);
                Ok(Written::Done(done))
            }
            Err(trouble) => Ok(Written::Failed(trouble)),
        }
    }

    /// A key that was written to after the plan may have been brought back by just that write.
    pub async fn perhaps_already(
        &self,
        task: &Task,
        seen: &Seen,
        wanted: Option<Result<HeadObjectOutput, Failure>>,
    ) -> Result<Done, Failure> {
        if let (Goal::Version(id), Some(latest)) = (&task.goal, seen.latest())
            && !latest.delete_marker
        {
            let head = match wanted {
                Some(wanted) => wanted?,
                None => self.head(&task.source, id).await?,
            };
            let wanted = self.wanted(task, id, &head);
            if let Some(verified) = self.is_as_wanted(&wanted, task, latest, seen.head.as_ref()).await? {
                return Ok(already(task, seen, Some(verified)));
            }
        }
        Err(refuse::changed_since(&task.target, task.expected.as_deref(), seen.latest_id()))
    }
}

fn already(task: &Task, seen: &Seen, verified: Option<Verified>) -> Done {
    let latest = seen.latest();
    Done {
        version_id: latest.map(|entry| entry.version_id.clone()),
        bytes: latest.and_then(|entry| entry.size),
        verified,
        ..Done::new(Act::Already, task)
    }
}
