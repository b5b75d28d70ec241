//! Versions that a test puts into the server without a request.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use jiff::Timestamp;

use super::content::Content;
use super::error::Error;
use super::object;
use super::request::Headers;
use super::service::Service;
use super::store::Bucket;
use super::version::{Restore, Version};

/// A version or delete marker to be put on top of its key, whatever time it is given.
///
/// ```
/// use testkit::s3::Put;
///
/// let archived = Put::bytes("body").at("2026-11-20T10:00:00Z").storage_class("GLACIER");
/// let described = Put::bytes("body").header("content-type", "image/png").header("x-amz-meta-a", "1");
/// let large = Put::synthetic(6 << 30).parts(&[3 << 30, 3 << 30]);
/// let same_second = Put::marker().at("2026-11-20T10:00:00Z");
/// ```
#[derive(Clone, Debug)]
pub struct Put {
    content: What,
    at: Option<Timestamp>,
    id: Option<String>,
    etag: Option<String>,
    parts: Vec<u64>,
    headers: HeaderMap,
    archive: Option<String>,
}

#[derive(Clone, Debug)]
enum What {
    Bytes(Bytes),
    Synthetic(u64),
    Marker,
}

impl Put {
    fn new(content: What) -> Self {
        Self {
            content,
            at: None,
            id: None,
            etag: None,
            parts: Vec::new(),
            headers: HeaderMap::new(),
            archive: None,
        }
    }

    /// A version with these bytes.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(What::Bytes(bytes.into()))
    }

    /// A version of this size in bytes whose content is not stored. No two of them are equal.
    pub fn synthetic(size: u64) -> Self {
        Self::new(What::Synthetic(size))
    }

    /// A delete marker.
    pub fn marker() -> Self {
        Self::new(What::Marker)
    }

    /// Its LastModified, as RFC 3339; otherwise that of the server's clock. The place among the versions of
    /// the key does not depend on it.
    ///
    /// # Panics
    /// If the text is no RFC 3339 time.
    pub fn at(mut self, time: &str) -> Self {
        self.at = Some(time.parse().expect("an RFC 3339 time"));
        self
    }

    /// Its version id, such as `null` for an object from before versioning.
    pub fn version_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// Its ETag, without quotes.
    pub fn etag(mut self, etag: &str) -> Self {
        self.etag = Some(etag.to_owned());
        self
    }

    /// The sizes of the parts that it was uploaded in, in bytes; the ETag then ends in their number.
    pub fn parts(mut self, sizes: &[u64]) -> Self {
        self.parts = sizes.to_vec();
        self
    }

    /// Its storage class.
    pub fn storage_class(self, class: &str) -> Self {
        self.header("x-amz-storage-class", class)
    }

    /// Makes it an INTELLIGENT_TIERING object in `ARCHIVE_ACCESS` or `DEEP_ARCHIVE_ACCESS`, which no list
    /// shows.
    pub fn archived(mut self, tier: &str) -> Self {
        self.archive = Some(tier.to_owned());
        self.storage_class("INTELLIGENT_TIERING")
    }

    /// A header as PutObject takes it: `content-type`, `x-amz-meta-*`, `x-amz-tagging`, `x-amz-acl`,
    /// `x-amz-server-side-encryption*`, `x-amz-object-lock-*`, `x-amz-website-redirect-location`,
    /// `x-amz-checksum-algorithm`.
    ///
    /// # Panics
    /// If name or value are not allowed in HTTP.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("a header name");
        self.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        self
    }

    /// Puts it on top of the key and returns its version id.
    pub(super) fn apply(self, service: &Service, bucket: &mut Bucket, key: &str) -> Result<String, Error> {
        let content = match self.content {
            What::Bytes(bytes) => Content::real(bytes),
            What::Synthetic(size) => Content::made(bucket.new_identity(), size),
            What::Marker => {
                let marker = Version::marker(self.at.unwrap_or_else(|| service.now()));
                return Ok(bucket.add(key, marker, self.id.as_deref()).id.clone());
            }
        };
        let mut version = object::build(service, bucket, &Headers(self.headers), content)?;
        if !self.parts.is_empty() {
            version.etag = format!("{}-{}", version.etag, self.parts.len());
            version.parts = self.parts;
        }
        version.etag = self.etag.unwrap_or(version.etag);
        version.modified = self.at.unwrap_or(version.modified);
        version.archive = self.archive;
        version.restore = Restore::No;
        Ok(bucket.add(key, version, self.id.as_deref()).id.clone())
    }
}
