//! What stands for $1, $2 and so on, and where it comes from.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Result;
use bytes::BytesMut;
use common::input::{Item, JsonLines, Line, Lines};
use common::pipe::{self, Source};
use common::record::BadLine;
use common::{Record, Reject, Usage};
use serde_json::value::RawValue;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use crate::cli::Cli;

/// A value as text, or null, for whatever type the server needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Param(Option<String>);

impl ToSql for Param {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// How often the query runs, and with what.
pub enum Params {
    /// Once, with these.
    Given(Vec<Param>),
    /// Once for each item, with the fields of a record that are named here, or with a plain line.
    Each(Source<Items>, Vec<String>),
}

type Items = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

impl Params {
    /// What the command line asks for.
    ///
    /// # Errors
    /// [`Usage`] when the file cannot be opened or stdin is a terminal.
    pub fn open(cli: &Cli) -> Result<Self> {
        let Some(path) = &cli.params_from else {
            return Ok(Self::Given(cli.param.iter().cloned().map(Some).map(Param).collect()));
        };
        let form = if cli.plain { plain } else { json };
        let source = if path == Path::new("-") {
            pipe::stdin(form)?
        } else {
            let file = File::open(path).map_err(|err| {
                Usage::Wrong(format!("cannot read --params-from {}: {err}", path.display()))
            })?;
            Source::file(form(Box::new(BufReader::new(file))))
        };
        Ok(Self::Each(source, cli.param_field.clone()))
    }

    /// How many the query must have.
    pub fn len(&self) -> usize {
        match self {
            Self::Given(params) => params.len(),
            // Without a field it is a plain line.
            Self::Each(_, fields) => fields.len().max(1),
        }
    }
}

fn json(reader: Box<dyn BufRead + Send>) -> Items {
    Box::new(JsonLines::new(reader))
}

/// The field of the record that a plain line becomes, so that its reject can be read like any other.
const LINE: &str = "line";

fn plain(reader: Box<dyn BufRead + Send>) -> Items {
    let item = |line: String| match Record::from_value(&HashMap::from([(LINE, &line)])) {
        Ok(record) => Item::Record(record),
        Err(err) => Item::Line(BadLine::new(line, format!("{err:#}"))),
    };
    Box::new(Lines::new(reader).map(move |line| {
        Ok(match line? {
            Line::Text(line) => item(line),
            Line::Record(record) => Item::Record(record),
            Line::Bad(bad) => Item::Line(bad),
        })
    }))
}

/// The parameters in a record.
///
/// # Errors
/// A reject when a field is missing.
pub fn of(record: &Record, fields: &[String]) -> Result<Vec<Param>, Reject> {
    let values: HashMap<String, &RawValue> = record.view().map_err(Reject::bad_record)?;
    let value = |name: &str| match values.get(name) {
        Some(value) => Ok(param(value)),
        None => Err(Reject::bad_record(format!("missing field `{name}`"))),
    };
    if fields.is_empty() {
        return Ok(vec![value(LINE)?]);
    }
    fields.iter().map(|name| value(name)).collect()
}

fn param(value: &RawValue) -> Param {
    Param(match value.get() {
        "null" => None,
        text => Some(serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(record: &str, fields: &[&str]) -> Result<Vec<Option<String>>, String> {
        let fields: Vec<_> = fields.iter().map(|&field| field.to_owned()).collect();
        let params = of(&Record::parse(record.to_owned())?, &fields).map_err(|reject| reject.message)?;
        Ok(params.into_iter().map(|param| param.0).collect())
    }

    #[test]
    fn each_kind_of_value_is_text_or_null() {
        let record =
            r#"{"t":"a\"b","n":1.10,"big":123456789012345678901234567890,"b":true,"z":null,"j":{"a": [1]}}"#;
        let expected =
            [Some("a\"b"), Some("1.10"), Some("123456789012345678901234567890"), Some("true"), None];
        let found = texts(record, &["t", "n", "big", "b", "z", "j"]).unwrap();
        assert_eq!(found[..5], expected.map(|text| text.map(str::to_owned)));
        assert_eq!(found[5].as_deref(), Some(r#"{"a": [1]}"#));
        assert_eq!(texts(record, &["t", "u"]).unwrap_err(), "missing field `u`");
    }

    proptest! {
        #[test]
        fn any_line_is_its_own_parameter(line in "[^\r\n\u{feff}]*[^\\s\u{feff}]") {
            let items: Vec<_> = plain(Box::new(io::Cursor::new(line.clone().into_bytes()))).collect();
            let [Ok(Item::Record(record))] = &items[..] else { panic!("{items:?}") };
            prop_assert_eq!(of(record, &[]).unwrap(), [Param(Some(line))]);
        }
    }
}
