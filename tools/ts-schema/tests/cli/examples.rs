//! Every example of the README and the help runs as it stands, in bash, against a cluster of its own.

use serde_json::json;
use testkit::tool::Tool;
use testkit::typesense::{self, KEY};

/// Commands of a README: what stands in its `sh` blocks, cut at blank lines.
fn blocks(readme: &str) -> Vec<String> {
    let blocks = readme.split("```").skip(1).step_by(2).filter_map(|part| part.strip_prefix("sh\n"));
    blocks.flat_map(|block| block.split("\n\n")).map(str::to_owned).collect()
}

/// Commands of a help page: what is indented by four below `Examples:`.
fn commands(help: &str) -> Vec<String> {
    let examples = help.split_once("Examples:\n").map_or("", |(_, rest)| rest);
    let examples: Vec<_> =
        examples.lines().take_while(|line| line.is_empty() || line.starts_with("  ")).collect();
    let groups = examples.split(|line| !line.starts_with("    "));
    groups.filter(|group| !group.is_empty()).map(|group| group.join("\n")).collect()
}

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
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let help = Tool::new("ts-schema").arg("--help").run();
    for (what, examples) in [("README.md", blocks(&readme)), ("--help", commands(help.text()))] {
        assert!(examples.len() >= 4, "{what}: {examples:?}");
        let server = typesense::another();
        let folder = tempfile::TempDir::new().expect("a folder");
        set_up(&server, folder.path());
        for example in examples {
            // Importing is another tool's work, with examples of its own.
            let script = format!("ts-import() {{ cat; }}\n{example}");
            let output = Tool::bash(&script)
                .env("TS_NODES", server.url())
                .env("TS_KEY", KEY)
                .env("TS_KEY_SEARCH", "searchSecret")
                .cwd(folder.path())
                .run();
            assert_eq!(output.code, Some(0), "{what}:\n{example}\n--- stderr\n{}", output.stderr);
        }
    }
}
