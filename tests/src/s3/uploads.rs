//! CreateMultipartUpload, AbortMultipartUpload and ListMultipartUploads.

use std::collections::BTreeMap;

use super::checksum;
use super::content::Content;
use super::error::Error;
use super::multipart::Upload;
use super::reply::Reply;
use super::request::Request;
use super::service::{OWNER, Service};
use super::version::Version;
use super::xml::Xml;

/// CreateMultipartUpload. All that the object will have is said here: nothing comes from anywhere else later.
pub(super) fn create(service: &Service, request: &Request) -> Result<Reply, Error> {
    let algorithm = checksum::named(&request.headers)?;
    let composite = match (request.headers.get("x-amz-checksum-type").as_deref(), algorithm) {
        (Some("COMPOSITE"), Some("CRC64NVME")) | (Some("FULL_OBJECT"), Some("SHA1" | "SHA256")) => {
            return Err(Error::invalid_request(
                "The checksum type is not supported for this checksum algorithm.",
            ));
        }
        (Some("COMPOSITE"), _) => true,
        (Some("FULL_OBJECT"), _) | (None, None | Some("CRC64NVME")) => false,
        (None, Some(_)) => true,
        (Some(_), _) => {
            return Err(Error::invalid_request("Value for x-amz-checksum-type header is invalid."));
        }
    };
    let mut store = service.write();
    let bucket = store.bucket_mut(&request.bucket)?;
    // S3 dates a multipart object from the start of its upload (user guide, UsingMetadata).
    let object =
        Version::new(Content::default(), service.now()).describe(&request.headers, &bucket.default_sse)?;
    let upload = Upload { object, algorithm, composite, parts: BTreeMap::new() };
    let mut reply = upload.object.sse.on(Reply::ok());
    if let Some(algorithm) = algorithm.filter(|_| !service.options.no_checksums) {
        reply = reply.header("x-amz-checksum-algorithm", algorithm);
        reply = reply.header("x-amz-checksum-type", if composite { "COMPOSITE" } else { "FULL_OBJECT" });
    }
    let id = bucket.new_upload_id();
    bucket.uploads.insert((request.key.clone(), id.clone()), upload);
    let mut xml = Xml::document();
    xml.root("InitiateMultipartUploadResult").text("Bucket", &request.bucket).text("Key", &request.key);
    xml.text("UploadId", &id).close("InitiateMultipartUploadResult");
    Ok(reply.header("content-type", "application/xml").body(xml.into_bytes()))
}

/// AbortMultipartUpload.
pub(super) fn abort(service: &Service, request: &Request) -> Result<Reply, Error> {
    let id = request.query("uploadId").unwrap_or_default();
    let mut store = service.write();
    let uploads = &mut store.bucket_mut(&request.bucket)?.uploads;
    uploads.remove(&(request.key.clone(), id.to_owned())).ok_or_else(Error::no_such_upload)?;
    Ok(Reply::ok().status(204))
}

/// ListMultipartUploads of a prefix, all on one page.
pub(super) fn list(service: &Service, request: &Request) -> Result<Reply, Error> {
    let prefix = request.query("prefix").unwrap_or_default();
    let store = service.read();
    let bucket = store.bucket(&request.bucket)?;
    let mut xml = Xml::document();
    xml.root("ListMultipartUploadsResult").text("Bucket", &request.bucket).text("Prefix", prefix);
    xml.plain("MaxUploads", 1000).plain("IsTruncated", false);
    for ((key, id), upload) in bucket.uploads.iter().filter(|((key, _), _)| key.starts_with(prefix)) {
        xml.open("Upload").text("Key", key).text("UploadId", id);
        xml.open("Owner")
            .plain("ID", OWNER)
            .close("Owner")
            .text("StorageClass", &upload.object.storage_class);
        xml.plain("Initiated", service.show(upload.object.modified)).close("Upload");
    }
    xml.close("ListMultipartUploadsResult");
    Ok(Reply::xml(xml))
}
