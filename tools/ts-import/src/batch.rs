//! Documents that go out in one request.

use std::ops::Range;

use bytes::Bytes;
use common::Record;
use common::input::{BadLine, Item};

use crate::source::Document;

/// Documents in the first batch: few, so that something can be searched soon.
const FIRST: usize = 1000;

/// How large batches may be. They grow from batch to batch.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    docs: usize,
    bytes: usize,
    most: usize,
}

impl Limits {
    /// At most so many documents and bytes.
    pub fn new(docs: usize, bytes: usize) -> Self {
        Self { docs: docs.min(FIRST), bytes, most: docs }
    }

    /// The limits of the batch after one with these.
    pub fn next(self) -> Self {
        Self { docs: self.docs.saturating_mul(2).min(self.most), ..self }
    }
}

/// A batch that is being gathered, and its place in the input.
#[derive(Debug, Default)]
pub struct Gathering {
    first: u64,
    body: Vec<u8>,
    ends: Vec<usize>,
    inputs: Vec<Option<Record>>,
}

impl Gathering {
    /// An empty batch; `first` counts the documents before it.
    pub fn new(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    /// Whether it has no document.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many documents it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the next document is too much, and therefore whether it is time to send this batch.
    pub fn is_full(&self, limits: Limits) -> bool {
        self.ends.len() >= limits.docs || self.body.len() >= limits.bytes
    }

    /// Whether this document still fits in: a single one always does.
    pub fn has_room(&self, document: &Document, limits: Limits) -> bool {
        self.is_empty() || !self.is_full(limits) && self.body.len() + document.text().len() < limits.bytes
    }

    /// Adds a document.
    pub fn push(&mut self, document: Document) {
        self.body.extend_from_slice(document.text().as_bytes());
        self.body.push(b'\n');
        self.ends.push(self.body.len());
        let Document { input, sent } = document;
        self.inputs.push(sent.map(|_| input));
    }

    /// The batch as it is sent.
    pub fn finish(self) -> Batch {
        let Self { first, body, ends, inputs } = self;
        Batch { first, body: body.into(), ends, inputs }
    }
}

/// A batch: its documents are counted from 0.
#[derive(Debug)]
pub struct Batch {
    /// How many documents of the input come before it.
    pub first: u64,
    body: Bytes,
    ends: Vec<usize>,
    inputs: Vec<Option<Record>>,
}

impl Batch {
    /// How many documents it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    fn range(&self, index: usize) -> Range<usize> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[index]
    }

    /// The text of a document as it is sent, without a line end.
    pub fn text(&self, index: usize) -> &str {
        // The bytes are those of strings.
        std::str::from_utf8(&self.body[self.range(index)]).unwrap_or_default().trim_ascii_end()
    }

    /// The document as it came in.
    pub fn input(&self, index: usize) -> Item {
        let text = self.text(index);
        match &self.inputs[index] {
            Some(record) => Item::Record(record.clone()),
            None => match Record::parse(text.to_owned()) {
                Ok(record) => Item::Record(record),
                Err(message) => Item::Line(BadLine::new(text, message)),
            },
        }
    }

    /// The body of a request for these documents, which are in their order.
    pub fn body(&self, documents: &[usize]) -> Bytes {
        match documents {
            [first, .., last] if last - first + 1 == documents.len() => {
                self.body.slice(self.range(*first).start..self.ends[*last])
            }
            [only] => self.body.slice(self.range(*only)),
            _ => documents.iter().flat_map(|&index| &self.body[self.range(index)]).copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document { input: Record::parse(text.to_owned()).unwrap(), sent: None }
    }

    fn batch(texts: &[&str]) -> Batch {
        let mut gathering = Gathering::new(0);
        for text in texts {
            gathering.push(document(text));
        }
        gathering.finish()
    }

    #[test]
    fn batches_grow_to_what_they_may_have() {
        let limits = |most| {
            let sizes = std::iter::successors(Some(Limits::new(most, 1)), |limits| Some(limits.next()));
            sizes.take(6).map(|limits| limits.docs).collect::<Vec<_>>()
        };
        assert_eq!(limits(10_000), [1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(limits(3), [3; 6]);
    }

    #[test]
    fn a_document_larger_than_a_batch_goes_alone() {
        let limits = Limits::new(10, 20);
        let (small, large) = (r#"{"id":"1"}"#, r#"{"id":"2","text":"xxxxxxxxxxxxxxxxxxxx"}"#);
        let mut gathering = Gathering::new(0);
        assert!(gathering.has_room(&document(large), limits));
        gathering.push(document(small));
        assert!(!gathering.has_room(&document(large), limits));
        assert!(!gathering.has_room(&document(small), limits));
        assert!(!gathering.is_full(limits));
    }

    #[test]
    fn a_part_of_a_batch_is_its_documents_in_their_order() {
        let batch = batch(&["{\"id\":\"0\"}", "{\"id\":\"1\"}", "{\"id\":\"2\"}"]);
        assert_eq!(&batch.body(&[0, 1, 2])[..], b"{\"id\":\"0\"}\n{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
        assert_eq!(&batch.body(&[1, 2])[..], b"{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
        assert_eq!(&batch.body(&[0, 2])[..], b"{\"id\":\"0\"}\n{\"id\":\"2\"}\n");
        assert_eq!(&batch.body(&[1])[..], b"{\"id\":\"1\"}\n");
        assert_eq!(batch.text(1), "{\"id\":\"1\"}");
        assert_eq!(batch.input(2), Item::Record(document("{\"id\":\"2\"}").input));
    }
}
