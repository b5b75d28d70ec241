//! What is changed in a document on its way: the id, names of fields, fields that stay behind.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use common::{Record, Reject, Usage};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::cli::Cli;
use crate::document::{Id, id_of};

/// `OLD=NEW`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rename {
    /// The name in the input.
    pub old: String,
    /// The name in Typesense.
    pub new: String,
}

impl FromStr for Rename {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((old, new)) if !old.is_empty() && !new.is_empty() && old != new => {
                Ok(Self { old: old.to_owned(), new: new.to_owned() })
            }
            _ => Err(format!("{text:?} is not OLD=NEW with two different names")),
        }
    }
}

/// The changes that flags ask for. Names are those of the input.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    id_field: Option<String>,
    allow_no_id: bool,
    rename: Vec<Rename>,
    drop: Vec<String>,
}

impl Shape {
    /// What the flags ask for.
    ///
    /// # Errors
    /// [`Usage`] when they name a field twice.
    pub fn new(cli: &Cli) -> Result<Self, Usage> {
        let (id_field, allow_no_id) = (cli.id_field.clone(), cli.allow_no_id);
        let shape = Self { id_field, allow_no_id, rename: cli.rename.clone(), drop: cli.drop.clone() };
        let taken = shape.drop.iter().chain(shape.rename.iter().map(|rename| &rename.old));
        let given = shape.rename.iter().map(|rename| &rename.new);
        for names in [taken.collect::<Vec<_>>(), given.collect()] {
            if let Some(name) = first_twice(&names) {
                return Err(Usage::Wrong(format!("--rename and --drop name the field {name} twice")));
            }
        }
        Ok(shape)
    }

    /// The document as it is to be sent, if it is not the record itself.
    ///
    /// # Errors
    /// A reject for a document without a usable id, and for one in which two fields would have the same name.
    pub fn apply(&self, record: &Record) -> Result<Option<String>, Reject> {
        let text = record.as_str();
        if self.id_field.is_none() && self.rename.is_empty() && self.drop.is_empty() {
            self.check(text)?;
            return Ok(None);
        }
        let mut fields = fields_of(text).map_err(Reject::bad_record)?;
        let id = self.id_field.as_ref().map(|name| id_from(&fields, name)).transpose()?;
        if id.is_some() {
            fields.retain(|(name, _)| name != "id");
        }
        fields.retain(|(name, _)| !self.drop.iter().any(|drop| drop == name));
        for (name, _) in &mut fields {
            if let Some(rename) = self.rename.iter().find(|rename| rename.old == *name) {
                *name = Cow::Owned(rename.new.clone());
            }
        }
        let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        if let Some(name) =
            first_twice(&names).or(id.as_ref().and(names.into_iter().find(|name| *name == "id")))
        {
            return Err(Reject::bad_record(format!("the document would have two fields {name}")));
        }
        let text = written(id, &fields).map_err(|error| Reject::bad_record(error.to_string()))?;
        self.check(&text)?;
        Ok(Some(text))
    }

    fn check(&self, text: &str) -> Result<(), Reject> {
        match id_of(text).map_err(Reject::bad_record)? {
            Id::Text(_) => Ok(()),
            Id::Missing if self.allow_no_id => Ok(()),
            Id::Missing => Err(Reject::bad_record(
                "the document has no id and would be there twice after a second run: give --id-field or --allow-no-id",
            )),
            Id::Wrong => {
                let remedy =
                    "Typesense wants a string that is not empty; --id-field id makes one of an integer";
                Err(Reject::bad_record(format!("the id is no text: {remedy}")))
            }
        }
    }
}

type Field<'a> = (Cow<'a, str>, &'a RawValue);

/// The value of a field as an id, in the JSON of a string.
fn id_from(fields: &[Field<'_>], name: &str) -> Result<String, Reject> {
    let mut values = fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.get());
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) => return Err(Reject::bad_record(format!("the document has no field {name} for its id"))),
        (Some(_), Some(_)) => {
            return Err(Reject::bad_record(format!("the document has two fields {name}")));
        }
    };
    if value.starts_with('"') && value != "\"\"" {
        return Ok(value.to_owned());
    }
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(format!("\"{value}\""));
    }
    Err(Reject::bad_record(format!("the field {name} for the id is neither text nor an integer")))
}

fn first_twice<'a, T: PartialEq>(names: &[&'a T]) -> Option<&'a T> {
    names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)).map(|(_, name)| *name)
}

/// The document again: names and values in the bytes that they had, unless they were changed.
fn written(id: Option<String>, fields: &[Field<'_>]) -> serde_json::Result<String> {
    let mut text = String::from("{");
    if let Some(id) = id {
        text.push_str("\"id\":");
        text.push_str(&id);
    }
    for (name, value) in fields {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&serde_json::to_string(name)?);
        text.push(':');
        text.push_str(value.get());
    }
    text.push('}');
    Ok(text)
}

/// All fields in their order, also those that come twice.
fn fields_of(text: &str) -> Result<Vec<Field<'_>>, String> {
    struct Fields;

    impl<'de> Visitor<'de> for Fields {
        type Value = Vec<Field<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some((Name(name), value)) = map.next_entry()? {
                fields.push((name, value));
            }
            Ok(fields)
        }
    }

    let mut reader = serde_json::Deserializer::from_str(text);
    reader.deserialize_map(Fields).map_err(|error| error.to_string())
}

/// A name that is borrowed where it has no escape.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rename(text: &str) -> Rename {
        text.parse().unwrap()
    }

    fn applied(shape: &Shape, text: &str) -> Result<String, String> {
        let record = Record::parse(text.to_owned()).unwrap();
        match shape.apply(&record) {
            Ok(sent) => Ok(sent.unwrap_or_else(|| record.as_str().to_owned())),
            Err(reject) => {
                assert_eq!(reject.kind, "bad-record");
                Err(reject.message)
            }
        }
    }

    #[test]
    fn only_a_document_with_an_id_that_is_text_is_sent() {
        let shape = Shape::default();
        assert!(applied(&shape, r#"{"n":1.10,"id":"7"}"#).is_ok());
        assert!(applied(&shape, r#"{"n":1}"#).unwrap_err().contains("no id"));
        for wrong in [r#"{"id":7}"#, r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":["a"]}"#] {
            assert!(applied(&shape, wrong).unwrap_err().contains("no text"), "{wrong}");
        }
        assert!(applied(&shape, r#"{"id":"a","id":"b"}"#).unwrap_err().contains("duplicate field"));
        let free = Shape { allow_no_id: true, ..Shape::default() };
        assert_eq!(applied(&free, r#"{"n":1}"#).unwrap(), r#"{"n":1}"#);
        assert!(applied(&free, r#"{"id":7}"#).is_err());
    }

    #[test]
    fn an_id_is_made_of_a_string_or_an_integer() {
        let by = |name: &str| Shape { id_field: Some(name.to_owned()), ..Shape::default() };
        assert_eq!(applied(&by("k"), r#"{"k":42,"n":1.10}"#).unwrap(), r#"{"id":"42","k":42,"n":1.10}"#);
        assert_eq!(applied(&by("k"), r#"{"k":"a\"b"}"#).unwrap(), r#"{"id":"a\"b","k":"a\"b"}"#);
        assert_eq!(applied(&by("id"), r#"{"n":1,"id":-7}"#).unwrap(), r#"{"id":"-7","n":1}"#);
        let huge = "123456789012345678901234567890";
        assert!(
            applied(&by("k"), &format!("{{\"k\":{huge}}}")).unwrap().contains(&format!("\"id\":\"{huge}\""))
        );
        for wrong in ["1.5", "1e3", "null", "true", "\"\"", "[1]", "{}"] {
            assert!(
                applied(&by("k"), &format!("{{\"k\":{wrong}}}")).unwrap_err().contains("neither"),
                "{wrong}"
            );
        }
        assert!(applied(&by("k"), "{}").unwrap_err().contains("no field k"));
        assert!(applied(&by("k"), r#"{"k":1,"k":2}"#).unwrap_err().contains("two fields k"));
    }

    #[test]
    fn fields_get_other_names_or_stay_behind() {
        let shape = Shape {
            rename: vec![rename("a=b"), rename("b=a")],
            drop: vec!["c".to_owned()],
            ..Shape::default()
        };
        let text = r#"{"id":"1","a":1.10,"c":{"a":1},"b":[ 1 ],"é\n":"\u00e9"}"#;
        let expected = "{\"id\":\"1\",\"b\":1.10,\"a\":[ 1 ],\"é\\n\":\"\\u00e9\"}";
        assert_eq!(applied(&shape, text).unwrap(), expected);
        let clash = Shape { rename: vec![rename("a=b")], ..Shape::default() };
        assert!(applied(&clash, r#"{"id":"1","a":1,"b":2}"#).unwrap_err().contains("two fields b"));
        let made = Shape { id_field: Some("k".to_owned()), rename: vec![rename("x=id")], ..Shape::default() };
        assert!(applied(&made, r#"{"k":1,"x":"2"}"#).unwrap_err().contains("two fields id"));
        let renamed = Shape { rename: vec![rename("x=id")], ..Shape::default() };
        assert_eq!(applied(&renamed, r#"{"x":"2"}"#).unwrap(), r#"{"id":"2"}"#);
    }

    proptest! {
        #[test]
        fn what_is_not_named_keeps_its_bytes(names in prop::collection::btree_set("[a-z\\\\\"é]{1,4}", 0..8), n: u64) {
            // It is there already.
            let names = names.iter().filter(|name| *name != "id");
            let fields: Vec<_> = names.map(|name| {
                format!("{}:{n}.10", serde_json::to_string(name).unwrap())
            }).collect();
            let text = format!("{{\"id\":\"1\"{}{}}}", if fields.is_empty() { "" } else { "," }, fields.join(","));
            let shape = Shape { drop: vec!["DROPPED".to_owned()], ..Shape::default() };
            prop_assert_eq!(applied(&shape, &text).unwrap(), text);
        }
    }
}
