//! CSV with a header, as records of strings.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::dead_letter::{self, Content};
use crate::input::{JsonLines, parsed};
use crate::record::{BadLine, Item, Record};

/// Rows of a CSV with a header, as records of strings; empty cells are left out. Dead letters among them are unwrapped,
/// and a file that begins with one is read as JSON lines: it is what an earlier run has rejected.
pub struct Csv<R> {
    form: Form<R>,
}

enum Form<R> {
    /// Nothing was read yet.
    Unknown(Option<R>),
    Rows(Box<Rows<R>>),
    Letters(JsonLines<R>),
}

/// A dead letter begins so (`drkit-records(7)`), and no header does.
const LETTER: &[u8] = b"{\"error\":{";

impl<R: BufRead> Csv<R> {
    /// Rows of a reader whose first row names the columns.
    pub fn new(reader: R) -> Self {
        Self { form: Form::Unknown(Some(reader)) }
    }

    fn form_of(mut reader: R) -> io::Result<Form<R>> {
        let head = reader.fill_buf()?;
        let shared = head.len().min(LETTER.len());
        Ok(match shared > 0 && head[..shared] == LETTER[..shared] {
            true => Form::Letters(JsonLines::new(reader)),
            false => Form::Rows(Box::new(Rows::new(reader))),
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
    reader: csv::Reader<Tap<R>>,
    kept: Kept,
    header: Option<Vec<String>>,
}

impl<R: Read> Rows<R> {
    fn new(reader: R) -> Self {
        let kept = Kept::default();
        let reader = csv_reader(Tap { reader, kept: kept.clone() });
        Self { reader, kept, header: None }
    }

    /// The item of a row that stands at this line.
    fn item(header: &[String], row: &csv::ByteRecord, raw: Vec<u8>, line: u64) -> Item {
        if raw.starts_with(LETTER)
            && let Some(content) = std::str::from_utf8(&raw).ok().and_then(dead_letter::read)
        {
            return match content {
                Content::Record(record) => parsed(record, &format_args!("line {line}")),
                Content::Line(raw) => Self::returned(header, raw, line),
                Content::Beginning(bad) => Item::Line(bad),
            };
        }
        match record(header, row) {
            Ok(record) => Item::Record(record),
            Err(why) => Item::Line(BadLine::new(raw, format!("line {line}: {why}"))),
        }
    }

    /// A row that an earlier run rejected.
    fn returned(header: &[String], raw: Vec<u8>, line: u64) -> Item {
        let mut row = csv::ByteRecord::new();
        match csv_reader(&raw[..]).read_byte_record(&mut row) {
            Ok(_) => Self::item(header, &row, raw, line),
            Err(err) => Item::Line(BadLine::new(raw, format!("line {line}: {err}"))),
        }
    }
}

fn csv_reader<R: Read>(reader: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(reader)
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

impl<R: Read> Iterator for Rows<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = csv::ByteRecord::new();
        loop {
            match self.reader.read_byte_record(&mut row) {
                Ok(false) => return None,
                Ok(true) => {}
                Err(err) => return Some(Err(err.into())),
            }
            let raw = self.kept.take(self.reader.position().byte());
            let Some(header) = &self.header else {
                let names = row.iter().map(|name| String::from_utf8_lossy(name));
                self.header =
                    Some(names.map(|name| name.trim().trim_start_matches('\u{feff}').to_owned()).collect());
                continue;
            };
            let line = row.position().map_or(0, csv::Position::line);
            return Some(Ok(Self::item(header, &row, raw, line)));
        }
    }
}

/// What was read and belongs to no row yet: a row that is rejected is kept as it was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Window>>);

#[derive(Default)]
struct Window {
    bytes: VecDeque<u8>,
    /// Where they begin in the input.
    begin: u64,
}

impl Kept {
    fn window(&self) -> MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes up to this place of the input, without line ends around them.
    fn take(&self, end: u64) -> Vec<u8> {
        let mut window = self.window();
        let length = usize::try_from(end.saturating_sub(window.begin)).unwrap_or(usize::MAX);
        let length = length.min(window.bytes.len());
        let mut row: Vec<u8> = window.bytes.drain(..length).collect();
        window.begin = end;
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        row.truncate(row.iter().rposition(|byte| !is_end(byte)).map_or(0, |last| last + 1));
        let begin = row.iter().position(|byte| !is_end(byte)).unwrap_or(row.len());
        row.split_off(begin)
    }
}

struct Tap<R> {
    reader: R,
    kept: Kept,
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buf)?;
        self.kept.window().bytes.extend(&buf[..n]);
        Ok(n)
    }
}
