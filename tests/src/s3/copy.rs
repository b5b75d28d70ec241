//! CopyObject, and the source that it shares with UploadPartCopy.

use super::checksum::{self, Checksum};
use super::error::Error;
use super::object::written;
use super::reply::Reply;
use super::request::{Request, decode};
use super::service::{Service, etag_matches};
use super::store::Store;
use super::version::{self, Version};
use super::xml::Xml;

/// The largest object that one CopyObject takes, and the largest part: 5 GiB.
pub(super) const LARGEST: u64 = 5 << 30;

/// The object that a copy reads.
pub(super) struct Source {
    pub(super) version: Version,
    /// Whether the source is in a bucket that shows version ids.
    versioned: bool,
    /// Whether it is the very object that is written, named without a version id.
    itself: bool,
}

impl Source {
    /// Reads `x-amz-copy-source` and checks all that S3 checks about it.
    pub(super) fn find(service: &Service, store: &Store, request: &Request) -> Result<Self, Error> {
        let header = request.headers.get("x-amz-copy-source").unwrap_or_default();
        let (path, id) = match header.split_once("?versionId=") {
            Some((_, "")) => return Err(Error::invalid_argument("Version id cannot be the empty string")),
            Some((path, id)) => (path, Some(id)),
            None => (header.as_str(), None),
        };
        // S3 reads the header as a form: a plus that belongs to the key has to be sent as %2B.
        let path = decode(&path.replace('+', " "))?;
        let (name, key) = path.trim_start_matches('/').split_once('/').ok_or_else(|| {
            Error::invalid_argument(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            )
        })?;
        let bucket = store.bucket(name)?;
        let named_marker = id.and_then(|id| {
            let stack = bucket.stack(key);
            stack.get(stack.position(id)?)
        });
        if named_marker.is_some_and(|version| version.marker) {
            let message =
                "The source of a copy request may not specifically refer to a delete marker by version id.";
            return Err(Error::invalid_request(message));
        }
        let version = bucket.object(key, id)?.into_owned();
        version.sse.unlock_source(&request.headers)?;
        let wanted = request.headers.get("x-amz-copy-source-if-match");
        let unwanted = request.headers.get("x-amz-copy-source-if-none-match");
        if wanted.is_some_and(|wanted| !etag_matches(&wanted, &version))
            || unwanted.is_some_and(|unwanted| etag_matches(&unwanted, &version))
        {
            return Err(Error::precondition_failed());
        }
        if let Some(class) = version.frozen(service.now()) {
            return Err(Error::archived(class));
        }
        let versioned = bucket.versioning != super::store::Versioning::Unversioned;
        let itself = id.is_none() && name == request.bucket && key == request.key;
        Ok(Self { version, versioned, itself })
    }

    /// Names the version that was read.
    pub(super) fn on(&self, reply: Reply) -> Reply {
        reply.maybe("x-amz-copy-source-version-id", self.versioned.then_some(&self.version.id))
    }
}

/// CopyObject.
///
/// Metadata and tags come from the source unless their directive is REPLACE. Storage class, ACL, object lock,
/// website redirect and encryption never do (API reference, CopyObject).
pub(super) fn copy(service: &Service, request: &Request) -> Result<Reply, Error> {
    let mut store = service.write();
    let source = Source::find(service, &store, request)?;
    if source.version.content.len() > LARGEST {
        return Err(too_large());
    }
    let replace_metadata = directive(request, "x-amz-metadata-directive")?;
    let replace_tags = directive(request, "x-amz-tagging-directive")?;
    if source.itself && !replace_metadata && !changes(request) {
        return Err(Error::invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing \
             the object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let bucket = store.bucket_mut(&request.bucket)?;
    service.guard(bucket, &request.key, &request.headers)?;
    let mut copy = Version::new(source.version.content.clone(), service.now());
    copy = copy.describe_uncopied(&request.headers, &bucket.default_sse)?;
    copy.metadata =
        if replace_metadata { version::metadata(&request.headers) } else { source.version.metadata.clone() };
    copy.tags = if replace_tags { version::tags(&request.headers)? } else { source.version.tags.clone() };
    let inherited = source.version.checksum.as_ref().map_or(checksum::DEFAULT, |checksum| checksum.algorithm);
    let algorithm = checksum::named(&request.headers)?.unwrap_or(inherited);
    copy.checksum = Some(Checksum::of(algorithm, &copy.content));
    copy.seal();
    // A test may have chosen the ETag of its source: where S3 has the MD5 in both, they agree.
    if source.version.sse.etag_is_md5() && copy.sse.etag_is_md5() && !source.version.etag.contains('-') {
        copy.etag.clone_from(&source.version.etag);
    }
    let versioning = bucket.versioning;
    let added = bucket.add(&request.key, copy, None);
    let mut xml = Xml::document();
    xml.root("CopyObjectResult").plain("LastModified", service.show(added.modified));
    xml.text("ETag", &added.quoted_etag());
    if let Some(checksum) = added.checksum.as_ref().filter(|_| !service.options.no_checksums) {
        xml.plain("ChecksumType", checksum.kind());
        checksum.write(&mut xml);
    }
    xml.close("CopyObjectResult");
    Ok(source.on(added.sse.on(written(Reply::xml(xml), versioning, &added.id))))
}

pub(super) fn too_large() -> Error {
    Error::invalid_request(format!(
        "The specified copy source is larger than the maximum allowable size for a copy source: {LARGEST}"
    ))
}

/// Whether a directive is REPLACE.
fn directive(request: &Request, name: &str) -> Result<bool, Error> {
    match request.headers.get(name).as_deref() {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(_) => Err(Error::invalid_argument("Unknown directive.")),
    }
}

/// Whether a copy of an object onto itself would change anything.
fn changes(request: &Request) -> bool {
    let names = ["x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption"];
    names.iter().any(|name| request.headers.get(name).is_some())
        || request.headers.iter().any(|(name, _)| name.starts_with("x-amz-server-side-encryption-customer"))
}
