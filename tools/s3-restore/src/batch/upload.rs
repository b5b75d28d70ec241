//! A manifest's way to S3, without holding it in memory.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption};
use common::aws::Trouble;
use common::s3::S3Url;
use tokio_util::sync::CancellationToken;

/// Up to here a manifest is sent in one request, in bytes.
const WHOLE: u64 = 64 << 20;
/// The size of parts beyond that, if 10,000 of them are enough (S3 user guide, "Amazon S3 multipart upload limits").
const PART: u64 = 64 << 20;
const MOST_PARTS: u64 = 10_000;

/// Sends a manifest unless it is there already, and returns its ETag, which the job must name. Nothing when the run was
/// stopped meanwhile.
///
/// A job reads no manifest that is encrypted with a KMS key, so SSE-S3 is asked for whatever the bucket's default is
/// (S3 user guide, "Specifying a manifest").
///
/// # Errors
/// When it cannot be sent; no upload is left open.
pub async fn send(
    client: &Client,
    place: &S3Url,
    file: &Path,
    stop: &CancellationToken,
) -> Result<Option<String>> {
    let size = file.metadata().context("cannot read a temporary file")?.len();
    if let Some(etag) = find(client, place, size).await? {
        tracing::info!("{place} is there already");
        return Ok(Some(etag));
    }
    if stop.is_cancelled() {
        return Ok(None);
    }
    if size <= WHOLE {
        let put = client.put_object().bucket(&place.bucket).key(&place.prefix).content_type("text/csv");
        let put = put.server_side_encryption(ServerSideEncryption::Aes256);
        let sent = put.body(range(file, 0, size).await?).send().await;
        let answer = sent.map_err(|err| Trouble::new(&format!("PutObject {place}"), &err))?;
        return Ok(Some(named(answer.e_tag, place)?));
    }
    let create = client.create_multipart_upload().bucket(&place.bucket).key(&place.prefix);
    let create = create.content_type("text/csv").server_side_encryption(ServerSideEncryption::Aes256);
    let created =
        create.send().await.map_err(|err| Trouble::new(&format!("CreateMultipartUpload {place}"), &err))?;
    let id =
        created.upload_id.with_context(|| format!("CreateMultipartUpload {place}: no upload was named"))?;
    let sent = parts(client, place, file, size, &id, stop).await;
    if !matches!(sent, Ok(Some(_))) {
        let abort = client.abort_multipart_upload().bucket(&place.bucket).key(&place.prefix).upload_id(&id);
        if let Err(err) = abort.send().await {
            let trouble = Trouble::new(&format!("AbortMultipartUpload {place}"), &err);
            tracing::warn!("{}: the upload {id} is left behind", trouble.message);
        }
    }
    sent
}

async fn find(client: &Client, place: &S3Url, size: u64) -> Result<Option<String>> {
    match client.head_object().bucket(&place.bucket).key(&place.prefix).send().await {
        Ok(head) => {
            let same = head.content_length.and_then(|length| u64::try_from(length).ok()) == Some(size);
            Ok(head.e_tag.filter(|_| same).map(unquoted))
        }
        Err(err) => match Trouble::new(&format!("HeadObject {place}"), &err) {
            // Who may not list a bucket is answered with 403 where nothing is; who may not write fails next.
            Trouble { status: Some(403 | 404), .. } => Ok(None),
            trouble => Err(trouble.into()),
        },
    }
}

async fn parts(
    client: &Client,
    place: &S3Url,
    file: &Path,
    size: u64,
    id: &str,
    stop: &CancellationToken,
) -> Result<Option<String>> {
    let length = PART.max(size.div_ceil(MOST_PARTS));
    let mut done = Vec::new();
    for (number, start) in (1..).zip((0..size).step_by(usize::try_from(length)?)) {
        if stop.is_cancelled() {
            return Ok(None);
        }
        let body = range(file, start, length.min(size - start)).await?;
        let part = client.upload_part().bucket(&place.bucket).key(&place.prefix).upload_id(id);
        let sent = part.part_number(number).body(body).send().await;
        let answer = sent.map_err(|err| Trouble::new(&format!("UploadPart {number} of {place}"), &err))?;
        done.push(CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).build());
    }
    let all = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
    let complete = client.complete_multipart_upload().bucket(&place.bucket).key(&place.prefix);
    let sent = complete.upload_id(id).multipart_upload(all).send().await;
    let answer = sent.map_err(|err| Trouble::new(&format!("CompleteMultipartUpload {place}"), &err))?;
    Ok(Some(named(answer.e_tag, place)?))
}

/// Bytes of a file, read as they are sent.
async fn range(file: &Path, start: u64, length: u64) -> Result<ByteStream> {
    let from = ByteStream::read_from().path(file).offset(start).length(Length::Exact(length));
    from.build().await.context("cannot read a temporary file")
}

fn named(etag: Option<String>, place: &S3Url) -> Result<String> {
    etag.map(unquoted).ok_or_else(|| anyhow!("{place}: S3 told no ETag, which a job must name"))
}

fn unquoted(etag: String) -> String {
    etag.trim_matches('"').to_owned()
}
