//! The file: sections of Typesense's own objects, and the objects in the order in which they must be made.

mod order;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};
use std::path::Path;

use common::dead_letter::{self, Content};
use common::members::Members;
use common::{Ctx, Record, Reject, Usage};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::kind::Kind;
use crate::layout::compact;
use crate::object::{Object, alone};
use crate::secret;
use order::{ordered, unique};

/// The member that says which release a file was exported from. It is for people.
pub const VERSION: &str = "typesense_version";

/// The object of a record that [`Document::parse`] made.
///
/// # Errors
/// A reject for what has no name, or stands in a section that does not exist.
pub fn wanted(record: &Record) -> Result<Object, Reject> {
    let Members(sections) = record.view().map_err(Reject::bad_record)?;
    let (name, section) = sections.first().ok_or_else(|| Reject::bad_record("an empty object"))?;
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.section() == name) else {
        let sections = Kind::ALL.map(Kind::section).join(", ");
        return Err(Reject::new("unknown-section", format!("{name}: no such section, there are {sections}")));
    };
    let broken = |error: serde_json::Error| Reject::bad_record(error.to_string());
    let list = |text| serde_json::from_str::<Vec<&RawValue>>(text).map_err(broken);
    let (collection, objects) = if kind.is_within_collection() {
        let Members(lists) = serde_json::from_str(section.get()).map_err(broken)?;
        let (collection, objects) = lists.first().ok_or_else(|| Reject::bad_record("an empty object"))?;
        (Some(collection.clone()), list(objects.get())?)
    } else {
        (None, list(section.get())?)
    };
    let object = objects.first().ok_or_else(|| Reject::bad_record("an empty array"))?;
    Object::new(kind, collection.as_deref(), object.get())
}

/// Reads a file, or stdin where it is `-`.
///
/// # Errors
/// [`Usage`] when it cannot be read or is no such file.
pub async fn read(file: &Path, ctx: &Ctx) -> anyhow::Result<Document> {
    let is_stdin = file == Path::new("-");
    if is_stdin && io::stdin().is_terminal() {
        return Err(Usage::NoInput.into());
    }
    let path = file.to_owned();
    let read = move || if is_stdin { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
    let wrong = |why: String| Usage::Wrong(format!("{}: {why}", file.display()));
    let text = tokio::select! {
        text = tokio::task::spawn_blocking(read) => text?.map_err(|error| wrong(error.to_string()))?,
        () = ctx.stop.cancelled() => anyhow::bail!("stopped before the file was read"),
    };
    Document::parse(&text).map_err(|usage| wrong(usage.to_string()).into())
}

fn whole(text: String) -> Result<Record, Usage> {
    Record::parse(text).map_err(Usage::Wrong)
}

/// All that a file holds.
#[derive(Debug, Default)]
pub struct Document {
    /// Each object as a file of its own, in the order of making them; before them what is none.
    pub records: Vec<Record>,
    /// The kinds that the file speaks of, even if it has none of them.
    pub kinds: BTreeSet<Kind>,
}

impl Document {
    /// Reads a file: a document, an array of collections, or several of these, as rejects are.
    ///
    /// # Errors
    /// [`Usage::Wrong`] when it is not JSON, has another form, has two different objects of one name, or holds a secret.
    pub fn parse(text: &str) -> Result<Self, Usage> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut parts = Parts::default();
        let mut is_empty = true;
        for part in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
            let part = part.map_err(|error| Usage::Wrong(format!("not JSON: {error}")))?.get();
            // A record is one line, and files for people have many.
            let part = compact(part);
            match dead_letter::read(&part) {
                Some(Content::Record(record)) => parts.add(&record)?,
                _ => parts.add(&part)?,
            }
            is_empty = false;
        }
        if is_empty {
            return Err(Usage::Wrong("it is empty".into()));
        }
        let Parts { objects, mut records, kinds } = parts;
        let objects = ordered(unique(objects)?);
        for object in objects {
            records.push(alone(object.kind, object.collection.as_deref(), &object.raw)?);
        }
        Ok(Self { records, kinds })
    }
}

/// What was read of a file so far.
#[derive(Default)]
struct Parts {
    objects: Vec<Object>,
    /// What is no object.
    records: Vec<Record>,
    kinds: BTreeSet<Kind>,
}

impl Parts {
    fn add(&mut self, part: &str) -> Result<(), Usage> {
        if part.starts_with('[') {
            return self.add_list(Kind::Collection, None, part);
        }
        let Members(sections) = serde_json::from_str(part)
            .map_err(|_| Usage::Wrong("an object or an array is expected".into()))?;
        for (name, section) in sections {
            match Kind::ALL.into_iter().find(|kind| kind.section() == name) {
                Some(kind) if kind.is_within_collection() => self.add_map(kind, section.get())?,
                Some(kind) => self.add_list(kind, None, section.get())?,
                None if name == VERSION => {}
                None => self.records.push(whole(format!("{{{}:{section}}}", Value::from(name)))?),
            }
        }
        Ok(())
    }

    fn add_map(&mut self, kind: Kind, section: &str) -> Result<(), Usage> {
        let Members(lists) = serde_json::from_str(section).map_err(|_| {
            Usage::Wrong(format!("{}: an object of collections and their lists is expected", kind.section()))
        })?;
        self.kinds.insert(kind);
        lists
            .into_iter()
            .try_for_each(|(collection, list)| self.add_list(kind, Some(&collection), list.get()))
    }

    fn add_list(&mut self, kind: Kind, collection: Option<&str>, list: &str) -> Result<(), Usage> {
        let list: Vec<&RawValue> = serde_json::from_str(list)
            .map_err(|_| Usage::Wrong(format!("{}: an array is expected", kind.section())))?;
        self.kinds.insert(kind);
        for raw in list {
            match Object::new(kind, collection, raw.get()) {
                Ok(object) => {
                    refuse_secrets(&object)?;
                    self.objects.push(object);
                }
                Err(_) => self.records.push(alone(kind, collection, raw.get())?),
            }
        }
        Ok(())
    }
}

/// A secret would come out again in rejects, and files like this one are committed.
fn refuse_secrets(object: &Object) -> Result<(), Usage> {
    match secret::in_plain(object.kind, &object.value) {
        None => Ok(()),
        Some(name) => Err(Usage::Wrong(format!(
            "{}: {name} is a secret: put it into an environment variable and name that as {name}_env",
            object.title()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let document = Document::parse(text).unwrap();
        document.records.iter().map(|record| wanted(record).unwrap().title()).collect()
    }

    fn wrong(text: &str) -> String {
        Document::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn sections_are_made_in_the_order_of_what_needs_what() {
        let text = r#"{"aliases":[{"name":"a"}],"limits":[{"action":"block","ip_addresses":["10.0.0.1"]}],
            "keys":[{"description":"search"}],"presets":[{"name":"p"}],"stopwords":[{"id":"w"}],
            "overrides":{"c":[{"id":"o"}]},"synonyms":{"c":[{"id":"s"}]},"collections":[{"name":"c"}],
            "synonym_sets":[{"name":"ss"}],"stemming_dictionaries":[{"id":"d"}],"typesense_version":"0.24.1"}"#;
        let expected = [
            "stemming dictionary d",
            "synonym set ss",
            "collection c",
            "synonym s of c",
            "override o of c",
            "stopwords w",
            "preset p",
            "key search",
            "limit block 10.0.0.1",
            "alias a",
        ];
        assert_eq!(names(text), expected);
    }

    #[test]
    fn an_array_several_documents_and_rejects_are_files_too() {
        assert_eq!(names(r#"[{"name":"c"}]"#), ["collection c"]);
        let object = Object::new(Kind::Synonym, Some("c\"d"), r#"{"id":"s","n":1.10}"#).unwrap();
        let alone = alone(object.kind, object.collection.as_deref(), &object.raw).unwrap();
        assert_eq!(alone.as_str(), r#"{"synonyms":{"c\"d":[{"id":"s","n":1.10}]}}"#);
        let letter = format!(
            r#"{{"error":{{"tool":"ts-schema","kind":"k","message":"m","retryable":false}},"record":{}}}"#,
            alone.as_str()
        );
        assert_eq!(
            names(&format!("{letter}\n[\n{{\"name\":\n\"c\"}}]")),
            ["collection c", "synonym s of c\"d"]
        );
    }

    #[test]
    fn what_is_no_such_file_is_told_as_a_whole() {
        for (text, expected) in [
            ("", "empty"),
            ("{", "not JSON: EOF while parsing"),
            ("7", "an object or an array"),
            (r#"{"keys":{}}"#, "keys: an array is expected"),
            (r#"{"synonyms":[]}"#, "synonyms: an object of collections"),
            (r#"{"synonyms":{"c":{}}}"#, "synonyms: an array is expected"),
            (r#"{"keys":[{"description":"s","value":"k3y"}]}"#, "key s: value is a secret"),
        ] {
            let told = wrong(text);
            assert!(told.contains(expected) && !told.contains("k3y"), "{text}: {told}");
        }
    }

    #[test]
    fn what_cannot_be_wanted_is_refused_and_the_rest_is_not() {
        let text = r#"{"colections":[1.10],"collections":[{"name":"c"},{"nam":"d"},7],"keys":[7]}"#;
        let document = Document::parse(text).unwrap();
        let all: Vec<_> = document
            .records
            .iter()
            .map(|record| {
                (wanted(record).map(|object| object.name).map_err(|reject| reject.kind), record.as_str())
            })
            .collect();
        let expected = [
            (Err("unknown-section"), r#"{"colections":[1.10]}"#),
            (Err("bad-record"), r#"{"collections":[{"nam":"d"}]}"#),
            (Err("bad-record"), r#"{"collections":[7]}"#),
            (Err("bad-record"), r#"{"keys":[7]}"#),
            (Ok("c".to_owned()), r#"{"collections":[{"name":"c"}]}"#),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn the_same_object_twice_is_one_and_two_of_a_name_are_wrong() {
        assert_eq!(
            names(r#"{"collections":[{"name":"c"},{ "name":"c" }],"keys":[{"n":1},{"n":1},{"n":2}]}"#).len(),
            3
        );
        assert!(wrong(r#"[{"name":"c","a":1},{"name":"c"}]"#).contains("collection c: there are two"));
        assert_eq!(names(r#"{"synonyms":{"c":[{"id":"s"}],"d":[{"id":"s"}],"c":[{"id":"t"}]}}"#).len(), 3);
        assert_eq!(names(r#"{"presets":[{"name":"p"}],"presets":[{"name":"q"}]}"#), ["preset p", "preset q"]);
    }
}
