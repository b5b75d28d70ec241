//! The errors of S3 as values.

use hyper::StatusCode;

use super::reply::Reply;
use super::xml::Xml;

/// A refusal, with the code and the text that S3 gives for it.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    code: &'static str,
    message: String,
    headers: Vec<(&'static str, String)>,
}

impl Error {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).expect("a status of HTTP");
        Self { status, code, message: message.into(), headers: Vec::new() }
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequest", message)
    }

    pub(super) fn malformed_xml() -> Self {
        Self::new(400, "MalformedXML", "The XML you provided was not well-formed or did not validate")
    }

    pub(super) fn access_denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied")
    }

    pub(super) fn no_such_bucket() -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist")
    }

    pub(super) fn no_such_key() -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub(super) fn no_such_version() -> Self {
        Self::new(404, "NoSuchVersion", "The specified version does not exist.")
    }

    pub(super) fn no_such_upload() -> Self {
        Self::new(404, "NoSuchUpload", "The specified multipart upload does not exist.")
    }

    pub(super) fn precondition_failed() -> Self {
        Self::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    }

    pub(super) fn not_implemented() -> Self {
        Self::new(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        )
    }

    pub(super) fn archived(storage_class: &str) -> Self {
        let message = format!("The operation is not valid for the object's storage class ({storage_class})");
        Self::new(403, "InvalidObjectState", message)
    }

    /// The reply for a client; the answer to a HEAD has no body, so the code is lost there as it is on S3.
    pub(super) fn reply(self, resource: &str) -> Reply {
        let mut xml = Xml::document();
        xml.open("Error");
        xml.text("Code", self.code).text("Message", &self.message).text("Resource", resource);
        xml.text("RequestId", "TESTKIT").close("Error");
        let mut reply = Reply::xml(xml).status(self.status.as_u16());
        for (name, value) in self.headers {
            reply = reply.header(name, value);
        }
        reply
    }
}
