//! ListObjectsV2.

use std::ops::Bound;

use super::error::Error;
use super::list::{Wish, beyond};
use super::reply::Reply;
use super::request::Request;
use super::service::{OWNER, Service};
use super::version::Version;
use super::xml::Xml;

/// ListObjectsV2; the continuation token is the last key or common prefix, in the clear.
pub(super) fn v2(service: &Service, request: &Request) -> Result<Reply, Error> {
    let wish = Wish::new(service, request)?;
    let token = request.query("continuation-token");
    let start = token.or(request.query("start-after")).unwrap_or_default();
    let store = service.read();
    let bucket = store.bucket(&request.bucket)?;
    let from = match start {
        "" => Bound::Included(wish.prefix.to_owned()),
        marker => wish.after(marker),
    };
    let (mut objects, mut prefixes) = (Xml::fragment(), Xml::fragment());
    let (mut count, mut last, mut truncated) = (0, String::new(), false);
    let mut keys = bucket.keys_from(from.as_ref().map(String::as_str));
    while let Some((key, stack)) = keys.next() {
        if !key.starts_with(wish.prefix) {
            break;
        }
        let Some(version) = stack.get(0).filter(|latest| !latest.marker) else { continue };
        if count == wish.max {
            truncated = wish.max > 0;
            break;
        }
        count += 1;
        if let Some(group) = wish.group(&key) {
            prefixes.open("CommonPrefixes").text("Prefix", &wish.show(group)).close("CommonPrefixes");
            last = group.to_owned();
            keys = bucket.keys_from(beyond(group).as_ref().map(String::as_str));
        } else {
            write(service, &mut objects, &wish.show(&key), &version, request);
            last = key.into_owned();
        }
    }
    let mut xml = Xml::document();
    xml.root("ListBucketResult");
    wish.head(&mut xml, request);
    xml.plain("KeyCount", count).plain("IsTruncated", truncated);
    if let Some(token) = token {
        xml.text("ContinuationToken", token);
    }
    if truncated {
        xml.text("NextContinuationToken", &last);
    }
    xml.append(&objects).append(&prefixes).close("ListBucketResult");
    Ok(Reply::xml(xml))
}

fn write(service: &Service, xml: &mut Xml, key: &str, version: &Version, request: &Request) {
    xml.open("Contents").text("Key", key).plain("LastModified", service.show(version.modified));
    xml.text("ETag", &version.quoted_etag()).plain("Size", version.content.len());
    xml.text("StorageClass", &version.storage_class);
    if request.query("fetch-owner") == Some("true") {
        xml.open("Owner").plain("ID", OWNER).close("Owner");
    }
    xml.close("Contents");
}
