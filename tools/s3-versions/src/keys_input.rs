//! The file that names keys, in whichever form it has.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read as _};

use anyhow::Result;
use common::input::{Csv, Item, JsonLines, Line, Lines};
use common::pipe::{self, Source};
use common::s3::Shard;
use common::{Record, Usage, claims};
use serde::{Deserialize, Serialize};

use crate::cli::{Keys, KeysFormat};

/// A key whose versions are wanted.
#[derive(Debug, Deserialize, Serialize)]
pub struct Key {
    pub key: String,
    /// The bucket, where it is not the command line's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

/// How much of the file is looked at to tell its form.
const HEAD: u64 = 64 << 10;

type Items = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// Opens the file or stdin as a source of records with a `key`.
///
/// # Errors
/// [`Usage`] when the file cannot be opened or stdin is a terminal.
pub fn open(keys: &Keys, shard: Option<Shard>) -> Result<Source<Items>> {
    let format = keys.format;
    let source = match &keys.file {
        None => pipe::stdin(|reader| Box::new(Undecided::new(reader, format)) as Items)?,
        Some(path) => {
            let file = File::open(path)
                .map_err(|err| Usage::Wrong(format!("cannot read --keys-from {}: {err}", path.display())))?;
            claims::claim(path, &file, "--keys-from")?;
            Source::file(Box::new(Undecided::new(Box::new(BufReader::new(file)), format)) as Items)
        }
    };
    Ok(match shard {
        Some(shard) => source.map(|items| Box::new(shard.only(items)) as Items),
        None => source,
    })
}

/// Items whose form is decided when the first is asked for: until then nobody waits for input.
enum Undecided {
    Waiting(Option<Box<dyn BufRead + Send>>, KeysFormat),
    Decided(Items),
}

impl Undecided {
    fn new(reader: Box<dyn BufRead + Send>, format: KeysFormat) -> Self {
        Self::Waiting(Some(reader), format)
    }
}

impl Iterator for Undecided {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Self::Waiting(reader, format) = self {
            match decode(reader.take()?, *format) {
                Ok(items) => *self = Self::Decided(items),
                Err(err) => return Some(Err(err)),
            }
        }
        match self {
            Self::Decided(items) => items.next(),
            Self::Waiting(..) => None,
        }
    }
}

fn decode(mut reader: Box<dyn BufRead + Send>, format: KeysFormat) -> io::Result<Items> {
    let mut head = Vec::new();
    let format = match format {
        KeysFormat::Auto => {
            io::Read::by_ref(&mut reader).take(HEAD).read_until(b'\n', &mut head)?;
            form_of(&head)
        }
        given => given,
    };
    let reader = Cursor::new(head).chain(reader);
    Ok(match format {
        KeysFormat::Json => Box::new(JsonLines::new(reader)),
        KeysFormat::Csv => Box::new(Csv::new(reader)),
        KeysFormat::Plain | KeysFormat::Auto => Box::new(Lines::new(reader).map(plain)),
    })
}

fn form_of(first_line: &[u8]) -> KeysFormat {
    let text = String::from_utf8_lossy(first_line);
    let text = text.trim_start_matches('\u{feff}').trim();
    let is_key = |cell: &str| cell.trim().trim_matches('"') == "key";
    if text.starts_with('{') {
        KeysFormat::Json
    } else if text.split(',').any(is_key) {
        KeysFormat::Csv
    } else {
        KeysFormat::Plain
    }
}

fn plain(line: io::Result<Line>) -> io::Result<Item> {
    Ok(match line? {
        Line::Bad(bad) => Item::Line(bad),
        Line::Record(record) => Item::Record(record),
        Line::Text(key) => {
            let record = Record::from_value(&Key { key, bucket: None }).map_err(io::Error::other)?;
            Item::Record(record)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &'static str, format: KeysFormat) -> Vec<String> {
        let reader = Box::new(text.as_bytes());
        Undecided::new(reader, format)
            .map(|item| match item.unwrap() {
                Item::Record(record) => record.view::<Key>().unwrap().key,
                Item::Line(bad) => bad.message,
            })
            .collect()
    }

    #[test]
    fn the_first_line_shows_the_form() {
        let auto = |text| keys(text, KeysFormat::Auto);
        assert_eq!(auto("{\"key\":\"a\"}\n{\"key\":\"b\"}\n"), ["a", "b"]);
        assert_eq!(auto("version_id,\"key\"\n1,a\n2,\"b,\"\"c\"\n"), ["a", "b,\"c"]);
        assert_eq!(auto("\u{feff}key\na\n"), ["a"]);
        assert_eq!(auto("a,b\n c d \n"), ["a,b", " c d "]);
        assert_eq!(auto(""), [""; 0]);
    }

    #[test]
    fn a_form_that_is_given_is_not_guessed() {
        assert_eq!(keys("key\n{\"key\":\"a\"}\n", KeysFormat::Plain), ["key", "{\"key\":\"a\"}"]);
    }
}
