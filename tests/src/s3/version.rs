//! One version of an object, or a delete marker, with all that S3 keeps about it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::acl;
use super::checksum::Checksum;
use super::content::{Content, hex, md5_hex};
use super::encryption::Sse;
use super::error::Error;
use super::reply::Reply;
use super::request::{Headers, query};

/// Headers that are part of the object and that CopyObject copies.
const SYSTEM: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];
const REDIRECT: &str = "x-amz-website-redirect-location";
const LOCK: [&str; 3] =
    ["x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold"];

/// A version or a delete marker.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: String,
    /// The place among the versions of the key: later ones are higher.
    pub(super) seq: u64,
    pub(super) modified: Timestamp,
    pub(super) marker: bool,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) content: Content,
    /// The sizes of the parts of a multipart object.
    pub(super) parts: Vec<u64>,
    pub(super) storage_class: Cow<'static, str>,
    /// System and user metadata by lower-case header name.
    pub(super) metadata: BTreeMap<String, String>,
    /// Object lock and website redirect, which a copy does not take over.
    pub(super) extras: BTreeMap<&'static str, String>,
    pub(super) tags: Vec<(String, String)>,
    /// The `Grant` elements, or nothing for private.
    pub(super) acl: Option<String>,
    pub(super) sse: Sse,
    pub(super) checksum: Option<Checksum>,
    /// The tier of an archived INTELLIGENT_TIERING object.
    pub(super) archive: Option<String>,
    pub(super) restore: Restore,
}

/// Whether an archived object has been asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Restore {
    #[default]
    No,
    Ongoing {
        days: i64,
    },
    Until(Timestamp),
}

impl Version {
    /// A version with nothing but its content; the store gives it its id and place.
    pub(super) fn new(content: Content, modified: Timestamp) -> Self {
        Self {
            id: String::new(),
            seq: 0,
            modified,
            marker: false,
            etag: String::new(),
            content,
            parts: Vec::new(),
            storage_class: Cow::Borrowed("STANDARD"),
            metadata: BTreeMap::new(),
            extras: BTreeMap::new(),
            tags: Vec::new(),
            acl: None,
            sse: Sse::default(),
            checksum: None,
            archive: None,
            restore: Restore::No,
        }
    }

    pub(super) fn marker(modified: Timestamp) -> Self {
        Self { marker: true, ..Self::new(Content::default(), modified) }
    }

    /// Takes what the headers of PutObject, CopyObject (with both directives REPLACE) and
    /// CreateMultipartUpload say.
    pub(super) fn describe(mut self, headers: &Headers, default_sse: &Sse) -> Result<Self, Error> {
        self.metadata = metadata(headers);
        self.tags = tags(headers)?;
        self.describe_uncopied(headers, default_sse)
    }

    /// The part of [`Version::describe`] that a copy never takes from its source.
    pub(super) fn describe_uncopied(mut self, headers: &Headers, default_sse: &Sse) -> Result<Self, Error> {
        self.storage_class = headers.get("x-amz-storage-class").map_or(Cow::Borrowed("STANDARD"), Cow::Owned);
        self.extras =
            LOCK.iter().chain([&REDIRECT]).filter_map(|name| Some((*name, headers.get(name)?))).collect();
        self.acl = acl::from_headers(headers)?;
        self.sse = Sse::from_headers(headers)?.unwrap_or_else(|| default_sse.clone());
        Ok(self)
    }

    /// Computes the ETag: the MD5 of the content where S3 does that, else something that only looks like one.
    pub(super) fn seal(&mut self) {
        let digest = hex(&self.content.md5());
        self.etag = if self.sse.etag_is_md5() {
            digest
        } else {
            md5_hex(format!("{digest} {:?}", self.sse).as_bytes())
        };
    }

    /// The storage class or tier that has to be thawed before the content can be read.
    pub(super) fn frozen(&self, now: Timestamp) -> Option<&str> {
        let thawed = matches!(self.restore, Restore::Until(until) if now < until);
        let archived = matches!(&*self.storage_class, "GLACIER" | "DEEP_ARCHIVE") || self.archive.is_some();
        (archived && !thawed).then_some(&*self.storage_class)
    }

    /// Whether object lock forbids to remove this version.
    pub(super) fn locked(&self, now: Timestamp) -> bool {
        let held = self.extras.get(LOCK[2]).is_some_and(|value| value == "ON");
        let until = self.extras.get(LOCK[1]).and_then(|text| text.parse::<Timestamp>().ok());
        held || until.is_some_and(|until| now < until)
    }

    pub(super) fn quoted_etag(&self) -> String {
        format!("\"{}\"", self.etag)
    }

    /// The headers of GET and HEAD that describe the object.
    pub(super) fn on(&self, mut reply: Reply) -> Reply {
        reply = reply
            .header("etag", self.quoted_etag())
            .header("last-modified", http_date(self.modified))
            .header("accept-ranges", "bytes");
        let metadata = self.metadata.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in metadata.chain(self.extras.iter().map(|(name, value)| (*name, value))) {
            reply = reply.header(name, value);
        }
        if self.storage_class != "STANDARD" {
            reply = reply.header("x-amz-storage-class", &*self.storage_class);
        }
        if !self.tags.is_empty() {
            reply = reply.header("x-amz-tagging-count", self.tags.len().to_string());
        }
        self.sse
            .on(reply)
            .maybe("x-amz-archive-status", self.archive.as_ref())
            .maybe("x-amz-restore", self.restore.header())
    }
}

impl Restore {
    fn header(&self) -> Option<String> {
        match self {
            Self::No => None,
            Self::Ongoing { .. } => Some("ongoing-request=\"true\"".to_owned()),
            Self::Until(time) => {
                Some(format!("ongoing-request=\"false\", expiry-date=\"{}\"", http_date(*time)))
            }
        }
    }
}

/// System and user metadata among the headers.
pub(super) fn metadata(headers: &Headers) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = headers
        .iter()
        .filter(|(name, _)| SYSTEM.contains(name) || name.starts_with("x-amz-meta-"))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    found.entry("content-type".to_owned()).or_insert_with(|| "binary/octet-stream".to_owned());
    // A transfer matter that SDKs put there; S3 stores what is left without it.
    if let Some(encoding) = found.remove("content-encoding") {
        let kept: Vec<&str> = encoding
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty() && *name != "aws-chunked")
            .collect();
        if !kept.is_empty() {
            found.insert("content-encoding".to_owned(), kept.join(","));
        }
    }
    found
}

/// The tags of the `x-amz-tagging` header.
pub(super) fn tags(headers: &Headers) -> Result<Vec<(String, String)>, Error> {
    headers.get("x-amz-tagging").map_or(Ok(Vec::new()), |text| query(&text))
}

fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
