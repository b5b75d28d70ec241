//! What is wanted of a secret or parameter, and the content that it makes of the present one.

use std::fmt::Display;

use common::Reject;
use common::members::span;
use serde_json::value::RawValue;

use crate::hidden::Hidden;
use crate::pointer::{Lost, Pointer};

/// The value that is wanted, and where.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where in the JSON of the content; nowhere is the whole content.
    pub pointer: Option<Pointer>,
    /// What is to be there.
    pub value: Hidden,
    /// What must be there before.
    pub expect: Option<Hidden>,
}

/// What the change makes of a content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Edit {
    /// The content is as wanted.
    Same,
    /// The whole content that is wanted.
    New(Hidden),
}

impl Change {
    /// Makes the change in the content of `place`; every byte outside the value stays as it is.
    ///
    /// # Errors
    /// The reject of a content that it does not fit, which shows nothing of it.
    pub fn of(&self, content: &str, place: &impl Display) -> Result<Edit, Reject> {
        let Some(pointer) = &self.pointer else {
            if content == self.value.reveal() {
                return Ok(Edit::Same);
            }
            self.expected(|expect| content == expect, place)?;
            return Ok(Edit::New(self.value.clone()));
        };
        let place = format!("{pointer} of {place}");
        let old = pointer.find(content).map_err(|lost| refused(&lost, &place))?;
        if reads(old, self.value.reveal()) {
            return Ok(Edit::Same);
        }
        self.expected(|expect| reads(old, expect), &place)?;
        let new = written(old, self.value.reveal()).ok_or_else(|| {
            let message = format!("{place}: {} is there, and the new value is none", kind(old));
            Reject::new("type-differs", message)
        })?;
        let mut edited = content.to_owned();
        edited.replace_range(span(content, old), &new);
        Ok(Edit::New(edited.into()))
    }

    fn expected(&self, is_there: impl Fn(&str) -> bool, place: &impl Display) -> Result<(), Reject> {
        match &self.expect {
            Some(expect) if !is_there(expect.reveal()) => {
                let message =
                    format!("{place}: another value than the expected one is there: look before you swap");
                Err(Reject::new("unexpected-value", message))
            }
            _ => Ok(()),
        }
    }
}

/// The value at a pointer as text (of a string its characters, of everything else its JSON), or the whole content.
/// Empty, where a content has no such value.
pub fn text_at(content: &Hidden, pointer: Option<&Pointer>) -> Hidden {
    let Some(pointer) = pointer else { return content.clone() };
    let Ok(value) = pointer.find(content.reveal()) else { return Hidden::default() };
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned()).into()
}

fn refused(lost: &Lost, place: &str) -> Reject {
    match lost {
        Lost::NotJson => Reject::new("not-json", format!("{place}: the content is no JSON")),
        Lost::Missing => {
            Reject::new("no-such-value", format!("{place}: there is no such value, and none is made"))
        }
        Lost::Twice(key) => {
            let message =
                format!("{place}: the key {key:?} is there twice, and readers differ in which they take");
            Reject::new("ambiguous", message)
        }
    }
}

/// Whether a JSON value is what a text of the command line or of a record says.
fn reads(value: &RawValue, text: &str) -> bool {
    match serde_json::from_str::<String>(value.get()) {
        Ok(string) => string == text,
        Err(_) => value.get() == text.trim_ascii(),
    }
}

/// The JSON for a text in the place of an old value, if it can be of the same type.
fn written(old: &RawValue, new: &str) -> Option<String> {
    if kind(old) == STRING {
        return serde_json::to_string(new).ok();
    }
    let new: &RawValue = serde_json::from_str(new).ok()?;
    (kind(new) == kind(old)).then(|| new.get().to_owned())
}

const STRING: &str = "a string";

fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'"') => STRING,
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn change(pointer: Option<&str>, value: &str, expect: Option<&str>) -> Change {
        let pointer = pointer.map(|pointer| pointer.parse().unwrap());
        Change { pointer, value: value.into(), expect: expect.map(Hidden::from) }
    }

    fn edited(pointer: &str, value: &str, content: &str) -> Result<String, &'static str> {
        match change(Some(pointer), value, None).of(content, &"secret s") {
            Ok(Edit::New(new)) => Ok(new.reveal().to_owned()),
            Ok(Edit::Same) => Err("same"),
            Err(reject) => Err(reject.kind),
        }
    }

    const CONTENT: &str = "{ \"host\" : \"old\\u002eexample\",\r\n\t\"port\":5432 , \"n\":1.10,\"big\":\
        123456789012345678901234567890, \"tls\":true, \"none\": null,\"o\":{\"a\": 1}}\n";

    #[test]
    fn nothing_else_than_the_value_changes() {
        let expected = CONTENT.replace("\"old\\u002eexample\"", "\"new \\\"x\\\" é\"");
        assert_eq!(edited("/host", "new \"x\" é", CONTENT), Ok(expected));
        assert_eq!(edited("/port", "5433", CONTENT), Ok(CONTENT.replace("5432", "5433")));
        assert_eq!(edited("/n", "2.50", CONTENT), Ok(CONTENT.replace("1.10", "2.50")));
        assert_eq!(edited("/tls", " false ", CONTENT), Ok(CONTENT.replace("true", "false")));
        assert_eq!(edited("/o", "{\"b\": 2 }", CONTENT), Ok(CONTENT.replace("{\"a\": 1}", "{\"b\": 2 }")));
        assert_eq!(
            edited("/host", "5433", CONTENT),
            Ok(CONTENT.replace("\"old\\u002eexample\"", "\"5433\""))
        );
    }

    #[test]
    fn a_value_keeps_its_type() {
        for (pointer, value) in [
            ("/port", "db.example"),
            ("/port", "\"5433\""),
            ("/port", "5433, \"admin\": true"),
            ("/port", "true"),
            ("/tls", "1"),
            ("/none", "1"),
            ("/o", "[1]"),
        ] {
            assert_eq!(edited(pointer, value, CONTENT), Err("type-differs"), "{pointer} {value}");
        }
    }

    #[test]
    fn what_is_as_wanted_is_the_same_whatever_was_expected() {
        for (pointer, value) in [
            (Some("/host"), "old.example"),
            (Some("/port"), "5432"),
            (Some("/none"), "null"),
            (None, CONTENT),
        ] {
            assert_eq!(change(pointer, value, Some("else")).of(CONTENT, &"s"), Ok(Edit::Same), "{pointer:?}");
        }
        assert_eq!(
            edited("/big", "123456789012345678901234567891", CONTENT).as_deref(),
            Ok(CONTENT.replace("7890, ", "7891, ").as_str())
        );
    }

    #[test]
    fn an_unexpected_value_is_not_replaced_and_not_shown() {
        for (pointer, expect) in [(Some("/host"), "older.example"), (Some("/port"), "05432"), (None, "{}")] {
            let reject = change(pointer, "7", Some(expect)).of(CONTENT, &"secret s").unwrap_err();
            assert_eq!(reject.kind, "unexpected-value");
            assert!(!reject.message.contains("example"), "{}", reject.message);
        }
        assert!(change(Some("/host"), "new", Some("old.example")).of(CONTENT, &"s").is_ok());
    }

    #[test]
    fn a_content_that_it_does_not_fit_is_turned_away() {
        assert_eq!(edited("/user", "x", CONTENT), Err("no-such-value"));
        assert_eq!(edited("/host", "x", "db.example"), Err("not-json"));
        assert_eq!(edited("/a", "x", r#"{"a":"1","a":"2"}"#), Err("ambiguous"));
    }

    proptest! {
        #[test]
        fn only_the_bytes_of_the_value_differ(
            before in "[ \t\r\n]*", key in ".*", between in "[ \t\r\n]*", old in ".*", new in ".*",
            rest in prop_oneof![Just(String::new()), Just(", \"z\": 1.50 ".to_owned())],
        ) {
            prop_assume!(key != "z" && old != new);
            let name = serde_json::to_string(&key).unwrap();
            let with = |value: &str| {
                let value = serde_json::to_string(value).unwrap();
                format!("{before}{{{before}{name}{between}:{between}{value}{rest}}}{between}")
            };
            let change = Change { pointer: Some(Pointer::field(&key)), value: new.as_str().into(), expect: None };
            prop_assert_eq!(change.of(&with(&old), &"s"), Ok(Edit::New(with(&new).into())));
        }
    }
}
