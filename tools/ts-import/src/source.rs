//! What comes in, in chunks: whatever can be read without a wait, so that a quiet input holds nothing back.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use common::input::{Item, JsonLines};
use common::{Record, Reject};
use serde::Deserialize;

use crate::shape::Shape;

/// A chunk holds lines until they are this many bytes together.
const CHUNK: usize = 1 << 16;

/// One line of the input.
#[derive(Debug)]
pub enum Line {
    /// A document to import.
    Document(Document),
    /// What cannot be imported, and why.
    Bad(Reject, Item),
    /// What a source says at the end of its rows.
    Trailer(Trailer),
}

impl Line {
    /// Bytes of its text, about.
    fn len(&self) -> usize {
        match self {
            Self::Document(document) => document.text().len(),
            Self::Bad(_, Item::Record(record)) => record.as_str().len(),
            Self::Bad(_, Item::Line(bad)) => bad.line.len(),
            Self::Trailer(_) => 0,
        }
    }
}

/// A document and, if that differs, the text that is sent for it.
#[derive(Debug)]
pub struct Document {
    /// The record that came in.
    pub input: Record,
    /// What is sent instead of it.
    pub sent: Option<String>,
}

impl Document {
    /// What is sent.
    pub fn text(&self) -> &str {
        self.sent.as_deref().unwrap_or(self.input.as_str())
    }
}

/// The last line of `pg-rows --trailer`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub struct Trailer {
    /// How many lines came before it.
    pub rows: u64,
    /// Whether these are all.
    pub complete: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailing {
    pg_rows: Trailer,
}

/// Chunks of a stream.
pub struct Chunks {
    items: JsonLines<Tap<Box<dyn BufRead + Send>>>,
    ready: Arc<AtomicUsize>,
    shape: Shape,
    failed: Option<io::Error>,
}

impl Chunks {
    /// The chunks of a reader, with its documents in this shape.
    pub fn new(reader: Box<dyn BufRead + Send>, shape: Shape) -> Self {
        let ready = Arc::default();
        let tap = Tap { reader, rest: 0, ready: Arc::clone(&ready) };
        Self { items: JsonLines::new(tap), ready, shape, failed: None }
    }

    fn line(&self, item: Item) -> Line {
        let record = match item {
            Item::Record(record) => record,
            Item::Line(bad) => return Line::Bad(Reject::from(&bad), Item::Line(bad)),
        };
        if let Some(trailer) = trailer(&record) {
            return Line::Trailer(trailer);
        }
        match self.shape.apply(&record) {
            Ok(sent) => Line::Document(Document { input: record, sent }),
            Err(reject) => Line::Bad(reject, Item::Record(record)),
        }
    }
}

impl Iterator for Chunks {
    type Item = io::Result<Vec<Line>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        loop {
            match self.items.next() {
                None => break,
                Some(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
                Some(Ok(item)) => {
                    let line = self.line(item);
                    bytes += line.len();
                    chunk.push(line);
                }
            }
            if self.ready.load(Relaxed) == 0 || bytes >= CHUNK || chunk.len() >= CHUNK / 64 {
                break;
            }
        }
        match (chunk.is_empty(), self.failed.take()) {
            (true, failed) => failed.map(Err),
            (false, failed) => {
                self.failed = failed;
                Some(Ok(chunk))
            }
        }
    }
}

fn trailer(record: &Record) -> Option<Trailer> {
    let text = record.as_str();
    let may_be = text.len() < 128 && text.contains("\"pg_rows\"");
    may_be.then(|| record.view::<Trailing>().ok()).flatten().map(|trailing| trailing.pg_rows)
}

/// A reader that tells how many bytes it holds up to the end of the last whole line that is not blank: until these
/// are consumed, the next line can be read without a wait.
struct Tap<R> {
    reader: R,
    /// Bytes that the reader holds.
    rest: usize,
    ready: Arc<AtomicUsize>,
}

impl<R: BufRead> Read for Tap<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Tap<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let is_new = self.rest == 0;
        let held = self.reader.fill_buf()?;
        if is_new {
            let whole = held.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
            self.ready.store(held[..whole].trim_ascii_end().len(), Relaxed);
            self.rest = held.len();
        }
        Ok(held)
    }

    fn consume(&mut self, n: usize) {
        self.rest = self.rest.saturating_sub(n);
        self.ready.store(self.ready.load(Relaxed).saturating_sub(n), Relaxed);
        self.reader.consume(n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Gives these parts, one for each read, and then fails the test or ends.
    struct Parts(Vec<&'static str>, bool);

    impl Read for Parts {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                assert!(self.1, "a read that would wait");
                return Ok(0);
            }
            self.0.remove(0).as_bytes().read(buf)
        }
    }

    fn chunks(parts: &[&'static str], ends: bool) -> Chunks {
        let parts = Parts(parts.to_vec(), ends);
        Chunks::new(Box::new(BufReader::new(parts)), Shape::default())
    }

    fn texts(chunk: &[Line]) -> Vec<&str> {
        let text = |line: &'_ Line| match line {
            Line::Document(document) => document.input.as_str().to_owned().leak() as &str,
            Line::Bad(reject, _) => reject.kind,
            Line::Trailer(_) => "trailer",
        };
        chunk.iter().map(text).collect()
    }

    #[test]
    fn a_chunk_ends_where_the_next_line_would_have_to_be_waited_for() {
        let mut chunks =
            chunks(&["{\"id\":\"1\"}\n{\"id\":\"2\"}\n\n  \n", "{\"id\":\"3\"}\n{\"id\":\""], false);
        assert_eq!(texts(&chunks.next().unwrap().unwrap()), [r#"{"id":"1"}"#, r#"{"id":"2"}"#]);
        assert_eq!(texts(&chunks.next().unwrap().unwrap()), [r#"{"id":"3"}"#]);
    }

    #[test]
    fn the_rest_comes_at_the_end() {
        let mut chunks = chunks(&["x\n{\"n\":1}\n{\"id\":", "\"1\"}"], true);
        assert_eq!(texts(&chunks.next().unwrap().unwrap()), ["bad-line", "bad-record"]);
        assert_eq!(texts(&chunks.next().unwrap().unwrap()), [r#"{"id":"1"}"#]);
        assert!(chunks.next().is_none());
    }

    #[test]
    fn only_a_trailer_is_a_trailer() {
        let is_one = |text: &str| trailer(&Record::parse(text.to_owned()).unwrap());
        let expected = Some(Trailer { rows: 3, complete: true });
        assert_eq!(is_one(r#"{"pg_rows":{"rows":3,"complete":true}}"#), expected);
        for other in [r#"{"id":"1","pg_rows":{"rows":3,"complete":true}}"#, r#"{"pg_rows":3}"#, "{}"] {
            assert_eq!(is_one(other), None, "{other}");
        }
    }
}
