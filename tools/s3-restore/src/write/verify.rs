//! Whether a copy, or what is current anyway, is as wanted.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use common::reject::Failure;
use common::s3::Entry;

use crate::input::Task;
use crate::output::Verified;
use crate::refuse;
use crate::restore::Restorer;
use crate::version::content::{Comparison, Content};
use crate::version::headers::Headers;
use crate::write::copy::Wanted;

impl Restorer {
    /// Compares what the copy said of itself with the source, or failing that their sizes.
    pub async fn verify(
        &self,
        wanted: &Wanted<'_>,
        task: &Task,
        copy_id: &str,
        copy: &Content,
    ) -> Result<Verified, Failure> {
        let corrupt = || refuse::corrupt_copy(&task.target, copy_id, wanted.version_id);
        match wanted.content.compare(copy) {
            Comparison::Same(verified) => return Ok(verified),
            Comparison::Different => return Err(corrupt()),
            Comparison::Unknown => {}
        }
        match self.head(&task.target, copy_id).await {
            Ok(head) => {
                let copy = Content::of(&head);
                match wanted.content.compare(&copy) {
                    Comparison::Same(verified) => Ok(verified),
                    Comparison::Different => Err(corrupt()),
                    Comparison::Unknown if copy.size.is_some() => Ok(Verified::Size),
                    Comparison::Unknown => Ok(Verified::Unverifiable),
                }
            }
            Err(Failure::Reject(_)) => Ok(Verified::Unverifiable),
            Err(fatal) => Err(fatal),
        }
    }

    /// Whether the latest provably has the wanted content, and everything else that a restore would give it.
    pub async fn is_as_wanted(
        &self,
        wanted: &Wanted<'_>,
        task: &Task,
        latest: &Entry,
        head: Option<&HeadObjectOutput>,
    ) -> Result<Option<Verified>, Failure> {
        let verified = self.is_copy(wanted, task, latest, head).await?;
        if verified.is_some()
            && self.options.acl
            && !self.same_acl(wanted, &task.target, &latest.version_id).await?
        {
            return Ok(None);
        }
        Ok(verified)
    }

    /// The same but for the ACL, which a copy is given only after it is made.
    pub async fn is_copy(
        &self,
        wanted: &Wanted<'_>,
        task: &Task,
        latest: &Entry,
        head: Option<&HeadObjectOutput>,
    ) -> Result<Option<Verified>, Failure> {
        if latest.delete_marker || latest.size != wanted.content.size {
            return Ok(None);
        }
        let asked;
        let head = match head {
            Some(head) => head,
            None => {
                asked = match self.head(&task.target, &latest.version_id).await {
                    Ok(head) => head,
                    // What cannot be looked at cannot be found equal.
                    Err(Failure::Reject(_)) => return Ok(None),
                    Err(fatal) => return Err(fatal),
                };
                &asked
            }
        };
        let now = DateTime::from(std::time::SystemTime::now());
        let Comparison::Same(verified) = wanted.content.compare(&Content::of(head)) else {
            return Ok(None);
        };
        let same = wanted.headers.are_in(&Headers::of(head, now))
            && self.same_tags(wanted, &task.target, &latest.version_id, head.tag_count).await?;
        Ok(same.then_some(verified))
    }
}
