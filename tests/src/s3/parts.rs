//! UploadPart, UploadPartCopy and ListParts.

use std::ops::Range;

use super::checksum::{self, Checksum};
use super::content::{Content, hex};
use super::copy::{LARGEST, Source, too_large};
use super::error::Error;
use super::multipart::{Part, Upload};
use super::reply::Reply;
use super::request::Request;
use super::service::Service;
use super::store::Store;
use super::xml::Xml;

/// The most parts of an object.
const MOST: u32 = 10_000;

/// UploadPart.
pub(super) fn upload(service: &Service, request: &Request) -> Result<Reply, Error> {
    let mut store = service.write();
    let content = Content::real(request.body.clone());
    if checksum::sent(&request.headers).is_some() {
        Checksum::accept(&request.headers, &content)?;
    }
    let part = add(service, &mut store, request, content)?;
    let reply = Reply::ok().header("etag", part.quoted_etag());
    Ok(match &part.checksum {
        Some(checksum) if !service.options.no_checksums => {
            reply.header(checksum::header(checksum.algorithm), &checksum.value)
        }
        _ => reply,
    })
}

/// UploadPartCopy: a range of an existing version becomes a part.
pub(super) fn upload_copy(service: &Service, request: &Request) -> Result<Reply, Error> {
    let mut store = service.write();
    let source = Source::find(service, &store, request)?;
    let size = source.version.content.len();
    let range = match request.headers.get("x-amz-copy-source-range") {
        Some(text) => exact_range(&text, size)?,
        None => 0..size,
    };
    if range.end - range.start > LARGEST {
        return Err(too_large());
    }
    let content = source.version.content.slice(range);
    let modified = service.show(service.now());
    let part = add(service, &mut store, request, content)?;
    let mut xml = Xml::document();
    xml.root("CopyPartResult").plain("LastModified", modified).text("ETag", &part.quoted_etag());
    if let Some(checksum) = part.checksum.as_ref().filter(|_| !service.options.no_checksums) {
        checksum.write(&mut xml);
    }
    xml.close("CopyPartResult");
    Ok(source.on(Reply::xml(xml)))
}

fn add<'a>(
    service: &Service,
    store: &'a mut Store,
    request: &Request,
    content: Content,
) -> Result<&'a Part, Error> {
    let number = request.query("partNumber").and_then(|text| text.parse::<u32>().ok());
    let number = number.filter(|number| (1..=MOST).contains(number)).ok_or_else(|| {
        Error::invalid_argument("Part number must be an integer between 1 and 10000, inclusive")
    })?;
    let upload = find(store, request)?;
    upload.object.sse.unlock(&request.headers)?;
    let algorithm = upload.algorithm.unwrap_or(checksum::DEFAULT);
    let part = Part {
        etag: hex(&content.md5()),
        checksum: Some(Checksum::of(algorithm, &content)),
        modified: service.now(),
        content,
    };
    Ok(upload.parts.entry(number).insert_entry(part).into_mut())
}

/// The range must be whole and inside the source, unlike that of a GET.
fn exact_range(text: &str, size: u64) -> Result<Range<u64>, Error> {
    let invalid =
        || Error::invalid_argument("The x-amz-copy-source-range value must be of the form bytes=first-last");
    let (first, last) =
        text.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(invalid)?;
    let first: u64 = first.parse().map_err(|_| invalid())?;
    let last: u64 = last.parse().map_err(|_| invalid())?;
    if first > last || last >= size {
        return Err(Error::invalid_argument(format!(
            "Range specified is not valid for source object of size: {size}"
        )));
    }
    Ok(first..last + 1)
}

/// ListParts.
pub(super) fn list(service: &Service, request: &Request) -> Result<Reply, Error> {
    let most = request.number("max-parts")?.unwrap_or(1000).min(1000);
    let after = request.number("part-number-marker")?.unwrap_or(0);
    let mut store = service.write();
    let upload = find(&mut store, request)?;
    let mut rest = upload.parts.iter().filter(|(number, _)| **number as usize > after).peekable();
    let (mut xml, mut parts, mut last) = (Xml::document(), Xml::fragment(), after);
    for (number, part) in rest.by_ref().take(most) {
        parts.open("Part").plain("PartNumber", number).plain("LastModified", service.show(part.modified));
        parts.text("ETag", &part.quoted_etag()).plain("Size", part.content.len());
        if let Some(checksum) = part.checksum.as_ref().filter(|_| !service.options.no_checksums) {
            checksum.write(&mut parts);
        }
        parts.close("Part");
        last = *number as usize;
    }
    xml.root("ListPartsResult").text("Bucket", &request.bucket).text("Key", &request.key);
    xml.text("UploadId", request.query("uploadId").unwrap_or_default());
    xml.plain("PartNumberMarker", after).plain("NextPartNumberMarker", last).plain("MaxParts", most);
    xml.plain("IsTruncated", rest.peek().is_some()).append(&parts).close("ListPartsResult");
    Ok(Reply::xml(xml))
}

fn find<'a>(store: &'a mut Store, request: &Request) -> Result<&'a mut Upload, Error> {
    let id = request.query("uploadId").unwrap_or_default().to_owned();
    let uploads = &mut store.bucket_mut(&request.bucket)?.uploads;
    uploads.get_mut(&(request.key.clone(), id)).ok_or_else(Error::no_such_upload)
}
