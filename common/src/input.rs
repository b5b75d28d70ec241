//! The forms in which records arrive: JSON lines, CSV with a header, plain lines.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

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

fn parsed(text: String, place: &impl std::fmt::Display) -> Item {
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

/// Rows of a CSV with a header, as records of strings; empty cells are left out. A file that begins with a dead letter is
/// read as JSON lines: it is what an earlier run has rejected.
pub struct Csv<R> {
    form: Form<R>,
}

enum Form<R> {
    /// Nothing was read yet.
    Unknown(Option<R>),
    Rows(Rows<R>),
    Letters(JsonLines<R>),
}

impl<R: BufRead> Csv<R> {
    /// Rows of a reader whose first row names the columns.
    pub fn new(reader: R) -> Self {
        Self { form: Form::Unknown(Some(reader)) }
    }

    /// A dead letter begins so (`drkit-records(7)`), and no header does.
    fn form_of(mut reader: R) -> io::Result<Form<R>> {
        const LETTER: &[u8] = b"{\"error\":{";
        let head = reader.fill_buf()?;
        let shared = head.len().min(LETTER.len());
        Ok(match shared > 0 && head[..shared] == LETTER[..shared] {
            true => Form::Letters(JsonLines::new(reader)),
            false => Form::Rows(Rows::new(reader)),
        })
    }
}

impl<R: BufRead> Iterator for Csv<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        // Not before the first item is asked for: until then nobody waits for input.
        if let Form::Unknown(reader) = &mut self.form {
            match Self::form_of(reader.take()?) {
                Ok(form) => self.form = form,
                Err(err) => return Some(Err(err)),
            }
        }
        match &mut self.form {
            Form::Rows(rows) => rows.next(),
            Form::Letters(lines) => lines.next(),
            Form::Unknown(_) => None,
        }
    }
}

struct Rows<R> {
    reader: csv::Reader<R>,
    header: Option<Vec<String>>,
}

impl<R: io::Read> Rows<R> {
    fn new(reader: R) -> Self {
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader);
        Self { reader, header: None }
    }

    fn record(header: &[String], row: &csv::ByteRecord) -> Result<Record, String> {
        if row.len() != header.len() {
            return Err(format!("{} cells under a header of {}", row.len(), header.len()));
        }
        let cells: Option<Vec<&str>> = row.iter().map(|cell| std::str::from_utf8(cell).ok()).collect();
        let cells: indexmap::IndexMap<&str, &str> = header
            .iter()
            .map(String::as_str)
            .zip(cells.ok_or("not UTF-8")?)
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        Record::from_value(&cells).map_err(|err| format!("{err:#}"))
    }

    /// The row as a CSV has it, with the bytes of its cells.
    fn text(row: &csv::ByteRecord) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        let written = writer.write_byte_record(row).ok().and_then(|()| writer.into_inner().ok());
        let mut text = written.unwrap_or_default();
        text.pop_if(|last| *last == b'\n');
        text
    }
}

impl<R: io::Read> Iterator for Rows<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = csv::ByteRecord::new();
        loop {
            match self.reader.read_byte_record(&mut row) {
                Ok(false) => return None,
                Ok(true) => {}
                Err(err) => return Some(Err(err.into())),
            }
            let Some(header) = &self.header else {
                let names = row.iter().map(|name| String::from_utf8_lossy(name));
                self.header =
                    Some(names.map(|name| name.trim().trim_start_matches('\u{feff}').to_owned()).collect());
                continue;
            };
            return Some(Ok(match Self::record(header, &row) {
                Ok(record) => Item::Record(record),
                Err(why) => {
                    let line = row.position().map_or(0, csv::Position::line);
                    Item::Line(BadLine::new(Self::text(&row), format!("line {line}: {why}")))
                }
            }));
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
        let lines: Vec<_> = Lines::new(&letters[..]).map(Result::unwrap).collect();
        assert!(matches!(&lines[0], Line::Record(record) if Item::Record(record.clone()) == items[0]));
        assert!(matches!(&lines[1], Line::Bad(again) if again.line == bad.line));
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
