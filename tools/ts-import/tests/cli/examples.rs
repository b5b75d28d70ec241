//! Every example of the README and the help runs as it stands.

use tempfile::TempDir;
use testkit::tool::Tool;
use testkit::typesense::{KEY, another};

/// What stands before an example: `pg-rows` as it writes with `--trailer`.
const BEFORE: &str = "pg-rows() { cat people.jsonl; echo '{\"pg_rows\":{\"rows\":3,\"complete\":true}}'; }\n";

/// The blocks of a README that are for a shell.
fn of_readme(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    // The second block has one example a line.
    blocks
        .flat_map(|block| if block.contains("|") { vec![block] } else { block.lines().collect() })
        .map(str::to_owned)
        .collect()
}

/// What stands indented by four under the headings of a help's examples.
fn of_help(text: &str) -> Vec<String> {
    let examples = text
        .split("Examples:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\nBatches:").next())
        .unwrap_or_default();
    let lines =
        |part: &str| part.lines().filter_map(|line| line.strip_prefix("    ")).collect::<Vec<_>>().join("\n");
    examples.split("\n\n").map(lines).collect()
}

#[test]
fn they_all_run() {
    let server = another();
    let old = server.collection("people", r#"[{"name":"name","type":"string"},{"name":".*","type":"auto"}]"#);
    let body = serde_json::json!({"collection_name": old}).to_string();
    assert_eq!(server.request("PUT", "/aliases/people", body).0, 200);
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap_or_default();
    let help = Tool::new("ts-import").arg("--help").run();
    let examples = [of_readme(&readme), of_help(help.text())].concat();
    assert_eq!(examples.len(), 11, "{examples:#?}");
    for example in examples {
        let folder = TempDir::new().expect("a folder");
        let file = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
        file(
            "people.jsonl",
            "{\"id\":\"1\",\"name\":\"A\"}\n{\"id\":\"2\",\"name\":\"B\"}\n{\"id\":\"3\",\"name\":\"C\"}\n",
        );
        file("rows.jsonl", "{\"person_id\":4,\"fullname\":\"D\",\"notes\":\"n\"}\n");
        file("changes.jsonl", "{\"id\":\"1\",\"name\":\"Z\"}\n");
        let shell = Tool::bash(&format!("{BEFORE}{example}")).cwd(folder.path());
        let output = shell.env("TS_NODES", server.url()).env("TS_KEY", KEY).run();
        assert_eq!(output.code, Some(0), "{example}\n{}", output.stderr);
    }
}
