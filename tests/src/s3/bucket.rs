//! Operations on buckets.

use super::encryption::Sse;
use super::error::Error;
use super::reply::Reply;
use super::request::Request;
use super::service::{OWNER, Service};
use super::store::{Bucket, Versioning};
use super::xml::{Element, Xml};

/// ListBuckets.
pub(super) fn list(service: &Service, _: &Request) -> Result<Reply, Error> {
    let store = service.read();
    let mut xml = Xml::document();
    xml.root("ListAllMyBucketsResult").open("Owner").text("ID", OWNER).close("Owner").open("Buckets");
    for name in store.buckets.keys() {
        xml.open("Bucket")
            .text("Name", name)
            .plain("CreationDate", "2026-01-01T00:00:00.000Z")
            .close("Bucket");
    }
    xml.close("Buckets").close("ListAllMyBucketsResult");
    Ok(Reply::xml(xml))
}

/// CreateBucket.
pub(super) fn create(service: &Service, request: &Request) -> Result<Reply, Error> {
    let mut store = service.write();
    if store.buckets.contains_key(&request.bucket) {
        let message = "Your previous request to create the named bucket succeeded and you already own it.";
        return Err(Error::new(409, "BucketAlreadyOwnedByYou", message));
    }
    store.buckets.insert(request.bucket.clone(), Bucket::default());
    Ok(Reply::ok().header("location", format!("/{}", request.bucket)))
}

/// HeadBucket.
pub(super) fn head(service: &Service, request: &Request) -> Result<Reply, Error> {
    service.read().bucket(&request.bucket)?;
    Ok(Reply::ok().header("x-amz-bucket-region", "us-east-1"))
}

/// GetBucketLocation; us-east-1 is the empty location.
pub(super) fn location(service: &Service, request: &Request) -> Result<Reply, Error> {
    service.read().bucket(&request.bucket)?;
    let mut xml = Xml::document();
    xml.root("LocationConstraint").close("LocationConstraint");
    Ok(Reply::xml(xml))
}

/// GetBucketEncryption.
pub(super) fn get_encryption(service: &Service, request: &Request) -> Result<Reply, Error> {
    let store = service.read();
    let mut xml = Xml::document();
    xml.root("ServerSideEncryptionConfiguration").open("Rule").open("ApplyServerSideEncryptionByDefault");
    match &store.bucket(&request.bucket)?.default_sse {
        Sse::Kms { key_id, .. } => {
            xml.plain("SSEAlgorithm", "aws:kms");
            if let Some(key_id) = key_id {
                xml.text("KMSMasterKeyID", key_id);
            }
        }
        Sse::S3 | Sse::Customer { .. } => {
            xml.plain("SSEAlgorithm", "AES256");
        }
    }
    xml.close("ApplyServerSideEncryptionByDefault").close("Rule").close("ServerSideEncryptionConfiguration");
    Ok(Reply::xml(xml))
}

/// GetBucketVersioning; a bucket that never had it has no Status.
pub(super) fn get_versioning(service: &Service, request: &Request) -> Result<Reply, Error> {
    let store = service.read();
    let mut xml = Xml::document();
    xml.root("VersioningConfiguration");
    match store.bucket(&request.bucket)?.versioning {
        Versioning::Unversioned => {}
        Versioning::Enabled => {
            xml.text("Status", "Enabled");
        }
        Versioning::Suspended => {
            xml.text("Status", "Suspended");
        }
    }
    xml.close("VersioningConfiguration");
    Ok(Reply::xml(xml))
}

/// PutBucketVersioning.
pub(super) fn put_versioning(service: &Service, request: &Request) -> Result<Reply, Error> {
    let versioning = match Element::parse(&request.body)?.get("Status") {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        _ => return Err(Error::malformed_xml()),
    };
    service.write().bucket_mut(&request.bucket)?.versioning = versioning;
    Ok(Reply::ok())
}
