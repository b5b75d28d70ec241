//! One page of ListObjectVersions, read from its XML in the order S3 wrote it.
//!
//! The SDK's own type splits versions from delete markers and so loses which is newer
//! (S3 API reference, ListObjectVersions: entries come by key, then newest first).

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use tokio::sync::OwnedSemaphorePermit;

/// A version or a delete marker.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// The key, decoded.
    pub key: String,
    /// The version id; `null` for what was written while versioning was not enabled.
    pub version_id: String,
    /// Whether this is what a request without a version id sees.
    pub is_latest: bool,
    /// Whether this is a delete marker.
    pub delete_marker: bool,
    /// When it was written, as S3 says it; for a multipart upload, when the upload was begun.
    pub last_modified: String,
    /// Bytes; nothing for a delete marker.
    pub size: Option<u64>,
    /// The ETag in its quotes; nothing for a delete marker.
    pub etag: Option<String>,
    /// The storage class; nothing for a delete marker.
    pub storage_class: Option<Arc<str>>,
    /// The owner's canonical id, where it is shown.
    pub owner: Option<Arc<str>>,
    /// The checksum algorithms of the version's checksums.
    pub checksum_algorithm: Vec<String>,
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub checksum_type: Option<String>,
    /// Whether a thaw of the archived version is going on; nothing where none was asked for.
    pub restore_in_progress: Option<bool>,
}

impl Entry {
    /// [`Entry::last_modified`] as an instant.
    ///
    /// # Errors
    /// When the store wrote something else than a time.
    pub fn instant(&self) -> Result<Timestamp> {
        self.last_modified.parse().with_context(|| {
            format!("version {} of {} has the time {:?}", self.version_id, self.key, self.last_modified)
        })
    }
}

/// Where a listing goes on: after this version, or after all versions of the key where none is named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Position {
    /// The key, decoded.
    pub key: String,
    /// The version id.
    pub version_id: Option<String>,
}

/// A page as it came.
#[derive(Debug, Default)]
pub struct Page {
    /// In the order of the wire.
    pub entries: Vec<Entry>,
    /// Where the listing goes on; nothing on its last page.
    pub next: Option<Position>,
    /// The page's place in memory, where these are limited.
    pub room: Option<OwnedSemaphorePermit>,
    pub(super) encoded: bool,
    /// Whether it began with what its marker names.
    pub(super) inclusive: bool,
}

/// Reads a page whole, or not at all.
pub(super) fn parse(body: &[u8]) -> Result<Page> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).context("a listing that is not UTF-8")?);
    let mut parser = Parser::default();
    // By reference: to move an event costs as much as to read it.
    loop {
        match &reader.read_event() {
            Ok(Event::Eof) if parser.path.depth() == 0 && parser.path.seen => return parser.finish(),
            Ok(Event::Eof) => bail!("the listing ends in the middle"),
            Ok(event) => parser.take(event)?,
            Err(err) => return Err(err.clone().into()),
        }
    }
}

/// Where the listing goes on, if the part of a page that has arrived tells it: S3 writes that before the entries.
pub(super) fn next_of_head(head: &[u8]) -> Head {
    let entry = |name: &[u8]| head.windows(name.len()).position(|part| part == name);
    let Some(end) = entry(b"<Version>").or_else(|| entry(b"<DeleteMarker>")) else { return Head::Short };
    let Ok(text) = std::str::from_utf8(&head[..end]) else { return Head::Silent };
    let mut reader = Reader::from_str(text);
    let mut parser = Parser::default();
    loop {
        match &reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) if parser.take(event).is_ok() => {}
            _ => return Head::Silent,
        }
    }
    match parser.finish() {
        Ok(Page { next: Some(next), .. }) => Head::Next(next),
        _ => Head::Silent,
    }
}

/// What the beginning of a page tells.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Head {
    /// Nothing yet.
    Short,
    /// Nothing before its entries, or that it is the last one.
    Silent,
    /// Where the listing goes on.
    Next(Position),
}

/// A page as far as it has been read.
#[derive(Default)]
struct Parser {
    page: Page,
    path: Path,
    text: String,
    entry: Entry,
    /// The last storage class and owner: most entries of a page have the same.
    class: Arc<str>,
    owner: Arc<str>,
    truncated: bool,
    next_key: Option<String>,
    next_version: Option<String>,
}

impl Parser {
    #[inline]
    fn take(&mut self, event: &Event<'_>) -> Result<()> {
        let Self { path, text, .. } = self;
        match event {
            Event::Start(tag) => {
                let tag = Tag::of(tag.name().into_inner(), path.depth());
                if path.depth() == 0 && tag != Tag::Result {
                    bail!("not a ListVersionsResult");
                }
                if path.depth() == 1 {
                    self.entry.delete_marker = tag == Tag::DeleteMarker;
                }
                path.push(tag);
                text.clear();
            }
            Event::Empty(tag) if path.depth() == 1 && tag.name().into_inner() == "Version" => {
                bail!("an empty Version");
            }
            Event::Text(part) => text.push_str(part),
            Event::CData(part) => text.push_str(part),
            Event::GeneralRef(name) => text.push(character(name)?),
            Event::End(_) => self.end()?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let Self { page, path, text, entry, .. } = self;
        // Copied where it is kept: the text's own room serves the next element.
        match (path.pop(), path.top()) {
            (Tag::Version | Tag::DeleteMarker, _) => page.entries.push(std::mem::take(entry)),
            (Tag::StorageClass, Tag::Version) => entry.storage_class = Some(shared(&mut self.class, text)),
            (Tag::Id, Tag::Owner) => entry.owner = Some(shared(&mut self.owner, text)),
            (tag, Tag::Version | Tag::DeleteMarker) => entry.set(tag, text)?,
            (Tag::InProgress, Tag::RestoreStatus) => entry.restore_in_progress = Some(text == "true"),
            (Tag::IsTruncated, _) => self.truncated = text == "true",
            (Tag::EncodingType, _) => page.encoded = text == "url",
            (Tag::NextKeyMarker, _) => self.next_key = Some(text.clone()),
            (Tag::NextVersionIdMarker, _) => self.next_version = Some(text.clone()),
            _ => {}
        }
        text.clear();
        Ok(())
    }

    fn finish(self) -> Result<Page> {
        let Self { mut page, truncated, mut next_key, next_version, .. } = self;
        if page.encoded {
            for entry in &mut page.entries {
                entry.key = decoded_key(std::mem::take(&mut entry.key))?;
            }
            next_key = next_key.map(decoded_key).transpose()?;
        }
        if truncated {
            let key = next_key.context("a truncated listing without NextKeyMarker")?;
            page.next = Some(Position { key, version_id: next_version.filter(|id| !id.is_empty()) });
        }
        Ok(page)
    }
}

/// The elements that are read; `Other` holds those that are not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Tag {
    #[default]
    Other,
    Result,
    Version,
    DeleteMarker,
    Owner,
    RestoreStatus,
    Key,
    VersionId,
    IsLatest,
    LastModified,
    Size,
    Etag,
    StorageClass,
    ChecksumAlgorithm,
    ChecksumType,
    Id,
    InProgress,
    IsTruncated,
    EncodingType,
    NextKeyMarker,
    NextVersionIdMarker,
}

impl Tag {
    fn of(name: &str, depth: usize) -> Self {
        match (depth, name) {
            (0, "ListVersionsResult" | "ListBucketVersionsOutput") => Self::Result,
            (1, "Version") => Self::Version,
            (1, "DeleteMarker") => Self::DeleteMarker,
            (1, "IsTruncated") => Self::IsTruncated,
            (1, "EncodingType") => Self::EncodingType,
            (1, "NextKeyMarker") => Self::NextKeyMarker,
            (1, "NextVersionIdMarker") => Self::NextVersionIdMarker,
            (2, "Key") => Self::Key,
            (2, "VersionId") => Self::VersionId,
            (2, "IsLatest") => Self::IsLatest,
            (2, "LastModified") => Self::LastModified,
            (2, "Size") => Self::Size,
            (2, "ETag") => Self::Etag,
            (2, "StorageClass") => Self::StorageClass,
            (2, "ChecksumAlgorithm") => Self::ChecksumAlgorithm,
            (2, "ChecksumType") => Self::ChecksumType,
            (2, "Owner") => Self::Owner,
            (2, "RestoreStatus") => Self::RestoreStatus,
            (3, "ID") => Self::Id,
            (3, "IsRestoreInProgress") => Self::InProgress,
            _ => Self::Other,
        }
    }
}

/// The open elements, outermost first.
#[derive(Default)]
struct Path {
    open: Vec<Tag>,
    seen: bool,
}

impl Path {
    fn push(&mut self, tag: Tag) {
        self.open.push(tag);
        self.seen = true;
    }

    fn pop(&mut self) -> Tag {
        self.open.pop().unwrap_or_default()
    }

    fn top(&self) -> Tag {
        self.open.last().copied().unwrap_or_default()
    }

    fn depth(&self) -> usize {
        self.open.len()
    }
}

impl Entry {
    fn set(&mut self, tag: Tag, value: &str) -> Result<()> {
        match tag {
            Tag::Key => self.key = value.into(),
            Tag::VersionId => self.version_id = value.into(),
            Tag::IsLatest => self.is_latest = value == "true",
            Tag::LastModified => self.last_modified = value.into(),
            Tag::Size => self.size = Some(value.parse().context("a Size that is no number")?),
            Tag::Etag => self.etag = Some(value.into()),
            Tag::ChecksumAlgorithm => self.checksum_algorithm.push(value.into()),
            Tag::ChecksumType => self.checksum_type = Some(value.into()),
            _ => {}
        }
        Ok(())
    }
}

/// The last text again, if this is the same.
fn shared(last: &mut Arc<str>, text: &str) -> Arc<str> {
    if **last != *text {
        *last = text.into();
    }
    Arc::clone(last)
}

fn character(name: &BytesRef<'_>) -> Result<char> {
    if let Some(character) = name.resolve_char_ref()? {
        return Ok(character);
    }
    Ok(match name.as_ref() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => bail!("an unknown entity"),
    })
}

/// A key out of its form in a URL, in which S3 writes it to listings (`encoding-type=url`) and reports; a `+` is a space.
///
/// # Errors
/// When it is not UTF-8.
pub fn decoded_key(key: String) -> Result<String> {
    if !key.contains(['%', '+']) {
        return Ok(key);
    }
    let spaced = if key.contains('+') { Cow::Owned(key.replace('+', " ")) } else { Cow::Borrowed(&*key) };
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(key) => Ok(key.into_owned()),
        Err(_) => bail!("a key that is not UTF-8: {key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn page(inner: &str) -> Result<Page> {
        parse(format!("<?xml version=\"1.0\"?>\n<ListVersionsResult>{inner}</ListVersionsResult>").as_bytes())
    }

    #[test]
    fn the_order_of_the_wire_is_kept() {
        let page = page(
            "<Name>b</Name><EncodingType>url</EncodingType>\
             <Version><Key>a+b%2B%01</Key><VersionId>3</VersionId><IsLatest>true</IsLatest><Size>7</Size>\
             <ETag>&quot;x&#34;</ETag><Owner><ID>me</ID></Owner></Version>\n\
             <DeleteMarker><Key>a+b%2B%01</Key><VersionId>2</VersionId></DeleteMarker>\
             <Version><Key>a+b%2B%01</Key><VersionId>1</VersionId>\
             <RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus></Version>",
        )
        .unwrap();
        let ids: Vec<_> = page.entries.iter().map(|e| (e.version_id.as_str(), e.delete_marker)).collect();
        assert_eq!(ids, [("3", false), ("2", true), ("1", false)]);
        let first = &page.entries[0];
        assert_eq!((first.key.as_str(), first.etag.as_deref()), ("a b+\u{1}", Some("\"x\"")));
        assert_eq!((first.size, first.owner.as_deref()), (Some(7), Some("me")));
        assert!(first.is_latest && page.next.is_none());
        assert_eq!(page.entries[2].restore_in_progress, Some(true));
    }

    #[test]
    fn without_an_encoding_keys_are_taken_as_they_stand() {
        let page = page("<Version><Key>a+b%20&amp;</Key></Version>").unwrap();
        assert_eq!(page.entries[0].key, "a+b%20&");
    }

    #[test]
    fn markers_may_come_first_or_last() {
        let next = "<IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>\
                    <NextVersionIdMarker>v</NextVersionIdMarker>";
        let entry = "<Version><Key>k</Key></Version>";
        for inner in [format!("{next}{entry}"), format!("{entry}{next}")] {
            let position = page(&inner).unwrap().next.unwrap();
            assert_eq!((position.key.as_str(), position.version_id.as_deref()), ("k", Some("v")));
        }
        assert!(page("<IsTruncated>true</IsTruncated>").is_err());
    }

    #[test]
    fn the_head_of_a_page_tells_where_it_goes_on() {
        let next = "<NextKeyMarker>a+b</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>";
        let page = |order: [&str; 3]| format!("<ListVersionsResult><Name>b</Name>{}", order.concat());
        let (more, entry) =
            ("<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>", "<Version><Key>k");
        let early = page([next, more, entry]);
        let position = Position { key: "a b".into(), version_id: Some("v".into()) };
        let whole = early.find("<Version>").unwrap() + "<Version>".len();
        for length in 0..early.len() {
            let wanted = if length < whole { Head::Short } else { Head::Next(position.clone()) };
            assert_eq!(next_of_head(&early.as_bytes()[..length]), wanted, "{length}");
        }
        let last = more.replace("true", "false");
        for silent in [page([more, entry, next]), page([&last, entry, ""]), page([entry, next, more])] {
            assert_eq!(next_of_head(silent.as_bytes()), Head::Silent, "{silent}");
        }
    }

    #[test]
    fn what_is_not_a_whole_listing_is_an_error() {
        let whole = "<ListVersionsResult><Version><Key>k</Key></Version></ListVersionsResult>";
        assert!(parse(whole.as_bytes()).is_ok());
        for end in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
        }
        assert!(parse(b"<Error><Code>InternalError</Code></Error>").is_err());
        assert!(parse(b"<html><body>").is_err());
    }

    proptest! {
        #[test]
        fn any_key_survives_the_encoding(key in ".*") {
            let encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string().replace("%20", "+");
            prop_assert_eq!(decoded_key(encoded).unwrap(), key);
        }
    }
}
