//! Every example of the README and the help runs as it stands, in bash, those of a page against one cluster.

use std::collections::BTreeMap;

use serde_json::json;
use testkit::examples::{self, Example};
use testkit::tool::Tool;
use testkit::typesense::{self, KEY};

fn set_up(server: &typesense::Server, folder: &std::path::Path) {
    for name in ["people_20251120", "people_20261120"] {
        let collection = json!({"name":name,"fields":[{"name":"name","type":"string"}]});
        assert_eq!(server.request("POST", "/collections", collection.to_string()).0, 201);
        for _ in 0..2 {
            let path = format!("/collections/{name}/documents");
            assert_eq!(server.request("POST", &path, r#"{"name":"Ada"}"#).0, 201);
        }
    }
    server.request("PUT", "/aliases/people", r#"{"collection_name":"people_20251120"}"#);
    let key = json!({"description":"search","actions":["documents:search"],"collections":["people"],"value":"searchSecret"});
    server.request("POST", "/keys", key.to_string());
    let file = |field: &str| json!({"collections":[{"name":"people","fields":[{"name":"name","type":"string"},{"name":field,"type":"string","optional":true}]}]});
    let mut same = file("city");
    same["collections"][0]["fields"].as_array_mut().expect("fields").pop();
    std::fs::write(folder.join("collections.json"), same.to_string()).expect("a file");
    std::fs::write(folder.join("changed.json"), file("city").to_string()).expect("a file");
    std::fs::write(folder.join("people.jsonl"), "").expect("a file");
}

#[test]
fn they_all_run() {
    let mut clusters = BTreeMap::new();
    for Example { page, script } in examples::of("ts-schema") {
        let (server, folder) = clusters.entry(page.clone()).or_insert_with(|| {
            let (server, folder) = (typesense::another(), tempfile::TempDir::new().expect("a folder"));
            set_up(&server, folder.path());
            (server, folder)
        });
        // Importing is another tool's work, with examples of its own.
        let output = Tool::bash(&format!("ts-import() {{ cat; }}\n{script}"))
            .env("TS_NODES", server.url())
            .env("TS_KEY", KEY)
            .env("TS_KEY_SEARCH", "searchSecret")
            .cwd(folder.path())
            .run();
        assert_eq!(output.code, Some(0), "{page}:\n{script}\n--- stderr\n{}", output.stderr);
    }
}
