//! A Typesense of a newer release, as far as its objects and routes differ from those of 0.24.1.
//!
//! | rule | source |
//! |---|---|
//! | `GET /synonym_sets` and `/curation_sets` are arrays of `{"name","items"}`, `PUT /X/:name` takes `{"items"}` | API reference 30.2, "Synonyms", "Curation" |
//! | `GET /analytics/rules` is an array since 30, `{"rules":[...]}` before | API reference 30.2 and 29.0, "Analytics" |
//! | `PUT /stopwords/:id`; words are shown cut, in lower case and in any order | API reference 26.0, "Stopwords" |
//! | dictionaries are imported as lines, listed as ids | API reference 28.0, "Stemming" |
//! | an item without `root` is shown with an empty one; fields with `stem`, `store`, `stem_dictionary` | `to_view_json`, `get_summary_json` of the server's source |
//! | credentials of embedding models are shown masked | `hide_credential` of the server's source |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::MutexGuard;

use serde_json::{Value, json};
use testkit::answering::{Answer, Server};
use testkit::tool::Tool;
use testkit::typesense;

/// Lists by their path, each by name.
#[derive(Default)]
pub struct State {
    version: &'static str,
    lists: BTreeMap<String, BTreeMap<String, Value>>,
    /// What was changed: `METHOD path`, in order.
    pub changes: Vec<String>,
}

impl State {
    fn line(&self) -> u32 {
        self.version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    fn has(&self, list: &str) -> bool {
        match list {
            "synonym_sets" | "curation_sets" => self.line() >= 30,
            "stemming/dictionaries" => self.line() >= 28,
            "stopwords" => self.line() >= 26,
            _ => true,
        }
    }

    fn answer(&mut self, method: &str, path: &str, query: &str, body: &str) -> (u16, Value) {
        let missing = (404, json!({"message": "Not Found"}));
        let segments: Vec<_> = path.trim_matches('/').split('/').collect();
        if method != "GET" {
            self.changes.push(format!("{method} {path}"));
        }
        match (method, segments.as_slice()) {
            (_, ["health"]) => (200, json!({"ok": true})),
            (_, ["debug"]) => (200, json!({"state": 1, "version": self.version})),
            ("POST", ["stemming", "dictionaries", "import"]) if self.has("stemming/dictionaries") => {
                let id = query.strip_prefix("id=").unwrap_or_default();
                let words: Vec<Value> =
                    body.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
                self.put("stemming/dictionaries", id, json!({"id": id, "words": words}))
            }
            ("POST", [list @ "collections"]) => {
                let collection: Value = serde_json::from_str(body).unwrap_or_default();
                let name = collection["name"].as_str().unwrap_or_default().to_owned();
                self.put(list, &name, shown(collection))
            }
            ("PUT", [.., name]) if self.has(&segments[..segments.len() - 1].join("/")) => {
                let object: Value = serde_json::from_str(body).unwrap_or_default();
                self.put(&segments[..segments.len() - 1].join("/"), name, object)
            }
            ("GET", ["stemming", "dictionaries", id]) => self
                .lists
                .get("stemming/dictionaries")
                .and_then(|list| list.get(*id))
                .map_or(missing, |found| (200, found.clone())),
            ("GET", list) if self.has(&list.join("/")) => (200, self.list(&list.join("/"))),
            _ => missing,
        }
    }

    fn put(&mut self, list: &str, name: &str, mut object: Value) -> (u16, Value) {
        let identity = if matches!(list, "stopwords" | "stemming/dictionaries") { "id" } else { "name" };
        object[identity] = name.into();
        if list == "stopwords" {
            let words = object["stopwords"].as_array().cloned().unwrap_or_default();
            let words = words.iter().filter_map(Value::as_str).flat_map(str::split_whitespace);
            object["stopwords"] = words.map(str::to_lowercase).collect::<BTreeSet<_>>().into_iter().collect();
        }
        for item in object.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            if list == "synonym_sets" && item.get("root").is_none() {
                item["root"] = "".into();
            }
        }
        self.lists.entry(list.to_owned()).or_default().insert(name.to_owned(), object.clone());
        (if list == "collections" { 201 } else { 200 }, object)
    }

    fn list(&self, list: &str) -> Value {
        let objects: Vec<_> = self.lists.get(list).into_iter().flat_map(BTreeMap::values).cloned().collect();
        match list {
            "collections" | "limits" | "synonym_sets" | "curation_sets" => objects.into(),
            "analytics/rules" if self.line() >= 30 => objects.into(),
            "analytics/rules" => json!({"rules": objects}),
            "stemming/dictionaries" => {
                json!({"dictionaries": objects.iter().map(|object| &object["id"]).collect::<Vec<_>>()})
            }
            list => json!({ list.rsplit('/').next().unwrap_or(list): objects }),
        }
    }
}

/// A collection as the server shows it.
fn shown(mut collection: Value) -> Value {
    for (member, default) in [
        ("default_sorting_field", json!("")),
        ("enable_nested_fields", json!(false)),
        ("token_separators", json!([])),
        ("symbols_to_index", json!([])),
        ("synonym_sets", json!([])),
        ("curation_sets", json!([])),
        ("num_documents", json!(0)),
        ("created_at", json!(1_795_573_454)),
    ] {
        if collection.get(member).is_none() {
            collection[member] = default;
        }
    }
    for field in collection["fields"].as_array_mut().into_iter().flatten() {
        for (member, default) in [
            ("stem", json!(false)),
            ("store", json!(true)),
            ("stem_dictionary", json!("")),
            ("index", json!(true)),
        ] {
            if field.get(member).is_none() {
                field[member] = default;
            }
        }
        if let Some(key) = field.pointer_mut("/embed/model_config/api_key") {
            *key = key.as_str().map(|key| format!("{}*******", &key[..4])).unwrap_or_default().into();
            field["num_dim"] = 384.into();
        }
    }
    collection
}

/// The running fake; it ends when it is dropped.
pub struct Fake(Server<State>);

impl Fake {
    /// Starts one that says it is of this version.
    pub fn start(version: &'static str) -> Self {
        Self(Server::start(State { version, ..State::default() }, |state, head, body| {
            let (method, query) = (head.method.as_str(), head.uri.query().unwrap_or_default());
            let body = String::from_utf8_lossy(body);
            let (status, answer) = state.answer(method, head.uri.path(), query, &body);
            Answer::new(status, &[], answer.to_string())
        }))
    }

    /// Its state, to look at or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// A command line for it.
    pub fn tool(&self) -> Tool {
        typesense::tool("ts-schema", self.0.url())
    }
}
