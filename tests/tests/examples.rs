//! Every shell example of the READMEs and of the tools' own help, run by bash as it stands.
//!
//! Examples speak of the bucket `photos`, the distribution `EABC123` and a few files; a sandbox has them, and the
//! distribution is the one that moto named.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::path::Path;

use testkit::s3::{Options, Put, Server};
use testkit::tool::Tool;
use testkit::{cloudfront, moto};

/// What an earlier s3-restore wrote where nothing was left to do.
const LOG: &str = r#"{"bucket":"photos","key":"originals/c.jpg","version_id":"v","restore":{"action":"already","version_id":"v","previous_version_id":null}}
"#;

/// What examples are about: originals that were good at the time they name, and damaged since.
fn photos() -> Server {
    let server = Server::start(Options::default());
    server.create_bucket("photos");
    server.create_bucket("scratch");
    for key in ["originals/a.jpg", "originals/b.jpg"] {
        server.put(
            "photos",
            key,
            Put::bytes("good").at("2026-11-20T09:00:00Z").version_id(&format!("v-{key}")),
        );
    }
    server.put("photos", "originals/a.jpg", Put::bytes("worse").at("2026-11-20T11:00:00Z"));
    server.put("photos", "originals/b.jpg", Put::marker());
    server
}

fn files(folder: &Path) {
    let record =
        |key: &str| format!("{{\"bucket\":\"photos\",\"key\":\"{key}\",\"version_id\":\"v-{key}\"}}\n");
    let records = record("originals/a.jpg") + &record("originals/b.jpg");
    for (name, content) in [
        ("keys.txt", "originals/a.jpg\noriginals/b.jpg\n".to_owned()),
        ("keys.csv", "key,version_id\noriginals/a.jpg,v-originals/a.jpg\n".to_owned()),
        ("plan.jsonl", records.clone()),
        ("versions.jsonl", records.clone()),
        ("restored.jsonl", records),
        ("log.jsonl", LOG.to_owned()),
    ] {
        fs::write(folder.join(name), content).expect("a file for the examples");
    }
}

async fn works(what: &str, example: &str) {
    let server = photos();
    let folder = tempfile::tempdir().expect("a folder");
    files(folder.path());
    let script = example.replace("EABC123", &cloudfront::distribution().await);
    let output = Tool::bash(&script)
        .env("AWS_ENDPOINT_URL_S3", server.url())
        .env("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
        .cwd(folder.path())
        .run();
    assert_eq!(output.code, Some(0), "{what}:\n{example}\n--- stderr\n{}", output.stderr);
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn tools() -> Vec<String> {
    let folders = fs::read_dir(root().join("tools")).expect("the tools");
    folders.map(|folder| folder.expect("a tool").file_name().to_string_lossy().into_owned()).collect()
}

/// The `sh` blocks of a README, cut at blank lines; scripts of this project are run by its own checks.
fn blocks(readme: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    for (number, part) in readme.split("```").enumerate() {
        if let Some(code) = part.strip_prefix("sh\n").filter(|_| number % 2 == 1) {
            let commands = code.split("\n\n").filter(|command| !command.contains("scripts/"));
            blocks.extend(commands.map(str::to_owned));
        }
    }
    blocks
}

/// The commands below `Examples:` in a help page: they are indented by four, their headings by two.
fn commands(help: &str) -> Vec<String> {
    let mut commands = vec![String::new()];
    let examples = help.split_once("Examples:\n").map_or("", |(_, rest)| rest);
    for line in examples.lines().take_while(|line| line.is_empty() || line.starts_with("  ")) {
        match line.strip_prefix("    ") {
            Some(command) => {
                let last = commands.last_mut().expect("never empty");
                last.push_str(command);
                last.push('\n');
            }
            None => commands.push(String::new()),
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

#[tokio::test]
async fn every_example_of_a_readme_works() {
    let mut readmes = vec!["README.md".to_owned()];
    readmes.extend(tools().iter().map(|tool| format!("tools/{tool}/README.md")));
    for readme in readmes {
        let text = fs::read_to_string(root().join(&readme)).expect("a README");
        let examples = blocks(&text);
        assert!(!examples.is_empty(), "{readme} has no example");
        for example in examples {
            works(&readme, &example).await;
        }
    }
}

#[tokio::test]
async fn every_example_of_a_help_page_works() {
    for tool in tools() {
        let help = Tool::new(&tool).arg("--help").run();
        let examples = commands(help.text());
        assert!(!examples.is_empty(), "{tool} --help has no example");
        for example in examples {
            works(&format!("{tool} --help"), &example).await;
        }
    }
}

#[test]
fn a_readme_fits_its_bounds() {
    for tool in tools() {
        let path = root().join(format!("tools/{tool}/README.md"));
        let lines = fs::read_to_string(path).expect("a README").lines().count();
        assert!(lines <= 60, "tools/{tool}/README.md has {lines} lines");
    }
}
