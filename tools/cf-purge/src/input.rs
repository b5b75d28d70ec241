//! What a record asks for.

use std::borrow::Cow;
use std::io::{self, BufRead};

use common::input::{Item, JsonLines, Line, Lines};
use common::{Record, Reject};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Items of a stream, in the form that it has.
pub type Items = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// JSON lines, or plain lines as records with that key.
pub fn items(input: impl BufRead + Send + 'static, plain: bool) -> Items {
    if !plain {
        return Box::new(JsonLines::new(input));
    }
    Box::new(Lines::new(input).map(|line| match line? {
        Line::Text(key) => {
            Record::from_value(&Keyed { key: &key }).map(Item::Record).map_err(io::Error::other)
        }
        Line::Record(record) => Ok(Item::Record(record)),
        Line::Bad(bad) => Ok(Item::Line(bad)),
    }))
}

#[derive(Serialize)]
struct Keyed<'a> {
    key: &'a str,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    restore: Option<&'a RawValue>,
    #[serde(borrow)]
    dry_run: Option<&'a RawValue>,
}

/// What the stage before did, where it is `s3-restore`.
#[derive(Deserialize)]
struct Restore<'a> {
    #[serde(borrow)]
    action: Option<Cow<'a, str>>,
    #[serde(default)]
    dry_run: bool,
    #[serde(borrow)]
    to: Option<Aside<'a>>,
}

/// Where an object was restored to, if not over itself: that is the one that changed.
#[derive(Deserialize)]
struct Aside<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
}

/// What is to be done for a record.
#[derive(Debug, Eq, PartialEq)]
pub enum Wanted {
    /// Purge the path of this key.
    Purge(String),
    /// Nothing: the object behind the key was not changed.
    Nothing,
}

/// Reads a record.
///
/// # Errors
/// A reject when it has no key that is text.
pub fn wanted(record: &Record) -> Result<Wanted, Reject> {
    let input: Input<'_> = record.view().map_err(Reject::bad_record)?;
    if input.key.is_empty() {
        return Err(Reject::bad_record("the key is empty"));
    }
    // A field of that name that is not s3-restore's says nothing, and a purge too many does no harm.
    let restore = input.restore.and_then(|restore| serde_json::from_str::<Restore<'_>>(restore.get()).ok());
    let unchanged = restore.as_ref().is_some_and(|restore| {
        restore.dry_run || matches!(restore.action.as_deref(), Some("none" | "thawing"))
    });
    let rehearsed = input.dry_run.is_some_and(|dry_run| dry_run.get() == "true");
    if unchanged || rehearsed {
        return Ok(Wanted::Nothing);
    }
    let key = restore.and_then(|restore| restore.to).map_or(input.key, |to| to.key);
    Ok(Wanted::Purge(key.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Result<Wanted, &'static str> {
        Record::parse(text.to_owned())
            .map_err(|_| "no record")
            .and_then(|record| wanted(&record).map_err(|reject| reject.kind))
    }

    #[test]
    fn what_changed_nothing_is_not_purged() {
        for text in [
            r#"{"key":"a","restore":{"action":"none"}}"#,
            r#"{"key":"a","restore":{"action":"thawing","tier":"Bulk"}}"#,
            r#"{"key":"a","restore":{"action":"copy","dry_run":true}}"#,
            r#"{"key":"a","restore":{"action":"copy"},"dry_run":true}"#,
        ] {
            assert_eq!(kind(text), Ok(Wanted::Nothing), "{text}");
        }
    }

    #[test]
    fn everything_else_with_a_key_is() {
        for text in [
            r#"{"key":"a"}"#,
            r#"{"n":1.10,"key":"\u0061","plan":{"action":"none"}}"#,
            r#"{"key":"a","restore":{"action":"already"}}"#,
            r#"{"key":"a","restore":{"action":"copy","dry_run":false},"dry_run":false}"#,
            r#"{"key":"a","restore":7,"dry_run":"x"}"#,
            r#"{"key":"b","restore":{"action":"copy","to":{"bucket":"c","key":"a"}}}"#,
        ] {
            assert_eq!(kind(text), Ok(Wanted::Purge("a".into())), "{text}");
        }
        for text in [
            r#"{"bucket":"b"}"#,
            r#"{"key":7}"#,
            r#"{"key":null}"#,
            r#"{"key":""}"#,
            r#"{"key":"a","key":"b"}"#,
        ] {
            assert_eq!(kind(text), Err("bad-record"), "{text}");
        }
    }

    #[test]
    fn a_plain_line_is_a_key_whatever_it_looks_like() {
        let items = items("{\"key\":\"a\"}\n\n b \n".as_bytes(), true);
        let keys: Vec<_> = items
            .filter_map(|item| match item {
                Ok(Item::Record(record)) => wanted(&record).ok(),
                _ => None,
            })
            .collect();
        assert_eq!(keys, [Wanted::Purge("{\"key\":\"a\"}".into()), Wanted::Purge(" b ".into())]);
    }
}
