//! The lines of a journal, each with a check sum, so that a torn, a damaged and a foreign one are told apart.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Id;
use crate::input::MAX_LINE;

/// Every line but the first begins so.
const START: &[u8] = b"{\"sum\":\"";
/// The longest line: a record that was read, and what a tool adds to it.
const MAX: usize = 2 * MAX_LINE;
/// The longest first line.
pub(super) const MAX_HEADER: u64 = 1 << 20;

/// The first 8 bytes of a BLAKE3.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Sum([u8; 8]);

impl Sum {
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        let mut sum = [0; 8];
        hasher.finalize_xof().fill(&mut sum);
        Self(sum)
    }
}

impl From<Sum> for String {
    fn from(sum: Sum) -> Self {
        format!("{:016x}", u64::from_be_bytes(sum.0))
    }
}

impl TryFrom<String> for Sum {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let sum = u64::from_str_radix(&text, 16).ok().filter(|_| text.len() == 16);
        sum.map(|sum| Self(sum.to_be_bytes())).ok_or("not a check sum")
    }
}

/// What a line says of a piece of work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// It is about to be done.
    Intent,
    /// It is done.
    Result,
}

/// A line, but for its sum.
#[derive(Deserialize, Serialize)]
struct Entry<'a> {
    id: &'a str,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    intent: Option<&'a RawValue>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
}

/// The line for a piece of work in the journal whose first line has this sum. `record` is the text of a JSON object.
pub(super) fn write(journal: Sum, id: Id, kind: Kind, record: &str) -> serde_json::Result<Vec<u8>> {
    let record = Some(serde_json::from_str(record)?);
    let id = id.to_hex();
    let entry = match kind {
        Kind::Intent => Entry { id: &id, intent: record, result: None },
        Kind::Result => Entry { id: &id, intent: None, result: record },
    };
    let text = serde_json::to_vec(&entry)?;
    let body = &text[1..];
    let sum = String::from(Sum::of(&[&journal.0, body]));
    Ok([START, sum.as_bytes(), b"\",", body, b"\n"].concat())
}

/// Reads a line, with or without its end: the work, what is said of it, and the record.
pub(super) fn parse(journal: Sum, line: &[u8]) -> Option<(Id, Kind, &str)> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (sum, body) = line.strip_prefix(START)?.split_at_checked(16)?;
    let body = body.strip_prefix(b"\",")?;
    if String::from(Sum::of(&[&journal.0, body])).as_bytes() != sum {
        return None;
    }
    let Entry { id, intent, result } = serde_json::from_str(std::str::from_utf8(line).ok()?).ok()?;
    let id = Id::from_hex(id)?;
    match (intent, result) {
        (Some(intent), None) => Some((id, Kind::Intent, intent.get())),
        (None, Some(result)) => Some((id, Kind::Result, result.get())),
        _ => None,
    }
}

/// Whether the end of a file, which has no line end, is the beginning of a line of ours: what a crash leaves, or the zeros
/// that a file system shows for what it did not get to write.
pub(super) fn is_torn(tail: &[u8]) -> bool {
    let shared = tail.len().min(START.len());
    tail[..shared] == START[..shared] || tail.iter().all(|&byte| byte == 0)
}

/// One line of a file as it lies there.
pub(super) struct Raw {
    /// Its bytes with the line end, if it has one; of one that is too long, the beginning.
    pub(super) bytes: Vec<u8>,
    /// Its length in the file.
    pub(super) length: u64,
    /// Whether it has a line end.
    pub(super) ended: bool,
}

/// The next line; nothing at the end. Never holds more than a journal's line may have.
pub(super) fn next(reader: &mut impl BufRead) -> io::Result<Option<Raw>> {
    next_within(reader, MAX)
}

fn next_within(reader: &mut impl BufRead, max: usize) -> io::Result<Option<Raw>> {
    let mut raw = Raw { bytes: Vec::new(), length: 0, ended: false };
    loop {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
            Err(err) => return Err(err),
        };
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = &available[..end.map_or(available.len(), |end| end + 1)];
        let used = part.len();
        raw.bytes.extend_from_slice(&part[..used.min(max.saturating_sub(raw.bytes.len()))]);
        raw.length += used as u64;
        raw.ended = end.is_some();
        reader.consume(used);
        if raw.ended || used == 0 {
            return Ok((raw.length > 0).then_some(raw));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_is_of_one_journal_alone() {
        let (ours, other) = (Sum::of(&[b"a"]), Sum::of(&[b"b"]));
        let id = Id::of(&["work"]);
        let line = write(ours, id, Kind::Intent, r#"{"n":1.10}"#).unwrap();
        assert_eq!(parse(ours, &line), Some((id, Kind::Intent, r#"{"n":1.10}"#)));
        assert_eq!(parse(other, &line), None);
    }

    #[test]
    fn a_line_longer_than_any_of_ours_is_passed_over() {
        let text = [vec![b'x'; 5000], b"\nend".to_vec()].concat();
        let mut reader = io::BufReader::with_capacity(64, &text[..]);
        let raw = next_within(&mut reader, 100).unwrap().unwrap();
        assert_eq!((raw.bytes.len(), raw.length, raw.ended), (100, 5001, true));
        let raw = next_within(&mut reader, 100).unwrap().unwrap();
        assert_eq!((raw.bytes.as_slice(), raw.ended), (&b"end"[..], false));
        assert!(next_within(&mut reader, 100).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn a_line_with_one_byte_changed_is_damaged(at: prop::sample::Index, flip in 1u8..) {
            let journal = Sum::of(&[b"a"]);
            let mut line = write(journal, Id::of(&["w"]), Kind::Result, r#"{"key":"a","n":[1,2]}"#).unwrap();
            let at = at.index(line.len() - 1);
            line[at] ^= flip;
            prop_assert_eq!(parse(journal, &line), None);
        }
    }
}
