//! How a key and a version are now.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::ChecksumMode;
use common::aws::Trouble;
use common::reject::{Failure, Reject};
use common::s3::{Entry, entries_of_key};

use crate::customer_key::ALGORITHM;
use crate::input::Place;
use crate::refuse;
use crate::restore::Restorer;

/// The answer for a delete marker that is named by its version id (S3 API reference, HeadObject).
const IS_DELETE_MARKER: u16 = 405;

/// A key's entries, newest first; where HEAD was enough, the latest alone.
#[derive(Debug, Default)]
pub struct Seen {
    pub entries: Vec<Entry>,
    /// What HEAD said of the latest, if it was asked and is no delete marker.
    pub head: Option<HeadObjectOutput>,
}

impl Seen {
    /// The latest.
    pub fn latest(&self) -> Option<&Entry> {
        self.entries.first()
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
        Ok(Seen { entries: entries.map_err(refuse::trouble)?, head: None })
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
                Ok(Seen { entries: vec![entry], head: Some(head) })
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
                        Ok(Seen { entries: vec![entry], head: None })
                    }
                    // Not every store names the delete marker, and SSE-C is told by no HEAD without its key.
                    (Some(400 | 404), ..) => self.list(place).await,
                    _ => Err(refuse::trouble(trouble)),
                }
            }
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
