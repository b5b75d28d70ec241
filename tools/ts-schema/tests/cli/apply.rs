//! A fresh cluster, a half-built one, and a second time.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::fault::{Plan, Proxy};
use testkit::typesense;

use crate::{actions, apply, collection, file, reject, rejects};

/// One object of each kind that 0.24.1 has, but for keys and limits. The name is that of the collection.
fn everything(name: &str) -> String {
    let collection = json!({"name": name, "enable_nested_fields": true, "default_sorting_field": "age", "fields": [
        {"name":"name","type":"string"}, {"name":"age","type":"int32","facet":true}, {"name":"place","type":"geopoint"},
        {"name":"address","type":"object"}, {"name":"extra_.*","type":"auto"}, {"name":"id","type":"string"},
        {"name":"vector","type":"float[]","num_dim":4}, {"name":"note","type":"string","index":false,"optional":true}
    ]});
    json!({
        "aliases": [{"name": format!("{name}-alias"), "collection_name": name}],
        "presets": [{"name": format!("{name} listing/a"), "value": {"q":"*","per_page":10}}],
        "overrides": {name: [
            {"id":"top","rule":{"query":"apple","match":"exact"},"includes":[{"id":"1","position":1}]},
            {"id":"brand","rule":{"query":"{b}","match":"contains"},"filter_by":"name:={b}"}
        ]},
        "synonyms": {name: [{"id":"coats/1","synonyms":["coat","jacket"]}, {"id":"phone","root":"phone","synonyms":["mobile"]}]},
        "collections": [collection]
    })
    .to_string()
}

fn expected(name: &str, action: &str) -> Vec<String> {
    let objects = [
        "collection {}",
        "synonym coats/1",
        "synonym phone",
        "override top",
        "override brand",
        "preset {} listing/a",
    ];
    objects.map(|object| format!("{} {action}", object.replace("{}", name))).to_vec()
}

#[test]
fn a_fresh_cluster_gets_everything_in_order_and_a_second_time_nothing() {
    let server = typesense::server();
    let file = everything("fresh");
    let first = apply(server, &[], &file);
    assert_eq!(actions(first.assert_code(0)), expected("fresh", "created"));
    assert!(first.stderr.contains("aliases that wait for --aliases: 1"), "{}", first.stderr);
    let shown = server.get("/collections/fresh");
    assert_eq!(
        (&shown["default_sorting_field"], shown["fields"].as_array().map(Vec::len)),
        (&json!("age"), Some(7))
    );
    assert_eq!(server.get("/collections/fresh/synonyms")["synonyms"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.get("/collections/fresh/overrides")["overrides"].as_array().map(Vec::len), Some(2));
    assert_eq!(server.request("GET", "/aliases/fresh-alias", "").0, 404);

    // Documents bring fields along, which make no difference.
    let document = json!({"name":"a","age":1,"place":[1.0,2.0],"address":{"city":"c"},"extra_color":"red","vector":[1,2,3,4]});
    let (status, body) = server.request("POST", "/collections/fresh/documents", document.to_string());
    assert_eq!(status, 201, "{body}");
    let second = apply(server, &[], &file);
    assert_eq!(actions(second.assert_code(0)), expected("fresh", "already"));
}

#[test]
fn what_a_half_built_cluster_lacks_is_made() {
    let server = typesense::server();
    let file = everything("half");
    let whole: Value = serde_json::from_str(&file).expect("JSON");
    server.request("POST", "/collections", whole["collections"][0].to_string());
    server.request("PUT", "/collections/half/synonyms/phone", r#"{"root":"phone","synonyms":["mobile"]}"#);
    let output = apply(server, &[], &file);
    let made: BTreeMap<_, _> = actions(output.assert_code(0))
        .into_iter()
        .filter_map(|line| {
            line.rsplit_once(' ').map(|(object, action)| (object.to_owned(), action.to_owned()))
        })
        .collect();
    let already: Vec<_> =
        made.iter().filter(|(_, action)| *action == "already").map(|(object, _)| object.as_str()).collect();
    assert_eq!(already, ["collection half", "synonym phone"]);
    assert_eq!(made.len(), 6);
}

#[test]
fn each_list_is_asked_for_once() {
    let server = typesense::server();
    let proxy = Proxy::start(server.url(), Plan::new(1));
    let synonym = |number| json!({"id":format!("s{number}"),"synonyms":["a",format!("b{number}")]});
    let content = json!({
        "collections": [serde_json::from_str::<Value>(&collection("many")).expect("JSON")],
        "synonyms": {"many": (0..40).map(synonym).collect::<Vec<_>>()}
    });
    let file = file(content.to_string());
    let output = typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path).run();
    assert_eq!(output.assert_code(0).records().len(), 41);
    // Health, version, collections, aliases, synonyms, and one for each object.
    assert_eq!(proxy.requests(), 5 + 41);
}

#[test]
fn a_rehearsal_says_the_same_and_makes_nothing() {
    let server = typesense::server();
    let output = apply(server, &["--dry-run"], everything("rehearsed"));
    assert_eq!(actions(output.assert_code(0)), expected("rehearsed", "created"));
    assert!(output.records().iter().all(|record| record["schema"]["dry_run"] == true));
    assert_eq!(server.request("GET", "/collections/rehearsed", "").0, 404);
    let presets = server.get("/presets").to_string();
    assert!(!presets.contains("rehearsed"), "{presets}");
}

#[test]
fn an_array_of_collections_on_stdin_is_enough() {
    let server = typesense::server();
    let input = format!("[\n{},\n{}]", collection("piped a/b"), collection("piped-b"));
    let output = server.tool("ts-schema").args(["apply", "-"]).stdin(input).run();
    assert_eq!(
        actions(output.assert_code(0)),
        ["collection piped a/b created", "collection piped-b created"]
    );
    assert_eq!(server.get("/collections/piped%20a%2Fb")["name"], "piped a/b");
}

#[test]
fn what_differs_is_rejected_with_the_difference() {
    let server = typesense::server();
    let name = server.collection("differs", r#"[{"name":"a","type":"int32"},{"name":"b","type":"string"}]"#);
    server.request("PUT", &format!("/collections/{name}/synonyms/s"), r#"{"synonyms":["x","y"]}"#);
    server.request("PUT", "/presets/differs", r#"{"value":{"q":"*"}}"#);
    let file = json!({
        "collections": [{"name":name,"fields":[{"name":"a","type":"int64"},{"name":"c","type":"string"}]}],
        "synonyms": {&name: [{"id":"s","synonyms":["x","z"]}]},
        "presets": [{"name":"differs","value":{"q":"a"}}]
    });
    let output = apply(server, &[], file.to_string());
    let rejects = rejects(output.assert_code(3));
    let fields = "fields.a.type: int64 in the file, int32 in the cluster; fields.c: only in the file; fields.b: only in the cluster";
    for ((kind, message), expected) in rejects.iter().zip([
        format!("collection {name} differs: {fields}; --migrate"),
        format!("synonym s of {name} differs: synonyms: [\"x\",\"z\"] in the file, [\"x\",\"y\"] in the cluster; --migrate"),
        r#"preset differs differs: value: {"q":"a"} in the file, {"q":"*"} in the cluster; --migrate"#.to_owned(),
    ]) {
        assert_eq!(kind, "differs");
        assert!(message.starts_with(&expected), "{message}");
    }
    assert_eq!((rejects.len(), output.stdout.len()), (3, 0));
    assert!(server.get("/presets").to_string().contains(r#"{"name":"differs","value":{"q":"*"}}"#));
}

#[test]
fn rejects_are_a_file_for_the_next_run() {
    let server = typesense::server();
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("rejects.jsonl");
    let file = file(
        r#"{"synonyms":{"later":[{"id":"s", "synonyms":["a","b"]}]},"presets":[{"name":"later","value":{}}]}"#,
    );
    let run = |input: &std::path::Path| {
        server.tool("ts-schema").arg("apply").arg(input).arg("--rejects").arg(&path).run()
    };
    let first = run(&file.path);
    assert_eq!(actions(first.assert_code(3)), ["preset later created"]);
    let reject = std::fs::read_to_string(&path).expect("rejects");
    assert!(
        reject.contains(r#""record":{"synonyms":{"later":[{"id":"s","synonyms":["a","b"]}]}}"#),
        "{reject}"
    );
    server.request("POST", "/collections", collection("later"));
    assert_eq!(actions(run(&path).assert_code(0)), ["synonym s created"]);
}

#[test]
fn what_the_server_refuses_is_told_in_its_words_and_the_rest_is_made() {
    let server = typesense::server();
    let wrong = r#"{"name":"refused","fields":[{"name":"a","type":"wat"}]}"#;
    let output = apply(server, &[], format!("[{wrong},{}]", collection("taken")));
    let (kind, message) = reject(&output);
    assert!(kind == "refused" && message.contains("invalid data type `wat`"), "{kind}: {message}");
    assert_eq!(actions(&output), ["collection taken created"]);
}

#[test]
fn what_the_server_would_pass_over_is_rejected_before_it_is_made() {
    let server = typesense::server();
    let file = json!({
        "collections": [{"name":"unknown","feilds":1,"fields":[{"name":"a","type":"string","stem":true,"sotr":true}]}],
        "presets": [{"name":"unknown","value":{"anything":1},"valeu":2}],
        "stopwords": [{"id":"w","stopwords":["a"]}],
        "colections": []
    });
    let output = apply(server, &[], file.to_string());
    let rejects = rejects(output.assert_code(3));
    let (kinds, messages): (Vec<_>, Vec<_>) =
        rejects.iter().map(|(kind, message)| (kind.as_str(), message)).unzip();
    assert_eq!(kinds, ["unknown-section", "unknown-member", "unsupported", "unknown-member"]);
    for (message, expected) in messages.iter().zip([
        &["colections: no such section"][..],
        &["feilds is unknown", "fields.a.stem came with 26", "fields.a.sotr is unknown", "0.24"],
        &["stopwords", "since 26"],
        &["valeu is unknown"],
    ]) {
        assert!(expected.iter().all(|part| message.contains(part)), "{message}");
    }
    assert_eq!(server.request("GET", "/collections/unknown", "").0, 404);
}

#[test]
fn what_belongs_to_no_collection_and_a_name_that_is_taken_are_rejected() {
    let server = typesense::server();
    server.request("PUT", "/aliases/dangling", r#"{"collection_name":"gone"}"#);
    let file = json!({
        "collections": [{"name":"dangling","fields":[{"name":"a","type":"string"}]}],
        "overrides": {"nowhere": [{"id":"o","rule":{"query":"q","match":"exact"},"excludes":[{"id":"1"}]}]},
        "aliases": [{"name":"aimless"}]
    });
    for flags in [&["--aliases"][..], &["--aliases", "--dry-run"]] {
        let told = rejects(apply(server, flags, file.to_string()).assert_code(3));
        let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, ["name-taken", "no-collection", "bad-record"]);
        assert!(told[0].1.contains("its collection gone is not there"), "{}", told[0].1);
    }
}

#[test]
fn max_rejects_ends_the_run() {
    let server = typesense::server();
    let file = format!(r#"{{"what":1,"where":2,"collections":[{}]}}"#, collection("too-many"));
    let output = apply(server, &["--max-rejects", "1"], file);
    assert!(output.assert_code(1).stderr.contains("--max-rejects 1"), "{}", output.stderr);
    assert_eq!(server.request("GET", "/collections/too-many", "").0, 404);
}
