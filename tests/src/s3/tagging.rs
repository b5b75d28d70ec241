//! GetObjectTagging and PutObjectTagging.

use super::error::Error;
use super::object::written;
use super::reply::Reply;
use super::request::Request;
use super::service::Service;
use super::xml::{Element, Xml};

/// GetObjectTagging.
pub(super) fn get(service: &Service, request: &Request) -> Result<Reply, Error> {
    let store = service.read();
    let bucket = store.bucket(&request.bucket)?;
    let version = bucket.object(&request.key, request.version_id()?)?;
    let mut xml = Xml::document();
    xml.root("Tagging").open("TagSet");
    for (key, value) in &version.tags {
        xml.open("Tag").text("Key", key).text("Value", value).close("Tag");
    }
    xml.close("TagSet").close("Tagging");
    Ok(written(Reply::xml(xml), bucket.versioning, &version.id))
}

/// PutObjectTagging; replaces all tags of the version.
pub(super) fn put(service: &Service, request: &Request) -> Result<Reply, Error> {
    let document = Element::parse(&request.body)?;
    let set = document.child("TagSet").ok_or_else(Error::malformed_xml)?;
    let tags =
        set.children("Tag").map(|tag| Some((tag.get("Key")?.to_owned(), tag.get("Value")?.to_owned())));
    let tags = tags.collect::<Option<Vec<_>>>().ok_or_else(Error::malformed_xml)?;
    let mut store = service.write();
    let bucket = store.bucket_mut(&request.bucket)?;
    let versioning = bucket.versioning;
    let version = bucket.object_mut(&request.key, request.version_id()?)?;
    version.tags = tags;
    Ok(written(Reply::ok(), versioning, &version.id))
}
