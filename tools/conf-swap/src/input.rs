//! What a record asks for: the value that it carries.

use std::borrow::Cow;

use common::{Record, Reject};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::hidden::Hidden;
use crate::output::Swap;
use crate::pointer::{Lost, Pointer};

/// A value, and how seriously it is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Wanted {
    pub value: Hidden,
    /// Whether a stage before only rehearsed: what it names may not exist.
    pub rehearsed: bool,
}

/// Reads the value that a record has in this field.
///
/// # Errors
/// A reject of a record without a value there, or with a way back that would be lost.
pub fn wanted(record: &Record, field: &Pointer) -> Result<Wanted, Reject> {
    let value = field.find(record.as_str()).map_err(|lost| {
        Reject::bad_record(match lost {
            Lost::Twice(key) => format!("the record has the field {key:?} twice"),
            Lost::NotJson | Lost::Missing => format!("the record has no {field}"),
        })
    })?;
    let value = scalar(value).ok_or_else(|| {
        Reject::bad_record(format!("{field} of the record is no string, number or boolean that is not empty"))
    })?;
    let fields: IndexMap<Cow<'_, str>, &RawValue> = record.view().map_err(Reject::bad_record)?;
    let earlier = fields.get("swap").and_then(|swap| serde_json::from_str::<Swap>(swap.get()).ok());
    if let Some(earlier) = earlier.filter(Swap::changed) {
        let message = format!(
            "the record tells how {} was swapped, and that way back would be lost: give each run the record as it \
             was before",
            earlier.name
        );
        return Err(Reject::new("has-swap", message));
    }
    let rehearsed = fields.iter().any(|(name, value)| is_rehearsal(name, value));
    Ok(Wanted { value, rehearsed })
}

fn scalar(value: &RawValue) -> Option<Hidden> {
    let text = match value.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(value.get()).ok()?,
        Some(b'{' | b'[' | b'n') => return None,
        _ => value.get().to_owned(),
    };
    (!text.is_empty()).then(|| text.into())
}

/// The field `dry_run` itself, or that in the field of another tool.
fn is_rehearsal(name: &str, value: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Act {
        dry_run: bool,
    }

    (name == "dry_run" && value.get() == "true")
        || value.get().starts_with('{')
            && serde_json::from_str::<Act>(value.get()).is_ok_and(|act| act.dry_run)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(field: &str, text: &str) -> Result<(String, bool), &'static str> {
        let field = if field.starts_with('/') { field.parse().unwrap() } else { Pointer::field(field) };
        match wanted(&Record::parse(text.to_owned()).unwrap(), &field) {
            Ok(wanted) => Ok((wanted.value.reveal().to_owned(), wanted.rehearsed)),
            Err(reject) => Err(reject.kind),
        }
    }

    #[test]
    fn a_value_is_text_number_or_boolean() {
        for (field, text, value) in [
            ("endpoint", r#"{"endpoint":"a\u002eb"}"#, "a.b"),
            ("port", r#"{"port":5432.0}"#, "5432.0"),
            ("on", r#"{"on":true,"dry_run":false,"restore":{"dry_run":false},"list":[true]}"#, "true"),
            ("/restore/endpoints/0", r#"{"restore":{"endpoints":["a"]}}"#, "a"),
            ("a/b", r#"{"a/b":"c","a":{"b":"d"}}"#, "c"),
        ] {
            assert_eq!(read(field, text), Ok((value.into(), false)), "{text}");
        }
        for text in
            [r#"{}"#, r#"{"v":null}"#, r#"{"v":""}"#, r#"{"v":{}}"#, r#"{"v":[1]}"#, r#"{"v":1,"v":1}"#]
        {
            assert_eq!(read("v", text), Err("bad-record"), "{text}");
        }
    }

    #[test]
    fn what_was_rehearsed_before_is_rehearsed() {
        for text in [r#"{"v":"a","dry_run":true}"#, r#"{"v":"a","restore":{"dry_run":true}}"#] {
            assert_eq!(read("v", text), Ok(("a".into(), true)), "{text}");
        }
    }

    #[test]
    fn a_way_back_is_not_overwritten() {
        let swap = |action: &str, dry_run: bool| {
            format!(
                r#"{{"v":"a","swap":{{"action":"{action}","store":"ssm","name":"/a","version_id":2,
                "previous_version_id":1,"dry_run":{dry_run},"time":"2026-11-25T10:00:00Z"}}}}"#
            )
        };
        assert_eq!(read("v", &swap("swapped", false)), Err("has-swap"));
        assert_eq!(read("v", &swap("undone", false)), Err("has-swap"));
        assert_eq!(read("v", &swap("already", false)), Ok(("a".into(), false)));
        assert_eq!(read("v", &swap("swapped", true)), Ok(("a".into(), true)));
        assert_eq!(read("v", r#"{"v":"a","swap":"of somebody else"}"#), Ok(("a".into(), false)));
    }
}
