//! One line of the stream: a JSON object that is carried as the bytes it came in.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::members::{self, Members};

/// One input, as far as it could be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// A record.
    Record(Record),
    /// A line that is none.
    Line(BadLine),
}

/// A line that is no record, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadLine {
    /// The line as it was read, without its end; of one too long to be held, the first 4 KiB.
    pub line: Vec<u8>,
    /// The length of the whole line in bytes, where `line` is only its beginning.
    pub length: Option<usize>,
    /// What is wrong with it.
    pub message: String,
}

impl BadLine {
    /// A line that is here as a whole.
    pub fn new(line: impl Into<Vec<u8>>, message: impl Into<String>) -> Self {
        Self { line: line.into(), length: None, message: message.into() }
    }
}

/// A JSON object, kept as its own text so that fields nobody asked for leave as they came,
/// down to `1.10` and the digits of a number no machine type holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    text: String,
}

impl Record {
    /// Reads one line, with or without its line end.
    ///
    /// # Errors
    /// What is wrong with the line, when it is not one whole JSON object.
    pub fn parse(line: String) -> Result<Self, String> {
        let text = line.trim_ascii();
        if !text.starts_with('{') {
            return Err("not a JSON object".into());
        }
        serde_json::from_str::<IgnoredAny>(text).map_err(|err| format!("not valid JSON: {err}"))?;
        let text = if text.len() == line.len() { line } else { text.to_owned() };
        Ok(Self { text })
    }

    /// Makes a record of a value that serializes as a JSON object.
    ///
    /// # Errors
    /// When the value does not.
    pub fn from_value(value: &impl Serialize) -> Result<Self> {
        let text = serde_json::to_string(value).context("a record cannot be written as JSON")?;
        Self::parse(text).map_err(anyhow::Error::msg)
    }

    /// The fields a tool needs, as its own type; others are passed over.
    ///
    /// # Errors
    /// serde's own message: a field is missing, of another type, or there twice.
    pub fn view<'a, T: Deserialize<'a>>(&'a self) -> Result<T, String> {
        serde_json::from_str(&self.text).map_err(|err| {
            let message = err.to_string();
            // The position is always "line 1" of a text the user sees as line N of a stream.
            match message.rfind(" at line ") {
                Some(end) => message[..end].to_owned(),
                None => message,
            }
        })
    }

    /// The record with one more field at its end, or with that field's value replaced in its place; every other byte
    /// stays as it came.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn with(&self, key: &str, value: &impl Serialize) -> Result<Self> {
        let name = serde_json::to_string(key)?;
        let value = serde_json::to_string(value).context("a field cannot be written as JSON")?;
        let replaced = if self.may_have(&name) { self.replaced(key, &value)? } else { None };
        let text = replaced.unwrap_or_else(|| {
            let body = self.text[..self.text.len() - 1].trim_ascii_end();
            let comma = if body.ends_with('{') { "" } else { "," };
            format!("{body}{comma}{name}:{value}}}")
        });
        Ok(Self { text })
    }

    /// False only when no field has this name: an escaped name is found by the backslash it needs.
    fn may_have(&self, quoted: &str) -> bool {
        self.text.contains(quoted) || self.text.contains('\\')
    }

    /// The text with another value in the place of the first that has this name, and without those that have it again: a
    /// field of ours comes once, or nobody could read it. Every other byte stays.
    fn replaced(&self, key: &str, value: &str) -> Result<Option<String>> {
        let Members(members) = serde_json::from_str(&self.text)?;
        let Some(first) = members.iter().position(|(name, _)| name == key) else { return Ok(None) };
        let mut text = self.text.clone();
        for place in (first + 1..members.len()).rev().filter(|place| members[*place].0 == key) {
            // From behind the member before it: the comma and the name go, too.
            let before = members::span(&self.text, members[place - 1].1).end;
            text.replace_range(before..members::span(&self.text, members[place].1).end, "");
        }
        text.replace_range(members::span(&self.text, members[first].1), value);
        Ok(Some(text))
    }

    /// The JSON text, without a line end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text as a line of the stream.
    pub fn into_line(self) -> Vec<u8> {
        let mut line = self.text.into_bytes();
        line.push(b'\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(text: &str) -> Record {
        Record::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn unknown_fields_pass_through_byte_for_byte() {
        for text in [
            r#"{"a":1.10, "b":123456789012345678901234567890,"c":1E5}"#,
            r#"{"a":1.10, "b":123456789012345678901234567890,"c":1E5,"d":"\u00e9","\u0065":[ 1 ]}"#,
            r#"{"x":1,"x":2,"\u0065":1.10}"#,
            r#"{"w":"C:\\", "restore\n":1}"#,
        ] {
            let added = record(text).with("restore", &7).unwrap();
            assert_eq!(added.as_str(), format!("{},\"restore\":7}}", &text[..text.len() - 1]));
        }
    }

    #[test]
    fn a_field_that_is_there_is_replaced_in_its_place() {
        let once = record(r#"{"restore":1,"z":{"restore":2}}"#).with("restore", &3).unwrap();
        assert_eq!(once.as_str(), r#"{"restore":3,"z":{"restore":2}}"#);
        let twice = record(r#"{"re\u0073tore":1, "b":"\\" ,"restore": 2}"#).with("restore", &3).unwrap();
        assert_eq!(twice.as_str(), r#"{"re\u0073tore":3, "b":"\\"}"#);
        assert_eq!(record("{ }").with("a", &1).unwrap().as_str(), r#"{"a":1}"#);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for line in ["", "[]", "1", "{", r#"{"a":}"#, "{} {}", "null", "{\"a\":1}x"] {
            assert!(Record::parse(line.to_owned()).is_err(), "{line}");
        }
    }

    #[test]
    fn a_field_there_twice_is_no_answer() {
        #[derive(Debug, Deserialize)]
        struct Input {
            #[expect(dead_code, reason = "only its reading is tested")]
            key: String,
        }
        let message = record(r#"{"key":"a","key":"b"}"#).view::<Input>().unwrap_err();
        assert_eq!(message, "duplicate field `key`");
    }

    proptest! {
        #[test]
        fn with_then_view_gives_the_value_back(key in ".*", name in ".*", value in ".*") {
            let start = Record::from_value(&std::collections::HashMap::from([(key.clone(), 1)])).unwrap();
            let map: std::collections::HashMap<String, serde_json::Value> =
                start.with(&name, &value).unwrap().view().unwrap();
            prop_assert_eq!(&map[&name], &serde_json::Value::from(value));
            prop_assert_eq!(map.len(), if key == name { 1 } else { 2 });
        }
    }
}
