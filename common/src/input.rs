//! The forms in which records arrive: JSON lines, CSV with a header, plain lines.

use std::io::{self, BufRead};

use crate::record::Record;
pub use crate::record::{BadLine, Item};
use crate::reject::unwrap_dead_letter;

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
        let line = match self.lines.next()? {
            Ok(Ok(line)) => line,
            Ok(Err(bad)) => return Some(Ok(Item::Line(bad))),
            Err(err) => return Some(Err(err)),
        };
        let line = unwrap_dead_letter(&line).unwrap_or(line);
        Some(Ok(match Record::parse(line.clone()) {
            Ok(record) => Item::Record(record),
            Err(why) => {
                let message = format!("line {}: {why}", self.lines.number);
                Item::Line(BadLine { line, message })
            }
        }))
    }
}

/// Lines of text that are not blank, counted, without their ends. A line too long or no UTF-8 is a [`BadLine`].
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

    fn checked(&self, line: Vec<u8>, length: usize) -> Result<String, BadLine> {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if length > MAX_LINE {
            let message = format!(
                "line {}: {length} bytes, more than the {MAX_LINE} a line may have; its first {SHOWN} bytes are shown",
                self.number
            );
            return Err(BadLine { line: shown(&line[..SHOWN]), message });
        }
        String::from_utf8(line).map_err(|err| BadLine {
            message: format!("line {}: not UTF-8", self.number),
            line: shown(err.as_bytes()),
        })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Result<String, BadLine>>;

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

/// Rows of a CSV with a header, as records of strings; empty cells are left out.
pub struct Csv<R> {
    reader: csv::Reader<R>,
    header: Option<Vec<String>>,
}

impl<R: io::Read> Csv<R> {
    /// Rows of a reader whose first row names the columns.
    pub fn new(reader: R) -> Self {
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader);
        Self { reader, header: None }
    }

    fn record(header: &[String], row: &csv::StringRecord) -> Result<Record, String> {
        if row.len() != header.len() {
            return Err(format!("{} cells under a header of {}", row.len(), header.len()));
        }
        let cells: indexmap::IndexMap<&str, &str> =
            header.iter().map(String::as_str).zip(row.iter()).filter(|(_, cell)| !cell.is_empty()).collect();
        Record::from_value(&cells).map_err(|err| format!("{err:#}"))
    }

    fn row(&mut self) -> Option<io::Result<Result<csv::StringRecord, BadLine>>> {
        let mut row = csv::ByteRecord::new();
        match self.reader.read_byte_record(&mut row) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(err) => return Some(Err(err.into())),
        }
        let line = row.position().map_or(0, csv::Position::line);
        Some(Ok(csv::StringRecord::from_byte_record(row).map_err(|err| BadLine {
            message: format!("line {line}: not UTF-8"),
            line: String::from_utf8_lossy(&err.into_byte_record().iter().collect::<Vec<_>>().join(&b','))
                .into_owned(),
        })))
    }
}

impl<R: io::Read> Iterator for Csv<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.row()? {
                Ok(Ok(row)) => row,
                Ok(Err(bad)) => return Some(Ok(Item::Line(bad))),
                Err(err) => return Some(Err(err)),
            };
            let Some(header) = &self.header else {
                let names = row.iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_owned());
                self.header = Some(names.collect());
                continue;
            };
            return Some(Ok(match Self::record(header, &row) {
                Ok(record) => Item::Record(record),
                Err(why) => {
                    let line = row.position().map_or(0, csv::Position::line);
                    let message = format!("line {line}: {why}");
                    Item::Line(BadLine { line: row.iter().collect::<Vec<_>>().join(","), message })
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
        assert_eq!((bad.line.len(), items.len()), (SHOWN, 2));
        assert_eq!(text(&items[1]), r#"{"a":1}"#);
    }

    #[test]
    fn csv_rows_are_records_of_strings() {
        let input = "\u{feff}key, version_id\n\"a,\"\"b\nc\",v1\nonly\nd,\n";
        let items: Vec<_> = Csv::new(input.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(text(&items[0]), r#"{"key":"a,\"b\nc","version_id":"v1"}"#);
        assert_eq!(text(&items[1]), "line 4: 1 cells under a header of 2");
        assert_eq!(text(&items[2]), r#"{"key":"d"}"#);
    }
}
