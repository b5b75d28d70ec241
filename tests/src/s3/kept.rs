//! What a server holds, for the assertions of a test.

use std::ops::Bound;

use bytes::Bytes;

use super::reply::Reply;
use super::store::Bucket;
use super::version::Version;

/// A version or delete marker that the server holds.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The key.
    pub key: String,
    /// The version id.
    pub version_id: String,
    /// Whether it is the latest of its key.
    pub latest: bool,
    /// Whether it is a delete marker.
    pub marker: bool,
    /// The ETag, without quotes; empty for a delete marker.
    pub etag: String,
    /// The size in bytes.
    pub size: u64,
    /// The content, unless it is synthetic and larger than 64 MiB.
    pub content: Option<Bytes>,
    /// The tags as name and value.
    pub tags: Vec<(String, String)>,
    /// The headers that HEAD would answer with; a storage class of STANDARD has none.
    pub headers: Vec<(String, String)>,
}

impl Kept {
    fn new(key: &str, version: &Version, latest: bool) -> Self {
        Self {
            key: key.to_owned(),
            version_id: version.id.clone(),
            latest,
            marker: version.marker,
            etag: version.etag.clone(),
            size: version.content.len(),
            content: version.content.bytes(),
            tags: version.tags.clone(),
            headers: version.on(Reply::ok()).into_headers(),
        }
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Everything in the bucket, in the order of ListObjectVersions.
pub(super) fn all(bucket: &Bucket) -> Vec<Kept> {
    let mut found = Vec::new();
    for (key, stack) in bucket.keys_from(Bound::Unbounded) {
        let versions = (0..).map_while(|at| Some((at, stack.get(at)?)));
        found.extend(versions.map(|(at, version)| Kept::new(&key, &version, at == 0)));
    }
    found
}
