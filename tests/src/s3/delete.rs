//! DeleteObject and DeleteObjects.

use super::error::Error;
use super::reply::Reply;
use super::request::{Headers, Request};
use super::service::Service;
use super::store::{Bucket, Versioning};
use super::version::Version;
use super::xml::{Element, Xml};

/// The most keys in one DeleteObjects.
const MOST: usize = 1000;

/// What a deletion did.
struct Deleted {
    /// The marker that was added, or the version or marker that was named.
    id: Option<String>,
    /// Whether that is a delete marker.
    marker: bool,
}

/// DeleteObject: without a version id it adds a delete marker, with one it removes exactly that version or
/// marker.
pub(super) fn one(service: &Service, request: &Request) -> Result<Reply, Error> {
    let id = request.version_id()?;
    let mut store = service.write();
    let bucket = store.bucket_mut(&request.bucket)?;
    match id {
        None => service.guard(bucket, &request.key, &request.headers)?,
        Some(_) if request.headers.get("if-match").is_some() => return Err(Error::not_implemented()),
        Some(_) => {}
    }
    let done = delete(service, bucket, &request.key, id)?;
    let marker = done.marker.then_some("true");
    Ok(Reply::ok().status(204).maybe("x-amz-version-id", done.id).maybe("x-amz-delete-marker", marker))
}

fn delete(service: &Service, bucket: &mut Bucket, key: &str, id: Option<&str>) -> Result<Deleted, Error> {
    let now = service.now();
    if let Some(id) = id {
        if bucket.object(key, Some(id)).is_ok_and(|version| version.locked(now)) {
            return Err(Error::access_denied());
        }
        let removed = bucket.remove(key, id);
        return Ok(Deleted {
            id: Some(id.to_owned()),
            marker: removed.is_some_and(|version| version.marker),
        });
    }
    if bucket.versioning == Versioning::Unversioned {
        bucket.remove(key, "null");
        return Ok(Deleted { id: None, marker: false });
    }
    let added = bucket.add(key, Version::marker(now), None);
    Ok(Deleted { id: Some(added.id.clone()), marker: true })
}

/// DeleteObjects: up to 1,000 keys, each with its own result inside a 200.
pub(super) fn many(service: &Service, request: &Request) -> Result<Reply, Error> {
    if !has_digest(&request.headers) {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(Error::invalid_request(message));
    }
    let document = Element::parse(&request.body)?;
    let quiet = document.get("Quiet") == Some("true");
    let count = document.children("Object").count();
    if count == 0 || count > MOST {
        return Err(Error::malformed_xml());
    }
    let mut store = service.write();
    let bucket = store.bucket_mut(&request.bucket)?;
    let mut xml = Xml::document();
    xml.root("DeleteResult");
    for object in document.children("Object") {
        let key = object.get("Key").ok_or_else(Error::malformed_xml)?;
        let id = object.get("VersionId").filter(|id| !id.is_empty());
        match delete(service, bucket, key, id) {
            Ok(_) if quiet => {}
            Ok(done) => write(&mut xml, key, id, &done),
            Err(_) => {
                xml.open("Error").text("Key", key).text("VersionId", id.unwrap_or_default());
                xml.text("Code", "AccessDenied").text("Message", "Access Denied").close("Error");
            }
        }
    }
    xml.close("DeleteResult");
    Ok(Reply::xml(xml))
}

fn write(xml: &mut Xml, key: &str, id: Option<&str>, done: &Deleted) {
    xml.open("Deleted").text("Key", key);
    if let Some(id) = id {
        xml.text("VersionId", id);
    }
    if let (true, Some(marker)) = (done.marker, &done.id) {
        xml.plain("DeleteMarker", true).text("DeleteMarkerVersionId", marker);
    }
    xml.close("Deleted");
}

fn has_digest(headers: &Headers) -> bool {
    headers.get("content-md5").is_some()
        || headers.iter().any(|(name, _)| name.starts_with("x-amz-checksum-"))
}
