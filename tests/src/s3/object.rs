//! PutObject, GetObject and HeadObject.

use std::ops::Range;

use super::checksum::Checksum;
use super::content::Content;
use super::error::Error;
use super::reply::Reply;
use super::request::{Headers, Request};
use super::service::{Service, etag_matches};
use super::store::{Bucket, Versioning};
use super::version::Version;

/// PutObject.
pub(super) fn put(service: &Service, request: &Request) -> Result<Reply, Error> {
    let content = Content::real(request.body.clone());
    let mut store = service.write();
    let bucket = store.bucket_mut(&request.bucket)?;
    service.guard(bucket, &request.key, &request.headers)?;
    let version = build(service, bucket, &request.headers, content)?;
    let versioning = bucket.versioning;
    let added = bucket.add(&request.key, version, None);
    let reply = added.sse.on(Reply::ok().header("etag", added.quoted_etag()));
    Ok(service.checksum_on(added, written(reply, versioning, &added.id)))
}

/// A version as PutObject makes it from headers and content.
pub(super) fn build(
    service: &Service,
    bucket: &Bucket,
    headers: &Headers,
    content: Content,
) -> Result<Version, Error> {
    let checksum = Checksum::accept(headers, &content)?;
    let mut version = Version::new(content, service.now()).describe(headers, &bucket.default_sse)?;
    version.checksum = Some(checksum);
    version.seal();
    Ok(version)
}

/// Names the new version, which a bucket that never had versioning does not.
pub(super) fn written(reply: Reply, versioning: Versioning, id: &str) -> Reply {
    let shown = versioning != Versioning::Unversioned;
    reply.maybe("x-amz-version-id", shown.then_some(id))
}

/// HeadObject.
pub(super) fn head(service: &Service, request: &Request) -> Result<Reply, Error> {
    read(service, request, false)
}

/// GetObject.
pub(super) fn get(service: &Service, request: &Request) -> Result<Reply, Error> {
    read(service, request, true)
}

fn read(service: &Service, request: &Request, with_body: bool) -> Result<Reply, Error> {
    let store = service.read();
    let bucket = store.bucket(&request.bucket)?;
    let version = bucket.object(&request.key, request.version_id()?)?;
    version.sse.unlock(&request.headers)?;
    if let Some(class) = version.frozen(service.now()).filter(|_| with_body) {
        return Err(Error::archived(class));
    }
    if request.headers.get("if-match").is_some_and(|wanted| !etag_matches(&wanted, &version)) {
        return Err(Error::precondition_failed());
    }
    if request.headers.get("if-none-match").is_some_and(|known| etag_matches(&known, &version)) {
        return Ok(Reply::ok().status(304).header("etag", version.quoted_etag()));
    }
    let size = version.content.len();
    let part = request.number("partNumber")?.map(|number| part_range(&version, number)).transpose()?;
    let range = match part.clone() {
        Some(range) => Some(range),
        None => {
            request.headers.get("range").and_then(|text| byte_range(&text, size).transpose()).transpose()?
        }
    };
    let mut reply = version.on(Reply::ok());
    reply = written(reply, bucket.versioning, &version.id);
    if part.is_some() && !version.parts.is_empty() {
        reply = reply.header("x-amz-mp-parts-count", version.parts.len().to_string());
    }
    // The checksum of the whole would not fit the bytes of a range, nor an opaque one those of synthetic
    // content.
    let comparable = range.is_none() && (!with_body || version.content.is_real());
    if comparable && request.headers.get("x-amz-checksum-mode").as_deref() == Some("ENABLED") {
        reply = service.checksum_on(&version, reply);
    }
    let sent = range.clone().unwrap_or(0..size);
    if let Some(range) = &range {
        let text = format!("bytes {}-{}/{size}", range.start, range.end.saturating_sub(1));
        reply = reply.status(206).header("content-range", text);
    }
    reply = reply.header("content-length", (sent.end - sent.start).to_string());
    if !with_body {
        return Ok(reply);
    }
    let body = version.content.slice(sent).bytes();
    let body =
        body.ok_or_else(|| Error::new(501, "NotImplemented", "Synthetic content this large is never sent"))?;
    Ok(reply.body(body))
}

fn part_range(version: &Version, number: usize) -> Result<Range<u64>, Error> {
    if version.parts.is_empty() && number == 1 {
        return Ok(0..version.content.len());
    }
    let invalid = || Error::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
    let at = number.checked_sub(1).ok_or_else(invalid)?;
    let size = version.parts.get(at).ok_or_else(invalid)?;
    let start: u64 = version.parts[..at].iter().sum();
    Ok(start..start + size)
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n`. A header that is none of these is ignored, as RFC 9110 14.2 has it.
pub(super) fn byte_range(text: &str, size: u64) -> Result<Option<Range<u64>>, Error> {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(count)) if first.is_empty() && count > 0 => size.saturating_sub(count)..size,
        _ => return Ok(None),
    };
    if range.start < range.end {
        return Ok(Some(range));
    }
    Err(Error::new(416, "InvalidRange", "The requested range is not satisfiable")
        .with_header("content-range", format!("bytes */{size}")))
}
