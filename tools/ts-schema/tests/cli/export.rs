//! The file that is written on a good day builds the same cluster on the bad one.

use serde_json::{Value, json};
use testkit::typesense::{self, Server};

use crate::{actions, file};

fn build(server: &Server) {
    for (method, path, body) in [
        (
            "POST",
            "/collections",
            json!({"name":"people_1","enable_nested_fields":true,"symbols_to_index":["+"],"fields":[
            {"name":"name","type":"string","infix":true,"locale":"de"}, {"name":"x_.*","type":"auto"}, {"name":"any","type":"string*"},
            {"name":"address","type":"object","optional":true}, {"name":"vector","type":"float[]","num_dim":2,"optional":true}]}),
        ),
        (
            "POST",
            "/collections",
            json!({"name":"books","fields":[{"name":"n","type":"int32"}],"default_sorting_field":"n"}),
        ),
        (
            "POST",
            "/collections/people_1/documents",
            json!({"name":"a","x_y":1,"any":2,"address":{"zip":3,"at":{"b":"c"}}}),
        ),
        ("PUT", "/collections/people_1/synonyms/b", json!({"synonyms":["x","y"]})),
        ("PUT", "/collections/people_1/synonyms/a", json!({"root":"r","synonyms":["x"],"locale":"de"})),
        (
            "PUT",
            "/collections/books/overrides/o",
            json!({"rule":{"query":"q","match":"exact"},"excludes":[{"id":"1"}],"stop_processing":false}),
        ),
        ("PUT", "/presets/p", json!({"value":{"q":"*","searches":[{"x":0.5}]}})),
        ("PUT", "/aliases/people", json!({"collection_name":"people_1"})),
        ("POST", "/limits", json!({"action":"throttle","ip_addresses":["10.0.0.1"],"max_requests_60s":5})),
        (
            "POST",
            "/keys",
            json!({"description":"Search only","actions":["documents:search"],"collections":["people.*"],"value":"searchSecret"}),
        ),
        (
            "POST",
            "/keys",
            json!({"description":"Search only","actions":["*"],"collections":["*"],"value":"seconSecret","expires_at":99_999_999_999_u64}),
        ),
    ] {
        let (status, answer) = server.request(method, path, body.to_string());
        assert!(matches!(status, 200 | 201), "{path}: {answer}");
    }
}

fn export(server: &Server) -> String {
    let output = server.tool("ts-schema").arg("export").run();
    output.assert_code(0).text().to_owned()
}

#[test]
fn what_was_exported_builds_the_same_cluster_again() {
    let (old, new) = (typesense::another(), typesense::another());
    build(&old);
    let exported = export(&old);
    assert_eq!(export(&old), exported);
    assert!(!exported.contains("Secret") && !exported.contains("num_documents"), "{exported}");
    let file = file(&exported);
    let run = |server: &Server, args: &[&str]| {
        let tool = server.tool("ts-schema").args(args).arg(&file.path);
        tool.env("TS_KEY_SEARCH_ONLY", "searchSecret").env("TS_KEY_SEARCH_ONLY_2", "seconSecret").run()
    };
    let applied = run(&new, &["apply", "--aliases", "--min-docs", "0"]);
    let actions = actions(applied.assert_code(0));
    assert!(actions.len() == 10 && actions.iter().all(|line| line.ends_with(" created")), "{actions:?}");
    assert_eq!(export(&new), exported);
    for server in [&old, &new] {
        run(server, &["diff"]).assert_code(0);
    }
    let shown = |server: &Server, path: &str| {
        let mut shown = server.get(path);
        for member in ["created_at", "num_documents"] {
            shown.as_object_mut().expect("an object").remove(member);
        }
        shown
    };
    for path in
        ["/collections/people", "/collections/books", "/keys", "/presets", "/collections/people/synonyms"]
    {
        assert_eq!(shown(&old, path), shown(&new, path), "{path}");
    }
}

#[test]
fn an_empty_cluster_is_a_file_too() {
    let server = typesense::another();
    let exported: Value = serde_json::from_str(&export(&server)).expect("JSON");
    let expected = json!({"typesense_version":"0.24","collections":[],"synonyms":{},"overrides":{},"presets":[],
        "keys":[],"limits":[],"aliases":[]});
    assert_eq!(exported, expected);
    let file = file(exported.to_string());
    server.tool("ts-schema").arg("apply").arg(&file.path).run().assert_code(0);
    let collection = server.collection("beyond", r#"[{"name":"a","type":"string"}]"#);
    let output = server.tool("ts-schema").arg("diff").arg(&file.path).run();
    let (kind, message) = crate::reject(&output);
    assert_eq!(
        (kind.as_str(), message),
        ("not-in-file", format!("collection {collection}: only in the cluster"))
    );
}
