//! The forms in which records arrive: JSON lines, CSV with a header, plain lines.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

pub use crate::csv_rows::Csv;
use crate::dead_letter::{self, Content};
use crate::record::Record;
pub use crate::record::{BadLine, Item};

/// The longest line that is read, in bytes; a longer one is rejected without being held in memory.
pub const MAX_LINE: usize = 16 << 20;

/// How much of a line that cannot be read goes into its reject, in bytes.
const SHOWN: usize = 4096;

/// JSON objects, one a line. Blank lines are passed over; dead letters are unwrapped.
pub struct JsonLines<R> {
    lines: Lines<R>,
}

impl<R: BufRead> JsonLines<R> {
    /// Records of a reader, from where it stands.
    pub fn new(reader: R) -> Self {
        Self { lines: Lines::new(reader) }
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.lines.next()?.map(|line| match line {
            Line::Text(text) => parsed(text, &format_args!("line {}", self.lines.number)),
            Line::Record(record) => Item::Record(record),
            Line::Bad(bad) => Item::Line(bad),
        }))
    }
}

/// The item of a JSON text that stands at this place of the input, such as `line 7`; a dead letter is unwrapped.
pub fn item(text: String, place: &impl std::fmt::Display) -> Item {
    match unwrapped(text, place) {
        ControlFlow::Continue(text) => parsed(text, place),
        ControlFlow::Break(item) => item,
    }
}

pub(crate) fn parsed(text: String, place: &impl std::fmt::Display) -> Item {
    // A copy, since a text that is no record is wanted back.
    match Record::parse(text.clone()) {
        Ok(record) => Item::Record(record),
        Err(why) => Item::Line(BadLine::new(text, format!("{place}: {why}"))),
    }
}

/// The text, or that which it is the dead letter of; the item, where that is known already.
fn unwrapped(text: String, place: &impl std::fmt::Display) -> ControlFlow<Item, String> {
    match dead_letter::read(&text) {
        None => ControlFlow::Continue(text),
        Some(Content::Record(record)) => ControlFlow::Break(parsed(record, place)),
        Some(Content::Line(line)) => match String::from_utf8(line) {
            Ok(line) => ControlFlow::Continue(line),
            Err(err) => {
                ControlFlow::Break(Item::Line(BadLine::new(err.into_bytes(), format!("{place}: not UTF-8"))))
            }
        },
        Some(Content::Beginning(bad)) => {
            let message = format!("{place}: {}", bad.message);
            ControlFlow::Break(Item::Line(BadLine { message, ..bad }))
        }
    }
}

/// One line of a text.
#[derive(Debug)]
pub enum Line {
    /// A line, whatever it means to who reads it.
    Text(String),
    /// The record of a dead letter.
    Record(Record),
    /// A line that cannot be read.
    Bad(BadLine),
}

/// Lines of text that are not blank, counted, without their ends. A line too long or no UTF-8 is a [`BadLine`]; dead
/// letters are unwrapped.
pub struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Lines of a reader, from where it stands.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// The line's bytes up to [`MAX_LINE`] and its whole length, or `None` at the end.
    fn read(&mut self) -> io::Result<Option<(Vec<u8>, usize)>> {
        let mut line = Vec::new();
        let mut length = 0;
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(err),
            };
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = &available[..end.unwrap_or(available.len())];
            length += part.len();
            let room = MAX_LINE.saturating_sub(line.len()).min(part.len());
            line.extend_from_slice(&part[..room]);
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some((line, length)));
            }
            if used == 0 {
                return Ok((length > 0).then_some((line, length)));
            }
        }
    }

    fn checked(&self, mut line: Vec<u8>, length: usize) -> Line {
        if length > MAX_LINE {
            let message = format!(
                "line {}: {length} bytes, more than the {MAX_LINE} a line may have; its first {SHOWN} bytes are shown",
                self.number
            );
            line.truncate(SHOWN);
            return Line::Bad(BadLine { line, length: Some(length), message });
        }
        let place = format_args!("line {}", self.number);
        match String::from_utf8(line) {
            Ok(text) => match unwrapped(text, &place) {
                ControlFlow::Continue(text) => Line::Text(text),
                ControlFlow::Break(Item::Record(record)) => Line::Record(record),
                ControlFlow::Break(Item::Line(bad)) => Line::Bad(bad),
            },
            Err(err) => Line::Bad(BadLine::new(err.into_bytes(), format!("{place}: not UTF-8"))),
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (mut line, length) = match self.read() {
                Ok(Some(read)) => read,
                Ok(None) => return None,
                Err(err) => return Some(Err(err)),
            };
            self.number += 1;
            if self.number == 1 && line.starts_with(b"\xef\xbb\xbf") {
                line.drain(..3);
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.trim_ascii().is_empty() {
                return Some(Ok(self.checked(line, length)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(input: &[u8]) -> Vec<Item> {
        JsonLines::new(input).map(Result::unwrap).collect()
    }

    fn text(item: &Item) -> &str {
        match item {
            Item::Record(record) => record.as_str(),
            Item::Line(bad) => &bad.message,
        }
    }

    #[test]
    fn blank_lines_marks_and_line_ends_are_not_records() {
        let items = json(b"\xef\xbb\xbf{\"a\":1}\r\n\n   \n{\"a\":2}\n{\"a\":3}");
        let texts: Vec<_> = items.iter().map(text).collect();
        assert_eq!(texts, [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#]);
    }

    #[test]
    fn a_bad_line_names_its_number_and_the_next_is_read() {
        let items = json(b"{\"a\":1}\n{\"a\":\n\xff\n{\"a\":2}\n");
        assert!(text(&items[1]).starts_with("line 2: not valid JSON"), "{}", text(&items[1]));
        assert_eq!(text(&items[2]), "line 3: not UTF-8");
        assert_eq!(text(&items[3]), r#"{"a":2}"#);
    }

    #[test]
    fn a_line_too_long_is_cut_and_the_next_is_read() {
        let mut input = vec![b'x'; MAX_LINE + 1];
        input.extend_from_slice(b"\n{\"a\":1}\n");
        let items = json(&input);
        let Item::Line(bad) = &items[0] else { panic!("{items:?}") };
        assert_eq!((bad.line.len(), bad.length, items.len()), (SHOWN, Some(MAX_LINE + 1), 2));
        assert_eq!(text(&items[1]), r#"{"a":1}"#);
    }

    fn csv(input: &[u8]) -> Vec<Item> {
        Csv::new(input).map(Result::unwrap).collect()
    }

    /// What a later run reads where this one rejects all that it reads.
    fn rejected(items: &[Item]) -> Vec<u8> {
        let reject = crate::Reject::new("k", "m");
        items.iter().flat_map(|item| dead_letter::write("t", &reject, item).unwrap()).collect()
    }

    #[test]
    fn csv_rows_are_records_of_strings() {
        let items = csv("\u{feff}key, version_id\n\"a,\"\"b\nc\",v1\nonly\nd,\n".as_bytes());
        assert_eq!(text(&items[0]), r#"{"key":"a,\"b\nc","version_id":"v1"}"#);
        assert_eq!(text(&items[1]), "line 4: 1 cells under a header of 2");
        assert_eq!(text(&items[2]), r#"{"key":"d"}"#);
    }

    #[test]
    fn what_was_rejected_is_read_again_in_every_form() {
        let input = b"key,version_id\na b,v1\n\"x,y\",v\xe9\n";
        let items = csv(input);
        let [Item::Record(_), Item::Line(bad)] = &items[..] else { panic!("{items:?}") };
        assert_eq!(bad.line, b"\"x,y\",v\xe9");
        let letters = rejected(&items);
        let again = csv(&letters);
        assert_eq!(again[0], items[0]);
        assert_eq!(rejected(&again), letters);
        // Behind a header, a rejected row is a row again.
        let behind = [b"key,version_id\n", letters.as_slice()].concat();
        let behind = csv(&behind);
        assert_eq!(behind[0], items[0]);
        assert!(matches!(&behind[1], Item::Line(again) if again.line == bad.line), "{behind:?}");
        let lines: Vec<_> = Lines::new(&letters[..]).map(Result::unwrap).collect();
        assert!(matches!(&lines[0], Line::Record(record) if Item::Record(record.clone()) == items[0]));
        assert!(matches!(&lines[1], Line::Bad(again) if again.line == bad.line));
    }

    #[test]
    fn a_row_that_is_rejected_is_kept_as_it_was_written() {
        for row in ["k1, \"v\" ,b,extra", "{\"a\":\"b\",\"c\":1}", "\"k4\",v,b,\"x\"", "a\"b"] {
            let items = csv(format!("key,version_id,bucket\r\n\r\n{row}\r\nk,v,b\r\n").as_bytes());
            let [Item::Line(bad), Item::Record(_)] = &items[..] else { panic!("{items:?}") };
            assert_eq!(String::from_utf8_lossy(&bad.line), row);
        }
        let long = format!("key\n\"{}\n\",2\nk\n", "x\n".repeat(100_000));
        let items = csv(long.as_bytes());
        assert!(matches!(&items[0], Item::Line(bad) if bad.line.len() == 200_005), "{:?}", items.len());
    }

    #[test]
    fn a_line_that_was_no_utf_8_comes_back_byte_for_byte() {
        let items = json(b"caf\xe9\n{\"a\":\n");
        let letters = rejected(&items);
        let again = json(&letters);
        assert_eq!(rejected(&again), letters);
        assert!(matches!(&again[0], Item::Line(bad) if bad.line == b"caf\xe9"), "{again:?}");
        assert!(matches!(&again[1], Item::Line(bad) if bad.line == b"{\"a\":"), "{again:?}");
    }
}
