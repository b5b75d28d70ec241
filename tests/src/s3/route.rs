//! Which operation a request is.

use hyper::http::request::Parts;

use super::error::Error;
use super::reply::Reply;
use super::request::Request;
use super::service::Service;
use super::{
    acl, bucket, copy, delete, list, list_objects, multipart, object, parts, restore, tagging, uploads,
};

/// Carries out one operation.
pub(super) type Handler = fn(&Service, &Request) -> Result<Reply, Error>;

/// Sub-resources that are served, in the order in which they are looked for.
const SUBRESOURCES: [&str; 11] = [
    "versions",
    "encryption",
    "versioning",
    "uploads",
    "uploadId",
    "tagging",
    "acl",
    "delete",
    "restore",
    "location",
    "object-lock",
];

/// The name of the S3 operation that a request would be, or `Unknown`.
pub(crate) fn operation(parts: &Parts) -> &'static str {
    Request::head(parts.clone()).map_or("Unknown", |request| find(&request).0)
}

/// The API name and the handler.
pub(super) fn find(request: &Request) -> (&'static str, Handler) {
    let sub = SUBRESOURCES.iter().find(|name| request.query(name).is_some()).copied().unwrap_or_default();
    let place = match (request.bucket.is_empty(), request.key.is_empty()) {
        (true, _) => "service",
        (false, true) => "bucket",
        (false, false) => "object",
    };
    let copies = request.headers.get("x-amz-copy-source").is_some();
    match (request.method.as_str(), place, sub) {
        ("GET", "service", "") => ("ListBuckets", bucket::list),
        ("PUT", "bucket", "") => ("CreateBucket", bucket::create),
        ("HEAD", "bucket", "") => ("HeadBucket", bucket::head),
        ("GET", "bucket", "location") => ("GetBucketLocation", bucket::location),
        ("GET", "bucket", "encryption") => ("GetBucketEncryption", bucket::get_encryption),
        ("GET", "bucket", "versioning") => ("GetBucketVersioning", bucket::get_versioning),
        ("PUT", "bucket", "versioning") => ("PutBucketVersioning", bucket::put_versioning),
        ("GET", "bucket", "versions") => ("ListObjectVersions", list::versions),
        ("GET", "bucket", "uploads") => ("ListMultipartUploads", uploads::list),
        ("GET", "bucket", "") => ("ListObjectsV2", list_objects::v2),
        ("POST", "bucket", "delete") => ("DeleteObjects", delete::many),
        ("GET", "object", "") => ("GetObject", object::get),
        ("HEAD", "object", "") => ("HeadObject", object::head),
        ("PUT", "object", "") if copies => ("CopyObject", copy::copy),
        ("PUT", "object", "") => ("PutObject", object::put),
        ("DELETE", "object", "") => ("DeleteObject", delete::one),
        ("GET", "object", "tagging") => ("GetObjectTagging", tagging::get),
        ("PUT", "object", "tagging") => ("PutObjectTagging", tagging::put),
        ("GET", "object", "acl") => ("GetObjectAcl", acl::get),
        ("PUT", "object", "acl") => ("PutObjectAcl", acl::put),
        ("POST", "object", "restore") => ("RestoreObject", restore::request),
        ("POST", "object", "uploads") => ("CreateMultipartUpload", uploads::create),
        ("PUT", "object", "uploadId") if copies => ("UploadPartCopy", parts::upload_copy),
        ("PUT", "object", "uploadId") => ("UploadPart", parts::upload),
        ("GET", "object", "uploadId") => ("ListParts", parts::list),
        ("POST", "object", "uploadId") => ("CompleteMultipartUpload", multipart::complete),
        ("DELETE", "object", "uploadId") => ("AbortMultipartUpload", uploads::abort),
        _ => ("Unknown", unknown),
    }
}

fn unknown(_: &Service, _: &Request) -> Result<Reply, Error> {
    Err(Error::not_implemented())
}
