//! CopyObject of one version over the latest of a key.

use common::aws::Trouble;
use common::s3::copy_source;

use crate::input::Place;
use crate::restore::Restorer;
use crate::version::content::Content;
use crate::version::headers::Headers;
use crate::write::guard::Condition;

/// What CopyObject takes at most, in bytes (S3 API reference, CopyObject).
pub const LARGEST: u64 = 5 << 30;

/// A version that is to be copied.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub place: &'a Place,
    pub version_id: &'a str,
    pub content: Content,
    /// What the copy is to be given.
    pub headers: Headers,
    pub tag_count: Option<i32>,
}

impl Wanted<'_> {
    /// The `x-amz-copy-source` header.
    pub fn source(&self) -> String {
        copy_source(&self.place.bucket, &self.place.key, self.version_id)
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.content.size.unwrap_or_default()
    }
}

/// A copy that was made.
#[derive(Debug)]
pub struct Copied {
    pub version_id: String,
    pub content: Content,
}

impl Restorer {
    /// Copies a version of at most [`LARGEST`] bytes.
    pub async fn copy(
        &self,
        wanted: &Wanted<'_>,
        target: &Place,
        condition: &Condition,
    ) -> Result<Copied, Trouble> {
        let copy = self
            .client
            .copy_object()
            .bucket(&target.bucket)
            .key(&target.key)
            .copy_source(wanted.source())
            .set_copy_source_if_match(wanted.content.etag.clone())
            .set_if_match(condition.if_match())
            .set_if_none_match(condition.if_none_match());
        let copy = wanted.headers.on_copy(copy, self.options.customer_key.as_ref());
        let mut copy = copy.customize();
        if *condition == Condition::None {
            copy = copy.config_override(condition.tries());
        }
        if let Some(expires) = wanted.headers.expires(false) {
            copy = copy.mutate_request(move |request| {
                request.headers_mut().insert("expires", expires.clone());
            });
        }
        let output = copy.send().await.map_err(|err| Trouble::new(&format!("CopyObject {target}"), &err))?;
        let version_id = output.version_id.clone().unwrap_or_else(|| "null".into());
        Ok(Copied { version_id, content: Content::copied(&output) })
    }
}
