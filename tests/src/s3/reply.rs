//! What a handler answers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Method, Response, StatusCode};

use super::xml::Xml;

/// Status, headers and body.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Reply {
    /// 200 without a body.
    pub(super) fn ok() -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Bytes::new() }
    }

    /// 200 with a document.
    pub(super) fn xml(xml: Xml) -> Self {
        Self { body: xml.into_bytes(), ..Self::ok() }.header("content-type", "application/xml")
    }

    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).expect("a status of HTTP");
        self
    }

    pub(super) fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds the header only where there is a value.
    pub(super) fn maybe(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.header(name, value),
            None => self,
        }
    }

    pub(super) fn body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }

    pub(super) fn into_headers(self) -> Vec<(String, String)> {
        self.headers
    }

    pub(super) fn code(&self) -> u16 {
        self.status.as_u16()
    }

    pub(super) fn into_http(self, method: &Method) -> Response<Full<Bytes>> {
        let mut response = Response::builder().status(self.status).header("x-amz-request-id", "TESTKIT");
        for (name, value) in &self.headers {
            // User metadata may hold bytes beyond ASCII, which only `from_bytes` takes.
            let value =
                HeaderValue::from_bytes(value.as_bytes()).expect("a header value that came in as one");
            response = response.header(name, value);
        }
        let body = if method == Method::HEAD { Bytes::new() } else { self.body };
        response.body(Full::new(body)).expect("a valid response")
    }
}
