//! Typesense: schemas applied, aliases moved, documents imported.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use testkit::crash::{Case, Records, World, check, plain};
use testkit::typesense::{KEY, Server, server};

/// What begins the names of one world; pages have `people` there.
fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("crowd{}q", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// All that the server has under names that begin so, in the order of these.
fn all(server: &Server, prefix: &str) -> Value {
    let named = |path: &str, section: &str, name: &str| {
        let mut found = server.get(path);
        let list = if section.is_empty() { found.take() } else { found[section].take() };
        let mut list = list.as_array().cloned().unwrap_or_default();
        list.retain(|one| one[name].as_str().is_some_and(|name| name.starts_with(prefix)));
        list.sort_by_key(|one| one[name].to_string());
        Value::from(list)
    };
    let mut collections = named("/collections", "", "name");
    plain::without(&mut collections, &["created_at"]);
    let mut contents = Vec::new();
    for collection in collections.as_array().into_iter().flatten() {
        let name = collection["name"].as_str().unwrap_or_default();
        contents.push(json!({
            "documents": server.documents(name),
            "synonyms": server.get(&format!("/collections/{name}/synonyms")),
            "overrides": server.get(&format!("/collections/{name}/overrides")),
        }));
    }
    json!({
        "collections": collections,
        "contents": contents,
        "aliases": named("/aliases", "aliases", "name"),
        "presets": named("/presets", "presets", "name"),
    })
}

/// A world on the server that all share, which is empty under its prefix.
pub fn world(prefix: &str) -> World {
    let of = prefix.to_owned();
    World::new(move || all(server(), &of))
        .service("TS_NODES", server().url())
        .env("TS_KEY", KEY)
        .word("people", prefix)
}

fn make(name: &str, documents: usize) {
    let collection = json!({ "name": name, "fields": [{ "name": "name", "type": "string" }] });
    assert_eq!(server().request("POST", "/collections", collection.to_string()).0, 201);
    for id in 0..documents {
        let document = json!({ "id": id.to_string(), "name": "Ada" });
        let path = format!("/collections/{name}/documents");
        assert_eq!(server().request("POST", &path, document.to_string()).0, 201);
    }
}

/// Objects of every section that this release has.
fn schema(prefix: &str) -> String {
    let collection = |name: &str| json!({ "name": format!("{prefix}_{name}"), "fields": [{ "name": "name", "type": "string" }] });
    json!({
        "collections": [collection("a"), collection("b")],
        "synonyms": { format!("{prefix}_a"): [{ "id": "coats", "synonyms": ["coat", "jacket"] }] },
        "overrides": { format!("{prefix}_b"): [
            { "id": "first", "rule": { "query": "x", "match": "exact" }, "includes": [{ "id": "1", "position": 1 }] }
        ] },
        "presets": [{ "name": format!("{prefix}_preset"), "value": { "q": "*" } }],
        "aliases": [{ "name": prefix, "collection_name": format!("{prefix}_a") }],
    })
    .to_string()
}

fn empty() -> World {
    let prefix = prefix();
    world(&prefix).file("collections.json", schema(&prefix))
}

#[test]
fn ts_schema_apply() {
    check(&Case {
        plain: |record| plain::as_one(record, "/schema/action", &["created", "already"]),
        seeds: 6,
        ..Case::new(
            "ts-schema-apply",
            "ts-schema apply --aliases --min-docs 0 collections.json > applied.jsonl",
            empty,
        )
    });
}

/// A preset and a collection that differ from the file.
fn changed() -> World {
    let prefix = prefix();
    make(&format!("{prefix}_a"), 0);
    make(&format!("{prefix}_b"), 0);
    let preset = json!({ "value": { "q": "before" } });
    assert_eq!(server().request("PUT", &format!("/presets/{prefix}_preset"), preset.to_string()).0, 200);
    let file = schema(&prefix).replace(
        &format!(r#"{{"fields":[{{"name":"name","type":"string"}}],"name":"{prefix}_b"}}"#),
        &format!(r#"{{"fields":[{{"name":"name","type":"int32"}}],"name":"{prefix}_b"}}"#),
    );
    assert!(file.contains("int32"), "{file}");
    let of = format!("{prefix}_b_");
    world(&prefix).file("changed.json", file).names(move || {
        let collections = server().get("/collections");
        let names = collections.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
        let made = names.filter(|name| name.starts_with(&of)).map(str::to_owned);
        made.enumerate().map(|(at, name)| (name, format!("people_b_MADE{at}"))).collect()
    })
}

#[test]
fn ts_schema_migrate() {
    check(&Case {
        plain: |record| {
            plain::as_one(record, "/schema/action", &["created", "already"]);
            // The new collection is found again by what it is, and that it is new by its name.
            if record["kind"] == "collection" {
                plain::as_one(record, "/schema/action", &["migrated", "created"]);
            }
        },
        seeds: 6,
        ..Case::new(
            "ts-schema-migrate",
            "ts-schema apply --migrate --journal apply.journal changed.json > applied.jsonl",
            changed,
        )
    });
}

pub fn swappable() -> World {
    let prefix = prefix();
    for (collection, documents) in [("_20251120", 2), ("_20261120", 3)] {
        make(&format!("{prefix}{collection}"), documents);
    }
    let alias = json!({ "collection_name": format!("{prefix}_20251120") });
    assert_eq!(server().request("PUT", &format!("/aliases/{prefix}"), alias.to_string()).0, 200);
    world(&prefix)
}

#[test]
fn ts_schema_swap() {
    check(&Case {
        undo: Some("ts-schema swap --undo < undo.jsonl"),
        seeds: 8,
        ..Case::new(
            "ts-schema-swap",
            "ts-schema swap --journal swap.journal people people_20261120 > swap.jsonl",
            swappable,
        )
    });
}

/// A collection, and documents for some batches.
pub fn importable() -> World {
    let prefix = prefix();
    make(&prefix, 0);
    let document =
        |id: usize| format!("{}\n", json!({ "id": id.to_string(), "name": "Ada ".repeat(id % 9 + 1) }));
    world(&prefix).file("people.jsonl", (0..900).map(document).collect::<String>())
}

/// How the documents were shared out depends on how fast they came.
pub const IMPORTED: Records = Records::OfTheLastInSum(&["documents", "accepted", "rejected", "bytes"]);

/// What stands before a batch follows from how the others were shared out.
pub fn of_import(record: &mut Value) {
    plain::without(record, &["after"]);
}

#[test]
fn ts_import() {
    check(&Case {
        plain: of_import,
        records: IMPORTED,
        seeds: 8,
        ..Case::new(
            "ts-import",
            "ts-import --journal people.journal --batch-docs 200 people < people.jsonl > receipts.jsonl",
            importable,
        )
    });
}

/// The people of a database, too many for what a pipe holds.
pub fn rows() -> World {
    let url = testkit::postgres::database();
    testkit::postgres::execute(
        &url,
        "create schema search; create function search.people_all() returns table (id text, name text) language sql \
         as $$ select n::text, repeat('Ada ', 40) from generate_series(1, 1500) n $$",
    );
    let prefix = prefix();
    make(&prefix, 0);
    world(&prefix).env("DB_URL", &url)
}
