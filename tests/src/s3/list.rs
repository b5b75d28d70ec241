//! ListObjectVersions.

use std::borrow::Cow;
use std::ops::Bound;

use jiff::Timestamp;

use super::error::Error;
use super::reply::Reply;
use super::request::Request;
use super::service::{OWNER, Service};
use super::store::{Bucket, Stack};
use super::version::Version;
use super::xml::{Xml, url_encode};

/// What a list is asked for; ListObjectsV2 shares it.
pub(super) struct Wish<'a> {
    pub(super) prefix: &'a str,
    delimiter: &'a str,
    pub(super) max: usize,
    encode: bool,
}

/// The part of a page that comes after its head.
struct Page {
    room: usize,
    entries: Xml,
    markers: Xml,
    prefixes: Xml,
    last: Option<(String, String)>,
    truncated: bool,
    /// The last time that was written and its text: neighbours often share a second.
    time: (Timestamp, String),
}

impl<'a> Wish<'a> {
    pub(super) fn new(service: &Service, request: &'a Request) -> Result<Self, Error> {
        let encode = match request.query("encoding-type") {
            None => false,
            Some("url") => !service.options.no_encoding_type,
            Some(_) => return Err(Error::invalid_argument("Invalid Encoding Method specified in Request")),
        };
        Ok(Self {
            prefix: request.query("prefix").unwrap_or_default(),
            delimiter: request.query("delimiter").unwrap_or_default(),
            max: request.number("max-keys")?.unwrap_or(1000).min(service.options.max_page),
            encode,
        })
    }

    /// A key in the form the client asked for.
    pub(super) fn show<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.encode { Cow::Owned(url_encode(text)) } else { Cow::Borrowed(text) }
    }

    /// The common prefix that a key is rolled up into.
    pub(super) fn group<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(self.prefix).filter(|_| !self.delimiter.is_empty())?;
        let at = rest.find(self.delimiter)?;
        Some(&key[..self.prefix.len() + at + self.delimiter.len()])
    }

    /// Where the list goes on after a key or a common prefix that an earlier page ended with.
    pub(super) fn after(&self, marker: &str) -> Bound<String> {
        let rolled_up = self.group(marker) == Some(marker);
        let from = if rolled_up { beyond(marker) } else { Bound::Excluded(marker.to_owned()) };
        match from {
            Bound::Excluded(key) if key.as_str() < self.prefix => Bound::Included(self.prefix.to_owned()),
            other => other,
        }
    }

    pub(super) fn head(&self, xml: &mut Xml, request: &Request) {
        xml.text("Name", &request.bucket).text("Prefix", &self.show(self.prefix));
        xml.plain("MaxKeys", self.max);
        if !self.delimiter.is_empty() {
            xml.text("Delimiter", &self.show(self.delimiter));
        }
        if self.encode {
            xml.plain("EncodingType", "url");
        }
    }
}

/// The bound behind every key that starts with `prefix`. In UTF-8, binary order is the order of code points.
pub(super) fn beyond(prefix: &str) -> Bound<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if last < char::MAX {
            let next = if last == '\u{d7ff}' {
                '\u{e000}'
            } else {
                char::from_u32(u32::from(last) + 1).unwrap_or(last)
            };
            text.push(next);
            return Bound::Included(text);
        }
    }
    Bound::Excluded(char::MAX.to_string().repeat(1024))
}

/// ListObjectVersions: versions and delete markers in one order, keys by their bytes, newest first within a
/// key.
pub(super) fn versions(service: &Service, request: &Request) -> Result<Reply, Error> {
    let wish = Wish::new(service, request)?;
    let key_marker = request.query("key-marker").unwrap_or_default();
    let id_marker = match request.query("version-id-marker") {
        Some("") => return Err(Error::invalid_argument("A version-id marker cannot be empty.")),
        Some(_) if key_marker.is_empty() => {
            return Err(Error::invalid_argument(
                "A version-id marker cannot be specified without a key marker.",
            ));
        }
        marker => marker,
    };
    let store = service.read();
    let bucket = store.bucket(&request.bucket)?;
    let page = Page::read(service, bucket, &wish, key_marker, id_marker)?;
    let mut next = Xml::fragment();
    if let (true, Some((key, id))) = (page.truncated, &page.last) {
        next.text("NextKeyMarker", &wish.show(key));
        if !id.is_empty() {
            next.text("NextVersionIdMarker", id);
        }
    }
    let mut xml = Xml::document();
    xml.root("ListVersionsResult");
    wish.head(&mut xml, request);
    xml.text("KeyMarker", &wish.show(key_marker)).text("VersionIdMarker", id_marker.unwrap_or_default());
    if !service.options.late_markers {
        xml.append(&next);
    }
    xml.plain("IsTruncated", page.truncated);
    xml.append(&page.entries).append(&page.markers).append(&page.prefixes);
    if service.options.late_markers {
        xml.append(&next);
    }
    xml.close("ListVersionsResult");
    Ok(Reply::xml(xml))
}

impl Page {
    fn read(
        service: &Service,
        bucket: &Bucket,
        wish: &Wish<'_>,
        key_marker: &str,
        id_marker: Option<&str>,
    ) -> Result<Self, Error> {
        let mut page = Self {
            room: wish.max,
            // An entry takes about this many bytes; growing the buffer would copy a page several times.
            entries: Xml::with_capacity(wish.max * 420),
            markers: Xml::fragment(),
            prefixes: Xml::fragment(),
            last: None,
            truncated: false,
            time: (Timestamp::UNIX_EPOCH, service.show(Timestamp::UNIX_EPOCH)),
        };
        if wish.max == 0 {
            return Ok(page);
        }
        let inclusive = service.options.inclusive_markers;
        let mut from = match key_marker {
            "" => Bound::Included(wish.prefix.to_owned()),
            marker if inclusive && id_marker.is_none() => Bound::Included(marker.max(wish.prefix).to_owned()),
            marker => wish.after(marker),
        };
        if let Some(id) = id_marker {
            let skip = match bucket.stack(key_marker).position(id) {
                Some(at) if inclusive => at,
                _ => bucket.after_marker(key_marker, id)?,
            };
            if key_marker.starts_with(wish.prefix) && wish.group(key_marker).is_none() {
                page.stack(service, wish, key_marker, &bucket.stack(key_marker), skip);
            }
        }
        while !page.truncated {
            let Some((key, stack)) = bucket.next_key(from.as_ref().map(String::as_str)) else { break };
            if !key.starts_with(wish.prefix) {
                break;
            }
            from = match wish.group(&key) {
                Some(group) if stack.get(0).is_some() => {
                    page.group(wish, group);
                    beyond(group)
                }
                _ => {
                    page.stack(service, wish, &key, &stack, 0);
                    Bound::Excluded(key.into_owned())
                }
            };
        }
        Ok(page)
    }

    fn group(&mut self, wish: &Wish<'_>, group: &str) {
        if self.take() {
            self.prefixes.open("CommonPrefixes").text("Prefix", &wish.show(group)).close("CommonPrefixes");
            self.last = Some((group.to_owned(), String::new()));
        }
    }

    fn stack(&mut self, service: &Service, wish: &Wish<'_>, key: &str, stack: &Stack<'_>, skip: usize) {
        let shown = wish.show(key);
        let mut last = None;
        for at in skip.. {
            let Some(version) = stack.get(at) else { break };
            if !self.take() {
                break;
            }
            let split = service.options.split_lists && version.marker;
            let out = if split { &mut self.markers } else { &mut self.entries };
            if self.time.0 != version.modified {
                self.time = (version.modified, service.show(version.modified));
            }
            write(service, out, &shown, &version, at == 0, &self.time.1);
            last = Some(version);
        }
        if let Some(version) = last {
            self.last = Some((key.to_owned(), version.id.clone()));
        }
    }

    /// Takes one place on the page, or notes that there was more than it holds.
    fn take(&mut self) -> bool {
        self.truncated = self.room == 0;
        self.room = self.room.saturating_sub(1);
        !self.truncated
    }
}

fn write(service: &Service, xml: &mut Xml, key: &str, version: &Version, latest: bool, modified: &str) {
    let name = if version.marker { "DeleteMarker" } else { "Version" };
    xml.open(name).text("Key", key).text("VersionId", &version.id).plain("IsLatest", latest);
    xml.open("LastModified").raw(modified).close("LastModified");
    if !version.marker {
        xml.open("ETag").raw("&quot;").raw(&version.etag).raw("&quot;").close("ETag");
        if let Some(checksum) = version.checksum.as_ref().filter(|_| !service.options.no_checksums) {
            xml.plain("ChecksumAlgorithm", checksum.algorithm).plain("ChecksumType", checksum.kind());
        }
        xml.plain("Size", version.content.len()).text("StorageClass", &version.storage_class);
    }
    xml.open("Owner").text("ID", OWNER).text("DisplayName", "owner").close("Owner").close(name);
}
