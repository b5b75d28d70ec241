//! A request, taken apart.

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::chunked;
use super::error::Error;

/// A path-style request with its key, query and body decoded.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

/// Request headers; trailers of a chunked upload are among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers(pub(super) HeaderMap);

impl Request {
    pub(super) fn new(parts: Parts, body: Bytes) -> Result<Self, Error> {
        let mut request = Self::head(parts)?;
        request.body = chunked::decode(body, &mut request.headers)?;
        Ok(request)
    }

    /// A request of which only the head is known.
    pub(super) fn head(parts: Parts) -> Result<Self, Error> {
        let path = parts.uri.path().to_owned();
        let trimmed = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = trimmed.split_once('/').unwrap_or((trimmed, ""));
        Ok(Self {
            method: parts.method,
            bucket: decode(bucket)?,
            key: decode(key)?,
            query: query(parts.uri.query().unwrap_or_default())?,
            path,
            headers: Headers(parts.headers),
            body: Bytes::new(),
        })
    }

    /// The value of a query parameter; a bare name has an empty one.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The version that the request names.
    pub(super) fn version_id(&self) -> Result<Option<&str>, Error> {
        match self.query("versionId") {
            Some("") => Err(Error::invalid_argument("Version id cannot be the empty string")),
            id => Ok(id),
        }
    }

    /// A number from the query.
    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Error> {
        self.query(name)
            .map(|text| {
                text.parse().map_err(|_| Error::invalid_argument(format!("{name} must be a number from 0")))
            })
            .transpose()
    }

    /// The access key of a signed or presigned request.
    pub(super) fn access_key(&self) -> Option<String> {
        let header = self.headers.get("authorization").unwrap_or_default();
        let scope = match header.split_once("Credential=") {
            Some((_, scope)) => scope,
            None => self.query("X-Amz-Credential")?,
        };
        scope.split('/').next().map(str::to_owned)
    }
}

impl Headers {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    /// Whether the header is `true`, in any case of letters.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Every header as lower-case name and value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, String)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    }
}

/// Name and value of each parameter; `+` is a space, as in a form.
pub(super) fn query(text: &str) -> Result<Vec<(String, String)>, Error> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
        })
        .collect()
}

pub(super) fn decode(text: &str) -> Result<String, Error> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Error::new(400, "InvalidURI", "Couldn't parse the specified URI."))
}
