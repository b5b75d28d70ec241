//! Dead letters: the lines in which rejected inputs are written, and read back as the inputs that they were.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::record::{BadLine, Item};
use crate::reject::Reject;
use crate::secret;

/// `{"error":{...},"record":{...}}`; for what is no record, `"line"` in place of it, or `"line_base64"` where that is no
/// UTF-8. `"length"` is that of a line of which only the beginning was kept, in bytes.
#[derive(Serialize)]
struct Letter<'a> {
    error: Error<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
}

#[derive(Serialize)]
struct Error<'a> {
    tool: &'a str,
    kind: &'a str,
    message: &'a str,
    retryable: bool,
}

/// The letter of an input that `tool` rejects, as a line with its end.
///
/// # Errors
/// serde's, where a record is no JSON; none is.
pub(crate) fn write(tool: &str, reject: &Reject, input: &Item) -> serde_json::Result<Vec<u8>> {
    let message = &secret::masked(&reject.message);
    let error = Error { tool, kind: reject.kind, message, retryable: reject.retryable };
    let mut letter = Letter { error, record: None, line: None, line_base64: None, length: None };
    match input {
        Item::Record(record) => letter.record = Some(serde_json::from_str(record.as_str())?),
        Item::Line(bad) => {
            letter.length = bad.length;
            match std::str::from_utf8(&bad.line) {
                Ok(line) => letter.line = Some(line),
                Err(_) => letter.line_base64 = Some(STANDARD.encode(&bad.line)),
            }
        }
    }
    let mut line = serde_json::to_vec(&letter)?;
    line.push(b'\n');
    Ok(line)
}

/// A letter as it is read back. Both structs refuse other fields, so that a record of somebody else that merely has an
/// `error` is not taken apart.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Returned<'a> {
    #[serde(borrow, rename = "error")]
    _error: ReturnedError<'a>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
    line: Option<String>,
    line_base64: Option<String>,
    length: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReturnedError<'a> {
    #[serde(borrow, rename = "tool")]
    _tool: &'a RawValue,
    #[serde(borrow, rename = "kind")]
    _kind: &'a RawValue,
    #[serde(borrow, rename = "message")]
    _message: &'a RawValue,
    #[serde(rename = "retryable")]
    _retryable: bool,
}

/// What a dead letter carries.
#[derive(Debug, Eq, PartialEq)]
pub enum Content {
    /// The text of a record.
    Record(String),
    /// The bytes of a line.
    Line(Vec<u8>),
    /// Only the beginning of a line, which is not to be taken for the line.
    Beginning(BadLine),
}

/// What a dead letter carries, or `None` where the text is no dead letter.
pub fn read(text: &str) -> Option<Content> {
    if !text.contains("\"retryable\"") {
        return None;
    }
    let Returned { record, line, line_base64, length, .. } = serde_json::from_str(text).ok()?;
    if let Some(record) = record {
        return Some(Content::Record(record.get().to_owned()));
    }
    let line = match (line, line_base64) {
        (Some(line), _) => line.into_bytes(),
        (None, Some(line)) => STANDARD.decode(line).ok()?,
        (None, None) => return None,
    };
    Some(match length {
        None => Content::Line(line),
        Some(length) => {
            let message = format!(
                "this reject has only the first {} of {length} bytes: give the line itself",
                line.len()
            );
            Content::Beginning(BadLine { line, length: Some(length), message })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_dead_letter_is_unwrapped() {
        let letter =
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":false},"record":{"n":1.10}}"#;
        assert_eq!(read(letter), Some(Content::Record(r#"{"n":1.10}"#.to_owned())));
        let line = r#"{"error":{"tool":"t","kind":"k","message":"\"q\"","retryable":true},"line":"{\"a\""}"#;
        assert_eq!(read(line), Some(Content::Line(b"{\"a\"".to_vec())));
        for other in [
            r#"{"error":"x","record":{}}"#,
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":false},"record":{},"more":1}"#,
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":false}}"#,
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":false},"line_base64":"?"}"#,
            r#"{"retryable":true}"#,
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn the_beginning_of_a_line_is_not_taken_for_the_line() {
        let bad = BadLine { line: b"key".to_vec(), length: Some(99), message: "too long".into() };
        let letter = write("t", &Reject::from(&bad), &Item::Line(bad)).unwrap();
        let Some(Content::Beginning(back)) = read(std::str::from_utf8(&letter).unwrap()) else {
            panic!("{letter:?}")
        };
        assert_eq!((back.line.as_slice(), back.length), (&b"key"[..], Some(99)));
    }

    proptest! {
        #[test]
        fn a_line_comes_back_byte_for_byte(line: Vec<u8>) {
            let bad = BadLine::new(line.clone(), "no record");
            let letter = write("t", &Reject::from(&bad), &Item::Line(bad)).unwrap();
            prop_assert_eq!(read(std::str::from_utf8(&letter).unwrap()), Some(Content::Line(line)));
        }
    }
}
