//! How a key and a version are now.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use common::aws::Trouble;
use common::reject::{Failure, Reject};
use common::s3::{Entry, entries_of_key};

use crate::input::{Place, Task};
use crate::refuse;
use crate::restore::Restorer;
use crate::version::customer_key::ALGORITHM;

/// The answer for a delete marker that is named by its version id (S3 API reference, HeadObject).
const IS_DELETE_MARKER: u16 = 405;

/// A key's entries, newest first; where HEAD was enough, the latest alone.
#[derive(Debug, Default)]
pub struct Seen {
    pub entries: Vec<Entry>,
    /// Whether the version beneath the delete markers is there because the plan says so.
    pub claimed: bool,
    /// What HEAD said of the latest, if it was asked and is no delete marker.
    pub head: Option<HeadObjectOutput>,
}

impl Seen {
    /// The latest.
    pub fn latest(&self) -> Option<&Entry> {
        self.entries.first()
    }

    /// Whether there is a version or delete marker of this id.
    pub fn has(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.version_id == id)
    }

    /// The version id of the latest.
    pub fn latest_id(&self) -> Option<&str> {
        self.latest().map(|entry| entry.version_id.as_str())
    }
}

impl Restorer {
    /// All entries of a key, newest first.
    pub async fn list(&self, place: &Place) -> Result<Seen, Failure> {
        let entries = entries_of_key(&self.client, &place.bucket, &place.key).await;
        Ok(Seen { entries: entries.map_err(refuse::trouble)?, head: None, claimed: false })
    }

    /// The latest of a key by one cheap HEAD; all of it where HEAD does not tell.
    pub async fn latest(&self, place: &Place) -> Result<Seen, Failure> {
        let head = self.client.head_object().bucket(&place.bucket).key(&place.key);
        match head.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => {
                let entry = Entry {
                    key: place.key.clone(),
                    version_id: head.version_id.clone().unwrap_or_else(|| "null".into()),
                    is_latest: true,
                    etag: head.e_tag.clone(),
                    size: head.content_length.and_then(|size| u64::try_from(size).ok()),
                    ..Entry::default()
                };
                Ok(Seen { entries: vec![entry], head: Some(head), claimed: false })
            }
            Err(err) => {
                let header = |name| err.raw_response().and_then(|answer| answer.headers().get(name));
                let marker = header("x-amz-delete-marker") == Some("true");
                let id = header("x-amz-version-id").map(str::to_owned);
                let trouble = Trouble::new(&format!("HeadObject {place}"), &err);
                match (trouble.status, marker, id) {
                    (Some(404), true, Some(version_id)) => {
                        let key = place.key.clone();
                        let entry = Entry {
                            key,
                            version_id,
                            is_latest: true,
                            delete_marker: true,
                            ..Entry::default()
                        };
                        Ok(Seen { entries: vec![entry], head: None, claimed: false })
                    }
                    // Not every store names the delete marker, and SSE-C is told by no HEAD without its key.
                    (Some(400 | 404), ..) => self.list(place).await,
                    _ => Err(refuse::trouble(trouble)),
                }
            }
        }
    }

    /// The delete markers of a plan and the version beneath them, if the first of them is the latest and each is found to be
    /// one. A HEAD for each is all that a listing would tell, but for what lies beneath.
    pub async fn planned_markers(&self, task: &Task, id: &str) -> Result<Option<Seen>, Failure> {
        let Some((top, others)) = task.markers.split_first() else { return Ok(None) };
        let latest = self.latest(&task.target).await?;
        let is = |marker, id: &str| {
            latest.latest().is_some_and(|latest| latest.delete_marker == marker && latest.version_id == id)
        };
        if !is(true, top) || task.expected.as_ref() != Some(top) {
            let written_to = latest.head.is_some() && latest.latest_id() != task.expected.as_deref();
            let settled = is(false, id) || (written_to && !self.options.force);
            return Ok((settled || latest.entries.len() > 1).then_some(latest));
        }
        for other in others {
            if !self.is_marker(&task.target, other).await? {
                return Ok(None);
            }
        }
        let entry = |version_id: &str, delete_marker| Entry {
            key: task.target.key.clone(),
            version_id: version_id.to_owned(),
            delete_marker,
            ..Entry::default()
        };
        let mut entries: Vec<_> = task.markers.iter().map(|marker| entry(marker, true)).collect();
        entries.push(entry(id, false));
        Ok(Some(Seen { entries, claimed: true, head: None }))
    }

    async fn is_marker(&self, place: &Place, id: &str) -> Result<bool, Failure> {
        let head = self.client.head_object().bucket(&place.bucket).key(&place.key).version_id(id);
        let Err(err) = head.send().await else { return Ok(false) };
        let marker = err.raw_response().and_then(|answer| answer.headers().get("x-amz-delete-marker"));
        if marker == Some("true") {
            return Ok(true);
        }
        let trouble = Trouble::new(&format!("HeadObject {place} version {id}"), &err);
        match trouble.status {
            Some(400..=499) if !trouble.is_retryable() => Ok(false),
            _ => Err(refuse::trouble(trouble)),
        }
    }

    /// What HEAD says of a version.
    ///
    /// # Errors
    /// The rejects of a version that is not there, is a delete marker, or needs a key that was not given.
    pub async fn head(&self, place: &Place, id: &str) -> Result<HeadObjectOutput, Failure> {
        match self.ask(place, id, None, false).await {
            Ok(head) => Ok(head),
            Err(trouble) if trouble.status == Some(400) => match &self.options.customer_key {
                Some(_) => match self.ask(place, id, None, true).await {
                    Ok(head) => Ok(head),
                    Err(trouble) if matches!(trouble.status, Some(400 | 403)) => {
                        Err(self.explain(place, id).await?)
                    }
                    Err(trouble) => Err(refuse::trouble(trouble)),
                },
                None => Err(self.explain(place, id).await?),
            },
            Err(trouble) if trouble.status == Some(IS_DELETE_MARKER) => {
                Err(refuse::is_delete_marker(place, id))
            }
            Err(trouble) if trouble.status == Some(404) => Err(refuse::no_such_version(place, id)),
            Err(trouble) => Err(refuse::trouble(trouble)),
        }
    }

    /// What HEAD says of one part of a version.
    pub async fn head_part(
        &self,
        place: &Place,
        id: &str,
        part: i32,
        sse_c: bool,
    ) -> Result<HeadObjectOutput, Trouble> {
        self.ask(place, id, Some(part), sse_c).await
    }

    async fn ask(
        &self,
        place: &Place,
        id: &str,
        part: Option<i32>,
        sse_c: bool,
    ) -> Result<HeadObjectOutput, Trouble> {
        let mut head = self.client.head_object().bucket(&place.bucket).key(&place.key).version_id(id);
        head = match part {
            Some(part) => head.part_number(part),
            None => head.checksum_mode(ChecksumMode::Enabled),
        };
        if let Some(key) = self.options.customer_key.as_ref().filter(|_| sse_c) {
            head = head
                .sse_customer_algorithm(ALGORITHM)
                .sse_customer_key(&key.key)
                .sse_customer_key_md5(&key.md5);
        }
        head.send().await.map_err(|err| Trouble::new(&format!("HeadObject {place} version {id}"), &err))
    }

    /// A bare 400 has no words: either there is no such version id, or its content needs another key.
    async fn explain(&self, place: &Place, id: &str) -> Result<Failure, Failure> {
        let seen = self.list(place).await?;
        if !seen.entries.iter().any(|entry| entry.version_id == id) {
            return Ok(refuse::no_such_version(place, id));
        }
        let advice = match self.options.customer_key {
            Some(_) => "the SSE-C key that was given is not its key",
            None => "give --sse-c-key-file",
        };
        let message = format!("{place}: version {id} is encrypted with a customer's key: {advice}");
        Ok(Reject::new("sse-c-key", message).into())
    }
}
