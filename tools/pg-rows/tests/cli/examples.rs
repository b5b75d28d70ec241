//! Every example of the README and the help runs as it stands.

use std::fs;

use tempfile::TempDir;
use testkit::postgres;
use testkit::tool::Tool;

/// The commands of a README's `sh` blocks, or those that a help page indents by four below its `Examples:`.
fn commands(text: &str) -> Vec<String> {
    let blocks = text.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
    let help = text.split("Examples:\n").nth(1).unwrap_or_default();
    let indented = help.lines().take_while(|line| line.is_empty() || line.starts_with("  "));
    let indented =
        indented.map(|line| line.strip_prefix("    ").unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let all = blocks.collect::<Vec<_>>().join("\n") + &indented;
    all.replace("\\\n", " ").lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn they_all_run() {
    let url = postgres::database();
    postgres::rehearse_with(&url, 200, 10, 20);
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let help = Tool::new("pg-rows").arg("--help").run();
    for (name, text) in [("README.md", readme.as_str()), ("--help", help.text())] {
        let commands = commands(text);
        assert!(commands.len() >= 5, "{name}: {commands:?}");
        for command in commands {
            let folder = TempDir::new().unwrap();
            for (file, content) in [
                ("hot.txt", "london\nmodel\n"),
                ("slices.jsonl", "{\"city\":\"london\",\"followers\":1000}\n"),
                ("work.sql", "select * from search.work_all();\n"),
            ] {
                fs::write(folder.path().join(file), content).unwrap();
            }
            let output = Tool::bash(&command).env("DB_URL", &url).cwd(folder.path()).run();
            assert_eq!(output.code, Some(0), "{name}: {command}: {}", output.stderr);
            assert!(!output.stderr.contains("done 0"), "{name}: {command}: {}", output.stderr);
        }
    }
}
