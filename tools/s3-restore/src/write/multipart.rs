//! A copy in parts: of what is too large for CopyObject, or must keep the parts that it was uploaded in.

use aws_sdk_s3::types::{ChecksumType, CompletedMultipartUpload, CompletedPart};
use common::aws::Trouble;
use common::reject::Failure;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::task::JoinSet;

use crate::input::Place;
use crate::refuse;
use crate::restore::Restorer;
use crate::version::content::{Content, completed_part};
use crate::version::customer_key::ALGORITHM;
use crate::write::copy::{Copied, Wanted};
use crate::write::guard::Condition;

/// Parts of one object in flight.
const IN_FLIGHT: usize = 16;

/// How a copy in parts ended without one.
pub enum Unfinished {
    /// A request failed.
    Trouble(Trouble),
    /// The record is over.
    Failure(Failure),
}

impl From<Trouble> for Unfinished {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

/// An upload that was begun.
struct Upload<'a> {
    wanted: &'a Wanted<'a>,
    target: &'a Place,
    id: String,
}

/// Bytes of the source, or all of it.
struct Part {
    number: i32,
    range: Option<String>,
}

impl Restorer {
    /// Copies a version in parts of these sizes; `begun` gets the upload's id before anything is copied. Whatever fails, no
    /// upload is left behind.
    pub async fn copy_parts(
        &self,
        wanted: &Wanted<'_>,
        target: &Place,
        condition: &Condition,
        sizes: &[u64],
        begun: impl AsyncFnOnce(&str) -> Result<(), Failure>,
    ) -> Result<Copied, Unfinished> {
        let tagging = self.tags(wanted.place, wanted.version_id).await.map_err(Unfinished::Failure)?;
        let id = self.begin(wanted, target, &tagging.unwrap_or_default()).await?;
        let upload = Upload { wanted, target, id };
        let copied = async {
            begun(&upload.id).await.map_err(Unfinished::Failure)?;
            let parts = self.send_parts(&upload, sizes).await?;
            Ok(self.complete(&upload, condition, parts).await?)
        }
        .await;
        if copied.is_err() {
            self.abort(target, &upload.id).await;
        }
        copied
    }

    async fn begin(
        &self,
        wanted: &Wanted<'_>,
        target: &Place,
        tags: &[(String, String)],
    ) -> Result<String, Trouble> {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let pairs = tags.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value)));
        let mut create = self
            .client
            .create_multipart_upload()
            .bucket(&target.bucket)
            .key(&target.key)
            .set_tagging((!tags.is_empty()).then(|| pairs.collect::<Vec<_>>().join("&")));
        if let Some((algorithm, _)) = wanted.content.checksums.first() {
            let kind = if wanted.content.whole { ChecksumType::FullObject } else { ChecksumType::Composite };
            create = create.checksum_algorithm(algorithm.clone()).checksum_type(kind);
        }
        let mut create = wanted.headers.on_upload(create, self.options.customer_key.as_ref()).customize();
        if let Some(expires) = wanted.headers.expires(true) {
            create = create.mutate_request(move |request| {
                request.headers_mut().insert("expires", expires.clone());
            });
        }
        let what = format!("CreateMultipartUpload {target}");
        let created = create.send().await.map_err(|err| Trouble::new(&what, &err))?;
        created.upload_id.ok_or_else(|| Trouble {
            code: "NoUploadId".into(),
            message: format!("{what}: the answer names no upload"),
            status: None,
        })
    }

    async fn send_parts(&self, upload: &Upload<'_>, sizes: &[u64]) -> Result<Vec<CompletedPart>, Unfinished> {
        let mut waiting = ranges(sizes);
        let mut sent = JoinSet::new();
        let mut done = Vec::with_capacity(sizes.len());
        loop {
            while sent.len() < IN_FLIGHT
                && let Some(part) = waiting.next()
            {
                sent.spawn(self.part(upload, part));
            }
            let result = tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(Unfinished::Failure(refuse::interrupted(upload.target))),
                joined = sent.join_next() => match joined {
                    None => break,
                    Some(Ok(part)) => part.map_err(Unfinished::Trouble),
                    Some(Err(err)) => Err(Unfinished::Failure(anyhow::Error::from(err).into())),
                },
            };
            match result {
                Ok(part) => done.push(part),
                Err(unfinished) => {
                    // A part that lands after the abort would be kept, and paid for.
                    sent.shutdown().await;
                    return Err(unfinished);
                }
            }
        }
        done.sort_unstable_by_key(|part| part.part_number);
        Ok(done)
    }

    fn part(
        &self,
        upload: &Upload<'_>,
        part: Part,
    ) -> impl Future<Output = Result<CompletedPart, Trouble>> + use<> {
        let Upload { wanted, target, id } = upload;
        let what = format!("UploadPartCopy {target} part {}", part.number);
        let mut copy = self
            .client
            .upload_part_copy()
            .bucket(&target.bucket)
            .key(&target.key)
            .upload_id(id)
            .part_number(part.number)
            .copy_source(wanted.source())
            .set_copy_source_if_match(wanted.content.etag.clone())
            .set_copy_source_range(part.range);
        if let Some(key) = self.options.customer_key.as_ref().filter(|_| wanted.headers.need_customer_key()) {
            copy = copy
                .copy_source_sse_customer_algorithm(ALGORITHM)
                .copy_source_sse_customer_key(&key.key)
                .copy_source_sse_customer_key_md5(&key.md5)
                .sse_customer_algorithm(ALGORITHM)
                .sse_customer_key(&key.key)
                .sse_customer_key_md5(&key.md5);
        }
        let room = std::sync::Arc::clone(&self.parts_room);
        async move {
            // The semaphore is never closed.
            let _permit = room.acquire_owned().await;
            let copied = copy.send().await.map_err(|err| Trouble::new(&what, &err))?;
            let result = copied.copy_part_result.ok_or_else(|| Trouble {
                code: "NoPartResult".into(),
                message: format!("{what}: the answer names no ETag"),
                status: None,
            })?;
            Ok(completed_part(part.number, result))
        }
    }

    async fn complete(
        &self,
        upload: &Upload<'_>,
        condition: &Condition,
        parts: Vec<CompletedPart>,
    ) -> Result<Copied, Trouble> {
        let Upload { wanted, target, id } = upload;
        let mut complete = self
            .client
            .complete_multipart_upload()
            .bucket(&target.bucket)
            .key(&target.key)
            .upload_id(id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .set_if_match(condition.if_match())
            .set_if_none_match(condition.if_none_match());
        if !wanted.content.checksums.is_empty() {
            let kind = if wanted.content.whole { ChecksumType::FullObject } else { ChecksumType::Composite };
            complete = complete.checksum_type(kind);
        }
        if let Some(key) = self.options.customer_key.as_ref().filter(|_| wanted.headers.need_customer_key()) {
            complete = complete
                .sse_customer_algorithm(ALGORITHM)
                .sse_customer_key(&key.key)
                .sse_customer_key_md5(&key.md5);
        }
        let what = format!("CompleteMultipartUpload {target}");
        let output = complete.send().await.map_err(|err| Trouble::new(&what, &err))?;
        let version_id = output.version_id.clone().unwrap_or_else(|| "null".into());
        Ok(Copied { version_id, content: Content::completed(&output, wanted.content.digest) })
    }

    /// Ends an upload, so that nobody pays for its parts.
    pub async fn abort(&self, target: &Place, id: &str) {
        let abort =
            self.client.abort_multipart_upload().bucket(&target.bucket).key(&target.key).upload_id(id);
        if let Err(err) = abort.send().await {
            let trouble = Trouble::new(&format!("AbortMultipartUpload {target}"), &err);
            // An upload that was completed while the answer was lost is gone.
            if trouble.code != "NoSuchUpload" {
                tracing::warn!("upload {id} is left behind and costs money: {}", trouble.message);
            }
        }
    }
}

/// The parts of these sizes. A single one is all of the source, whose range S3 refuses where it is small.
fn ranges(sizes: &[u64]) -> impl Iterator<Item = Part> + Send {
    let single = sizes.len() == 1;
    let mut start = 0;
    (1..).zip(sizes).map(move |(number, size)| {
        let range = (!single).then(|| format!("bytes={start}-{}", start + size - 1));
        start += size;
        Part { number, range }
    })
}
