//! Writing and reading the XML of S3.

use std::fmt::Write as _;

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::error::Error;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A document being written.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

impl Xml {
    /// Starts with the XML declaration.
    pub(super) fn document() -> Self {
        Self(DECLARATION.to_owned())
    }

    /// A document with room for this many bytes.
    pub(super) fn document_of(bytes: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push_str(DECLARATION);
        Self(text)
    }

    /// A part of a document, to be appended to one.
    pub(super) fn fragment() -> Self {
        Self::default()
    }

    pub(super) fn open(&mut self, name: &str) -> &mut Self {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// Opens the root element in the namespace of S3.
    pub(super) fn root(&mut self, name: &str) -> &mut Self {
        let _ = write!(self.0, "<{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        self
    }

    pub(super) fn close(&mut self, name: &str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// An element with text.
    pub(super) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.open(name);
        escape(text, &mut self.0);
        self.close(name)
    }

    /// An element with a value that needs no escapes.
    pub(super) fn plain(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        self.open(name);
        let _ = write!(self.0, "{value}");
        self.close(name)
    }

    /// Appends what is XML already.
    pub(super) fn raw(&mut self, xml: &str) -> &mut Self {
        self.0.push_str(xml);
        self
    }

    pub(super) fn append(&mut self, fragment: &Xml) -> &mut Self {
        self.raw(&fragment.0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Puts a fragment in after so many bytes.
    pub(super) fn insert(&mut self, at: usize, fragment: &Xml) {
        self.0.insert_str(at, &fragment.0);
    }

    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from(self.0)
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// S3 writes control characters as references, though XML 1.0 has none for them: that is why `encoding-type`
/// exists.
fn escape(text: &str, out: &mut String) {
    let special = |byte| matches!(byte, b'&' | b'<' | b'>' | b'"') || byte < b' ';
    // Most texts have nothing to escape, and this looks at many of their bytes at once.
    if !text.bytes().fold(false, |found, byte| found | special(byte)) {
        return out.push_str(text);
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(special) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'&' => out.push_str("&amp;"),
            b'<' => out.push_str("&lt;"),
            b'>' => out.push_str("&gt;"),
            b'"' => out.push_str("&quot;"),
            control => {
                let _ = write!(out, "&#x{control:x};");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Percent-encodes as `encoding-type=url` does: like a form, but with `/` left as it is.
pub(super) fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                out.push(char::from(byte))
            }
            b' ' => out.push('+'),
            // Most bytes of some keys are written so: `write!` would take most of the time that a page costs.
            _ => out.extend(['%', hex(byte >> 4), hex(byte & 15)]),
        }
    }
    out
}

/// An upper-case hex digit.
fn hex(digit: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(digit)])
}

/// An element of a document that a client sent.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The root element of a request body.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(body).map_err(|_| Error::malformed_xml())?;
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|_| Error::malformed_xml())? {
                Event::Start(tag) => open.push(Self::named(tag.local_name().as_ref())),
                Event::Empty(tag) => top(&mut open)?.children.push(Self::named(tag.local_name().as_ref())),
                Event::End(_) => {
                    let done = open.pop().ok_or_else(Error::malformed_xml)?;
                    top(&mut open)?.children.push(done);
                }
                Event::Text(text) => top(&mut open)?.text.push_str(&text.xml10_content()),
                Event::CData(text) => top(&mut open)?.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => top(&mut open)?.text.push(resolve(&reference)?),
                Event::Eof => break,
                _ => {}
            }
        }
        let mut document = open.pop().ok_or_else(Error::malformed_xml)?;
        document.children.pop().ok_or_else(Error::malformed_xml)
    }

    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

fn top(open: &mut [Element]) -> Result<&mut Element, Error> {
    open.last_mut().ok_or_else(Error::malformed_xml)
}

fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, Error> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| Error::malformed_xml())? {
        return Ok(c);
    }
    match &*reference.xml10_content() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Error::malformed_xml()),
    }
}
