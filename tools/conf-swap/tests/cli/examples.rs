//! Every example of the README and the help runs as it stands, against moto.

use tempfile::TempDir;
use testkit::moto;
use testkit::tool::Tool;

use crate::bench::{label, overwrite, put, secrets};

/// The `sh` blocks of a README, cut at blank lines.
fn blocks(readme: &str) -> Vec<String> {
    let blocks = readme.split("```").skip(1).step_by(2).filter_map(|part| part.strip_prefix("sh\n"));
    blocks.flat_map(|code| code.split("\n\n")).map(str::to_owned).collect()
}

/// The commands below `Examples:` in a help page: they are indented by four, their headings by two.
fn commands(help: &str) -> Vec<String> {
    let examples = help.split_once("Examples:\n").map_or("", |(_, rest)| rest);
    let lines = examples.lines().take_while(|line| line.is_empty() || line.starts_with("  "));
    let mut commands = vec![String::new()];
    for line in lines {
        match line.strip_prefix("    ") {
            Some(command) => *commands.last_mut().unwrap() += &format!("{command}\n"),
            None => commands.push(String::new()),
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// What the examples speak of.
async fn set_up() {
    let version = put("/app/global_readonly", "false").await;
    assert!(version > 0);
    let version = put("/app/orders_table", "orders").await;
    label("/app/orders_table", version, "live").await;
    let content = r#"{"host":"old.example","password":"p-1"}"#;
    if secrets().create_secret().name("prod/db").secret_string(content).send().await.is_err() {
        overwrite("prod/db", content).await;
    }
}

#[tokio::test]
async fn they_all_run() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let help = Tool::new("conf-swap").arg("--help").run();
    for (name, examples) in [("README.md", blocks(&readme)), ("--help", commands(help.text()))] {
        assert!(examples.len() >= 5, "{name}: {examples:?}");
        for example in examples {
            set_up().await;
            let folder = TempDir::new().unwrap();
            std::fs::write(
                folder.path().join("restored.jsonl"),
                "{\"endpoint\":\"new.example\",\"table\":\"orders-1\"}\n",
            )
            .unwrap();
            std::fs::write(folder.path().join("login-test.sh"), "test \"$1\" = new.example\n").unwrap();
            let output = Tool::bash(&example)
                .endpoint(moto::endpoint())
                .env("NEW", "p-2")
                .env("OLD", "p-1")
                .cwd(folder.path())
                .run();
            assert_eq!(output.code, Some(0), "{name}:\n{example}\n--- stderr\n{}", output.stderr);
            assert!(example.contains('>') || !output.stdout.is_empty(), "{name}:\n{example}");
        }
    }
}
