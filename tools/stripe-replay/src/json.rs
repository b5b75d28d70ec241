//! `--from-json`: events in any layout of JSON, cut into records without holding more than one of them, or one page.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use common::input::{self, BadLine, Item, MAX_LINE};
use serde::Deserialize;
use serde_json::value::RawValue;

/// How much of what is no object, or too long for one, goes into its reject, in bytes.
const SHOWN: usize = 4096;

/// Objects, alone, in arrays and in lists of Stripe's API, without the white space between their parts.
///
/// A list is newest first, as the API gives it, and comes out oldest first.
pub struct Json<R> {
    reader: R,
    /// Objects and other things so far.
    number: u64,
    in_array: bool,
    page: VecDeque<String>,
    failed: bool,
}

/// A list (API reference, "Pagination").
#[derive(Deserialize)]
struct List<'a> {
    object: String,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Created {
    created: i64,
}

impl<R: BufRead> Json<R> {
    /// What is in a reader, from where it stands.
    pub fn new(reader: R) -> Self {
        Self { reader, number: 0, in_array: false, page: VecDeque::new(), failed: false }
    }

    fn item(&self, text: String) -> Item {
        input::item(text, &format_args!("value {} of the input", self.number))
    }

    /// What is no record. `length` is that of the whole, of which `text` may be the beginning.
    fn bad(&self, text: Vec<u8>, length: usize, why: &str) -> Item {
        let length = (length > text.len()).then_some(length);
        Item::Line(BadLine {
            line: text,
            length,
            message: format!("value {} of the input: {why}", self.number),
        })
    }

    fn read(&mut self) -> io::Result<Option<Item>> {
        loop {
            if let Some(text) = self.page.pop_front() {
                return Ok(Some(self.item(text)));
            }
            match self.peek()? {
                Some(b'[') if !self.in_array => self.in_array = true,
                Some(b']') if self.in_array => self.in_array = false,
                Some(b',') if self.in_array => {}
                Some(b'{') => {
                    self.number += 1;
                    let (mut text, length) = self.object()?;
                    if length > MAX_LINE {
                        text.truncate(SHOWN);
                        let why = format!("{length} bytes, more than {MAX_LINE}");
                        return Ok(Some(self.bad(text, length, &why)));
                    }
                    let text = match String::from_utf8(text) {
                        Ok(text) => text,
                        Err(error) => return Ok(Some(self.bad(error.into_bytes(), length, "not UTF-8"))),
                    };
                    match oldest_first(&text) {
                        Some(page) => self.page = page,
                        None => return Ok(Some(self.item(text))),
                    }
                    continue;
                }
                Some(byte) if byte.is_ascii_whitespace() => {}
                Some(_) => {
                    self.number += 1;
                    let (text, length) = self.other()?;
                    return Ok(Some(self.bad(text, length, "not a JSON object")));
                }
                None if self.in_array => return Err(cut("an array")),
                None => return Ok(None),
            }
            self.reader.consume(1);
        }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.reader.fill_buf() {
                Ok(available) => return Ok(available.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// An object, up to [`MAX_LINE`] of it, and its whole length without white space.
    fn object(&mut self) -> io::Result<(Vec<u8>, usize)> {
        let (mut text, mut length, mut depth) = (Vec::new(), 0, 0_usize);
        let (mut in_string, mut escaped) = (false, false);
        while self.peek()?.is_some() {
            let available = self.reader.fill_buf()?;
            let mut used = 0;
            for &byte in available {
                used += 1;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    _ if in_string => {}
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ if byte.is_ascii_whitespace() => continue,
                    _ => {}
                }
                length += 1;
                if length <= MAX_LINE {
                    text.push(byte);
                }
                if depth == 0 {
                    break;
                }
            }
            self.reader.consume(used);
            if depth == 0 {
                return Ok((text, length));
            }
        }
        Err(cut("an object"))
    }

    /// Something else, up to where an object may begin again: its beginning, and its whole length.
    fn other(&mut self) -> io::Result<(Vec<u8>, usize)> {
        let (mut text, mut length) = (Vec::new(), 0);
        while let Some(byte) = self.peek()? {
            let ends = matches!(byte, b'{' | b'\n') || self.in_array && matches!(byte, b',' | b']');
            if ends && !text.is_empty() {
                break;
            }
            self.reader.consume(1);
            length += 1;
            if text.len() < SHOWN {
                text.push(byte);
            }
        }
        Ok((text, length))
    }
}

impl<R: BufRead> Iterator for Json<R> {
    type Item = io::Result<Item>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.read().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

fn cut(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("it ends within {what}: the file was cut short"))
}

/// The events of a list, or nothing where the object is none.
fn oldest_first(text: &str) -> Option<VecDeque<String>> {
    let List { object, data, has_more } = serde_json::from_str(text).ok()?;
    if object != "list" {
        return None;
    }
    if has_more {
        tracing::warn!("a list of the input says has_more: there are more events than it holds");
    }
    let created = |event: Option<&&RawValue>| {
        serde_json::from_str::<Created>(event?.get()).ok().map(|event| event.created)
    };
    let is_oldest_first = created(data.first()) < created(data.last());
    let texts = data.into_iter().map(|event| event.get().to_owned());
    Some(if is_oldest_first { texts.collect() } else { texts.rev().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out: the text of a record, or `!` and the message of a bad line, or `error`.
    fn out(input: &str) -> Vec<String> {
        let show = |item: io::Result<Item>| match item {
            Ok(Item::Record(record)) => record.as_str().to_owned(),
            Ok(Item::Line(bad)) => format!("!{}", bad.message),
            Err(error) => format!("error: {error}"),
        };
        // Reads of 3 bytes cut objects, strings and escapes in every place.
        Json::new(io::BufReader::with_capacity(3, input.as_bytes())).map(show).collect()
    }

    #[test]
    fn every_layout_gives_the_same_objects() {
        let (a, b) = (r#"{"a":"x \" } ]","n":1.10}"#, r#"{"b":[{"c":"\\"}]}"#);
        let pretty = "{\n  \"a\": \"x \\\" } ]\",\n  \"n\": 1.10\n}\n{ \"b\" : [ {\"c\": \"\\\\\"} ] }";
        for input in [
            format!("{a}\n{b}\n"),
            format!("{a}{b}"),
            pretty.to_owned(),
            format!("[{a},\n {b}]\n"),
            format!("[{a}][] [{b}]"),
            format!(r#"{{"object":"list","data":[{b},{a}],"has_more":false,"url":"/v1/events"}}"#),
        ] {
            assert_eq!(out(&input), [a, b], "{input}");
        }
        assert!(out(" \n").is_empty() && out("[]").is_empty());
    }

    #[test]
    fn a_list_comes_out_oldest_first_in_either_order() {
        let list = |first: u8, last: u8| {
            out(&format!(r#"{{"data":[{{"created":{first}}},{{"created":{last}}}],"object":"list"}}"#))
        };
        assert_eq!(list(2, 1), [r#"{"created":1}"#, r#"{"created":2}"#]);
        assert_eq!(list(1, 2), [r#"{"created":1}"#, r#"{"created":2}"#]);
    }

    #[test]
    fn a_file_that_was_cut_short_is_an_error() {
        let starts = |all: &[String], starts: &[&str]| {
            all.len() == starts.len() && all.iter().zip(starts).all(|(text, start)| text.starts_with(start))
        };
        assert!(starts(&out(r#"[{"a":1},"#), &[r#"{"a":1}"#, "error: it ends within an array"]));
        assert!(starts(&out(r#"{"a":1}{"b":"#), &[r#"{"a":1}"#, "error: it ends within an object"]));
    }

    #[test]
    fn what_is_no_object_is_told_and_passed_over() {
        assert_eq!(
            out("[{\"a\":1}, 7, {\"b\":2}]\nnoise\n{\"c\":}\n{\"d\":4}"),
            [
                r#"{"a":1}"#,
                "!value 2 of the input: not a JSON object",
                r#"{"b":2}"#,
                "!value 4 of the input: not a JSON object",
                "!value 5 of the input: not valid JSON: expected value at line 1 column 6",
                r#"{"d":4}"#,
            ]
        );
    }

    #[test]
    fn a_dead_letter_is_unwrapped() {
        let letter =
            r#"{"error":{"tool":"t","kind":"k","message":"m","retryable":true},"record":{"id":"e"}}"#;
        assert_eq!(out(letter), [r#"{"id":"e"}"#]);
    }

    #[test]
    fn an_object_too_long_is_not_held() {
        let input = format!("{{\"a\":\"{}\"}}{{\"b\":1}}", "x".repeat(MAX_LINE));
        let items: Vec<_> = Json::new(input.as_bytes()).map(Result::unwrap).collect();
        let Item::Line(bad) = &items[0] else { panic!("{items:?}") };
        assert_eq!((bad.line.len(), bad.length, items.len()), (SHOWN, Some(MAX_LINE + 8), 2));
    }

    #[test]
    fn only_what_is_cut_says_that_it_is() {
        let bad = |input: &[u8]| match Json::new(input).next() {
            Some(Ok(Item::Line(bad))) => (bad.line.len(), bad.length),
            other => panic!("{other:?}"),
        };
        let long = [b"{\"a\":\"\xe9".to_vec(), vec![b'x'; 2 * SHOWN], b"\"}".to_vec()].concat();
        assert_eq!(bad(&long), (long.len(), None));
        assert_eq!(bad(&vec![b'7'; SHOWN]), (SHOWN, None));
        assert_eq!(bad(&vec![b'7'; SHOWN + 1]), (SHOWN, Some(SHOWN + 1)));
    }

    proptest! {
        #[test]
        fn strings_and_layout_do_not_matter(strings in prop::collection::vec(".*", 1..6)) {
            let objects: Vec<_> = strings.iter().map(|text| serde_json::json!({"a": [text], text: 1})).collect();
            let compact: Vec<_> = objects.iter().map(ToString::to_string).collect();
            let pretty: Vec<_> = objects.iter().filter_map(|one| serde_json::to_string_pretty(one).ok()).collect();
            prop_assert_eq!(&out(&pretty.join("\n")), &compact);
            prop_assert_eq!(&out(&format!("[{}]", pretty.join(",\n"))), &compact);
        }
    }
}
