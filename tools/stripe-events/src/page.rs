//! One page of events, in the text that Stripe sent.

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page, newest event first.
#[derive(Debug, Default)]
pub struct Page {
    events: Vec<Box<RawValue>>,
    /// Whether there are more events in the direction of the page.
    pub has_more: bool,
}

/// What the tool reads of an event.
#[derive(Debug, Deserialize)]
pub struct Head {
    object: String,
    /// `evt_...`
    pub id: String,
    /// Whether it is one of live mode.
    pub livemode: bool,
    /// Seconds since 1970.
    pub created: i64,
}

#[derive(Deserialize)]
struct List {
    object: String,
    data: Vec<Box<RawValue>>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    object: String,
}

impl Page {
    /// Reads the answer to a request for events.
    ///
    /// # Errors
    /// It is no list, or an empty one that is not the end.
    pub fn read(body: &[u8]) -> Result<Self> {
        match serde_json::from_slice::<List>(body) {
            // Whoever takes it for the end leaves out the rest.
            Ok(list) if list.data.is_empty() && list.has_more => {
                bail!("Stripe sent an empty page and says there are more events")
            }
            Ok(list) if list.object == "list" => Ok(Self { events: list.data, has_more: list.has_more }),
            Ok(_) => bail!("Stripe's answer is no list of events: its object is no \"list\""),
            Err(error) => bail!("Stripe's answer is no list of events: {error}"),
        }
    }

    /// The id of its first event: there is none on an empty page.
    ///
    /// # Errors
    /// As [`head`].
    pub fn newest(&self) -> Result<Option<String>> {
        self.events.first().map(|event| head(event.get())).transpose().map(|head| head.map(|head| head.id))
    }

    /// The id of its last event.
    ///
    /// # Errors
    /// As [`head`].
    pub fn oldest(&self) -> Result<Option<String>> {
        self.events.last().map(|event| head(event.get())).transpose().map(|head| head.map(|head| head.id))
    }

    /// The texts of its events, oldest first.
    pub fn oldest_first(&self) -> impl Iterator<Item = &str> {
        self.events.iter().rev().map(|event| event.get())
    }
}

/// Reads an event.
///
/// # Errors
/// It is none of API v1, or has not what every event has.
pub fn head(text: &str) -> Result<Head> {
    let error = match serde_json::from_str::<Head>(text) {
        Ok(head) if head.object == "event" => return Ok(head),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let object = serde_json::from_str::<Object>(text).map(|object| object.object).unwrap_or_default();
    match error {
        _ if object.starts_with("v2.") => {
            bail!("Stripe sent a {object}, a thin event of API v2, where events of API v1 were asked for")
        }
        Some(error) if object.is_empty() || object == "event" => {
            bail!("Stripe sent an event that is none: {error}")
        }
        _ => bail!("Stripe sent an object {object:?} where an event belongs"),
    }
}

/// Adds a JSON text as one line: without the white space between its tokens, which keep their bytes.
pub fn push_line(line: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        let length = match first {
            b' ' | b'\t' | b'\n' | b'\r' => {
                rest = rest.trim_ascii_start();
                continue;
            }
            b'"' => string(rest),
            _ => rest.iter().position(|byte| b"\" \t\n\r".contains(byte)).unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at(length);
        line.extend_from_slice(token);
        rest = after;
    }
    line.push(b'\n');
}

/// The length of the string at the start of a JSON text.
fn string(text: &[u8]) -> usize {
    let mut end = 1;
    while let Some(found) = text[end..].iter().position(|byte| b"\"\\".contains(byte)) {
        end += found;
        if text[end] == b'"' {
            return end + 1;
        }
        end += 2;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn line(text: &str) -> String {
        let mut line = Vec::new();
        push_line(&mut line, text);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn only_white_space_between_tokens_goes() {
        let text = "{\n  \"a\" :\t[ 1.10, 1E5,\r\n 123456789012345678901234567890 ],\n  \"b\\\\\" : \"\\u00e9 \\\" {\\n  x\\\\\"\n}\n";
        let expected =
            "{\"a\":[1.10,1E5,123456789012345678901234567890],\"b\\\\\":\"\\u00e9 \\\" {\\n  x\\\\\"}\n";
        assert_eq!(line(text), expected);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let read = |text: &str| Page::read(text.as_bytes());
        assert!(read(r#"{"object":"list","data":[],"has_more":false,"url":"/v1/events"}"#).is_ok());
        for wrong in [
            "[]",
            "<html>",
            "",
            r#"{"object":"event","data":{}}"#,
            r#"{"object":"search_result","data":[],"has_more":false}"#,
            r#"{"data":[],"next_page_url":null}"#,
            r#"{"object":"list","data":[]}"#,
        ] {
            assert!(read(wrong).unwrap_err().to_string().contains("no list of events"), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_event_of_v1_is_refused_by_its_name() {
        let why = |text: &str| head(text).unwrap_err().to_string();
        assert!(why(r#"{"object":"v2.core.event","id":"evt_1","livemode":false}"#).contains("v2.core.event"));
        assert!(why(r#"{"object":"charge","id":"ch_1"}"#).contains("\"charge\""));
        let charge = r#"{"object":"charge","id":"ch_1","created":1,"livemode":false}"#;
        assert!(why(charge).contains("\"charge\""));
        assert!(why(r#"{"object":"event","id":"evt_1","created":1}"#).contains("livemode"));
        assert!(why("1").contains("none"));
    }

    proptest! {
        #[test]
        fn a_line_has_the_tokens_of_the_text(strings in prop::collection::vec(".*", 0..8), number: u64) {
            let value = serde_json::json!({"a": strings, "b": [number, null, {}], "c": {"d": []}});
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let line = line(&pretty);
            prop_assert_eq!(&line, &format!("{value}\n"));
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
        }
    }
}
