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

/// A page without what its head says about its end.
struct Page {
    room: usize,
    /// The head and the entries.
    entries: Xml,
    markers: Xml,
    prefixes: Xml,
    /// What a full page ends with.
    last: Option<(String, String)>,
    truncated: bool,
    /// Times that were written and their texts, by their seconds: neighbours often share them.
    times: [(Timestamp, String); 16],
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
    // An entry takes about this many bytes; growing the buffer would copy a page several times.
    let mut xml = Xml::document_of(2000 + wish.max * 480);
    xml.root("ListVersionsResult");
    wish.head(&mut xml, request);
    xml.text("KeyMarker", &wish.show(key_marker)).text("VersionIdMarker", id_marker.unwrap_or_default());
    let head = xml.len();
    let page = Page::read(service, bucket, &wish, key_marker, id_marker, xml)?;
    let (mut next, mut truncated) = (Xml::fragment(), Xml::fragment());
    truncated.plain("IsTruncated", page.truncated);
    if let (true, Some((key, id))) = (page.truncated, &page.last) {
        next.text("NextKeyMarker", &wish.show(key));
        if !id.is_empty() {
            next.text("NextVersionIdMarker", id);
        }
    }
    let mut xml = page.entries;
    xml.append(&page.markers).append(&page.prefixes);
    // What stands before the entries is known only after them.
    xml.insert(head, &truncated);
    if service.options.late_markers {
        xml.append(&next);
    } else {
        xml.insert(head, &next);
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
        entries: Xml,
    ) -> Result<Self, Error> {
        let mut page = Self {
            room: wish.max,
            entries,
            markers: Xml::fragment(),
            prefixes: Xml::fragment(),
            last: None,
            truncated: false,
            times: std::array::from_fn(|_| (Timestamp::UNIX_EPOCH, service.show(Timestamp::UNIX_EPOCH))),
        };
        if wish.max == 0 {
            return Ok(page);
        }
        let inclusive = service.options.inclusive_markers;
        let from = match key_marker {
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
        let mut keys = bucket.keys_from(from.as_ref().map(String::as_str));
        while !page.truncated {
            let Some((key, stack)) = keys.next() else { break };
            if !key.starts_with(wish.prefix) {
                break;
            }
            match wish.group(&key) {
                Some(group) if stack.get(0).is_some() => {
                    page.group(wish, group);
                    keys = bucket.keys_from(beyond(group).as_ref().map(String::as_str));
                }
                _ => page.stack(service, wish, &key, &stack, 0),
            }
        }
        Ok(page)
    }

    fn group(&mut self, wish: &Wish<'_>, group: &str) {
        if self.take() {
            self.prefixes.open("CommonPrefixes").text("Prefix", &wish.show(group)).close("CommonPrefixes");
            if self.room == 0 {
                self.last = Some((group.to_owned(), String::new()));
            }
        }
    }

    fn stack(&mut self, service: &Service, wish: &Wish<'_>, key: &str, stack: &Stack<'_>, skip: usize) {
        let mut shown = Xml::fragment();
        shown.text("Key", &wish.show(key));
        for at in skip.. {
            let Some(version) = stack.get(at) else { break };
            if !self.take() {
                break;
            }
            let split = service.options.split_lists && version.marker;
            let out = if split { &mut self.markers } else { &mut self.entries };
            let time = &mut self.times[(version.modified.as_second() & 15) as usize];
            if time.0 != version.modified {
                *time = (version.modified, service.show(version.modified));
            }
            write(service, out, &shown, &version, at == 0, &time.1);
            if self.room == 0 {
                self.last = Some((key.to_owned(), version.id.clone()));
            }
        }
    }

    /// Takes one place on the page, or notes that there was more than it holds.
    fn take(&mut self) -> bool {
        self.truncated = self.room == 0;
        self.room = self.room.saturating_sub(1);
        !self.truncated
    }
}

// A page is a thousand of these, so what is the same in all of them is one text.
fn write(service: &Service, xml: &mut Xml, key: &Xml, version: &Version, latest: bool, modified: &str) {
    let name = if version.marker { "DeleteMarker" } else { "Version" };
    xml.open(name).append(key).text("VersionId", &version.id);
    xml.raw(if latest { "<IsLatest>true</IsLatest>" } else { "<IsLatest>false</IsLatest>" });
    xml.raw("<LastModified>").raw(modified).raw("</LastModified>");
    if !version.marker {
        xml.raw("<ETag>&quot;").raw(&version.etag).raw("&quot;</ETag>");
        if let Some(checksum) = version.checksum.as_ref().filter(|_| !service.options.no_checksums) {
            xml.plain("ChecksumAlgorithm", checksum.algorithm).plain("ChecksumType", checksum.kind());
        }
        xml.plain("Size", version.content.len()).text("StorageClass", &version.storage_class);
    }
    xml.raw("<Owner><ID>").raw(OWNER).raw("</ID><DisplayName>owner</DisplayName></Owner>").close(name);
}
