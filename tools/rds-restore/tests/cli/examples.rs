//! Every example of the README and the help runs as it stands, in bash.

use anyhow::Result;
use testkit::postgres;
use testkit::rds::{automated_backup, cluster};
use testkit::tool::Tool;

use crate::production;

/// The commands of a text: lines that start with the tool's name, with those that continue them.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim);
    lines.filter(|line| line.starts_with("rds-restore --from")).map(str::to_owned).collect()
}

#[test]
fn they_all_run() -> Result<()> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))?;
    let help = Tool::new("rds-restore").arg("--help").run();
    let database = postgres::database();
    let address = database.rsplit_once('@').and_then(|(_, rest)| rest.split('/').next()).unwrap();
    let (host, port) = address.split_once(':').unwrap();
    for (name, text) in [("README.md", readme.as_str()), ("--help", help.text())] {
        let commands = commands(text);
        assert!(commands.len() >= 4, "{name}: {commands:?}");
        for command in commands {
            let server = production();
            {
                let mut state = server.state();
                state.endpoint = Some(host.to_owned());
                state.cluster_mut("app-prod").unwrap().fields.set("Port", port);
                state.backups.push(automated_backup(&cluster("app-gone")));
            }
            let folder = tempfile::TempDir::new()?;
            let output =
                Tool::bash(&command).endpoint(server.url()).env("DB_URL", &database).cwd(folder.path()).run();
            assert_eq!(output.code, Some(0), "{name}: {command}: {}", output.stderr);
            let written = std::fs::read(folder.path().join("restored.jsonl")).unwrap_or(output.stdout);
            assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 1, "{name}: {command}");
        }
    }
    Ok(())
}
