//! Every example of the README and the help runs as it stands.

use tempfile::TempDir;
use testkit::examples::{self, Example};
use testkit::tool::Tool;
use testkit::typesense::{KEY, another};

/// What stands before an example: `pg-rows` as it writes with `--trailer`.
const BEFORE: &str = "pg-rows() { cat people.jsonl; echo '{\"pg_rows\":{\"rows\":3,\"complete\":true}}'; }\n";

#[test]
fn they_all_run() {
    let server = another();
    let old = server.collection("people", r#"[{"name":"name","type":"string"},{"name":".*","type":"auto"}]"#);
    let body = serde_json::json!({"collection_name": old}).to_string();
    assert_eq!(server.request("PUT", "/aliases/people", body).0, 200);
    for Example { page, script } in examples::of("ts-import") {
        let folder = TempDir::new().expect("a folder");
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        file(
            "people.jsonl",
            "{\"id\":\"1\",\"name\":\"A\"}\n{\"id\":\"2\",\"name\":\"B\"}\n{\"id\":\"3\",\"name\":\"C\"}\n",
        );
        file("rows.jsonl", "{\"person_id\":4,\"fullname\":\"D\",\"notes\":\"n\"}\n");
        file("changes.jsonl", "{\"id\":\"1\",\"name\":\"Z\"}\n");
        let shell = Tool::bash(&format!("{BEFORE}{script}")).cwd(folder.path());
        let output = shell.env("TS_NODES", server.url()).env("TS_KEY", KEY).run();
        assert_eq!(output.code, Some(0), "{page}:\n{script}\n{}", output.stderr);
    }
}
