//! Multipart uploads, and their completion into an object.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::checksum::{self, Checksum};
use super::content::{Content, md5_hex};
use super::error::Error;
use super::object::written;
use super::reply::Reply;
use super::request::{Headers, Request};
use super::service::Service;
use super::version::Version;
use super::xml::{Element, Xml};

/// Every part but the last has at least 5 MiB.
const SMALLEST: u64 = 5 << 20;

/// An upload that is neither completed nor aborted.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    /// The object to be, without its content.
    pub(super) object: Version,
    /// The checksum algorithm that the client chose.
    pub(super) algorithm: Option<&'static str>,
    pub(super) composite: bool,
    pub(super) parts: BTreeMap<u32, Part>,
}

/// One part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) content: Content,
    pub(super) etag: String,
    pub(super) checksum: Option<Checksum>,
    pub(super) modified: Timestamp,
}

impl Part {
    pub(super) fn quoted_etag(&self) -> String {
        format!("\"{}\"", self.etag)
    }
}

/// CompleteMultipartUpload. The upload stays open if this fails.
pub(super) fn complete(service: &Service, request: &Request) -> Result<Reply, Error> {
    let list = Element::parse(&request.body)?;
    let id = request.query("uploadId").unwrap_or_default();
    let place = (request.key.clone(), id.to_owned());
    let mut store = service.write();
    let bucket = store.bucket_mut(&request.bucket)?;
    let upload = bucket.uploads.get(&place).ok_or_else(Error::no_such_upload)?;
    let parts = chosen(upload, &list)?;
    let version = assemble(upload, &parts, &request.headers)?;
    service.guard(bucket, &request.key, &request.headers)?;
    bucket.uploads.remove(&place);
    let versioning = bucket.versioning;
    let added = bucket.add(&request.key, version, None);
    let mut xml = Xml::document();
    xml.root("CompleteMultipartUploadResult").text("Location", &request.path);
    xml.text("Bucket", &request.bucket).text("Key", &request.key).text("ETag", &added.quoted_etag());
    if let Some(checksum) = added.checksum.as_ref().filter(|_| !service.options.no_checksums) {
        checksum.write(&mut xml);
        xml.plain("ChecksumType", checksum.kind());
    }
    xml.close("CompleteMultipartUploadResult");
    Ok(added.sse.on(written(Reply::xml(xml), versioning, &added.id)))
}

/// The parts that the client lists, each one checked.
fn chosen<'a>(upload: &'a Upload, list: &Element) -> Result<Vec<&'a Part>, Error> {
    let invalid = || {
        Error::new(
            400,
            "InvalidPart",
            "One or more of the specified parts could not be found or did not match.",
        )
    };
    let mut last = 0;
    let mut parts = Vec::new();
    for entry in list.children("Part") {
        let number = entry.get("PartNumber").and_then(|text| text.parse::<u32>().ok());
        let number = number.ok_or_else(Error::malformed_xml)?;
        if number <= last {
            let message =
                "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Error::new(400, "InvalidPartOrder", message));
        }
        last = number;
        let part = upload.parts.get(&number).ok_or_else(invalid)?;
        let etag = entry.get("ETag").ok_or_else(Error::malformed_xml)?;
        if etag.trim_matches('"') != part.etag {
            return Err(invalid());
        }
        if let (Some(algorithm), Some(checksum)) = (upload.algorithm, &part.checksum) {
            match entry.get(&format!("Checksum{algorithm}")) {
                Some(sent) if sent != checksum.value => return Err(invalid()),
                None if upload.composite => {
                    return Err(Error::invalid_request(format!(
                        "The upload was created using a {algorithm} checksum. The complete request must \
                         include the checksum for each part. It was missing for part {number} in the request."
                    )));
                }
                _ => {}
            }
        }
        parts.push(part);
    }
    let whole = parts.split_last().ok_or_else(Error::malformed_xml)?.1;
    if whole.iter().any(|part| part.content.len() < SMALLEST) {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(Error::new(400, "EntityTooSmall", message));
    }
    Ok(parts)
}

fn assemble(upload: &Upload, parts: &[&Part], headers: &Headers) -> Result<Version, Error> {
    let mut version = upload.object.clone();
    let mut digests = Vec::new();
    for part in parts {
        version.content.append(&part.content);
        version.parts.push(part.content.len());
        digests.extend(part.content.md5());
    }
    version.etag = format!("{}-{}", md5_hex(&digests), parts.len());
    let algorithm = upload.algorithm.unwrap_or(checksum::DEFAULT);
    let checksum = if upload.composite {
        let parts: Vec<&Checksum> = parts.iter().filter_map(|part| part.checksum.as_ref()).collect();
        Checksum::composite(algorithm, &parts)
    } else {
        Checksum::of(algorithm, &version.content)
    };
    if checksum::sent(headers).is_some_and(|(sent, value)| sent == algorithm && value != checksum.value) {
        return Err(Error::new(
            400,
            "BadDigest",
            format!("The {algorithm} you specified did not match what we received."),
        ));
    }
    version.checksum = Some(checksum);
    Ok(version)
}
