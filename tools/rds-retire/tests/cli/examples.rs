//! Every example of the README and the help runs as it stands.

use testkit::tool::Tool;

use crate::Incident;

/// The commands of a text that begin with the tool's name, continued lines joined.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| line.starts_with("rds-retire app-prod"));
    lines.map(str::to_owned).collect()
}

#[test]
fn they_all_run() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let help = Tool::new("rds-retire").arg("--help").run();
    for (name, text) in [("README.md", readme.as_str()), ("--help", help.text())] {
        let commands = commands(text);
        assert!(commands.len() >= 3, "{name}: {commands:?}");
        for command in commands {
            let incident = Incident::new();
            let folder = tempfile::TempDir::new().expect("a folder");
            let output = Tool::bash(&command)
                .env("AWS_ENDPOINT_URL_RDS", incident.rds.url())
                .env("AWS_ENDPOINT_URL_CLOUDWATCH", incident.cloudwatch.url())
                .cwd(folder.path())
                .run();
            assert_eq!(output.code, Some(0), "{name}: {command}: {}", output.stderr);
            assert_eq!(incident.changes().is_empty(), command.contains("--dry-run"), "{name}: {command}");
        }
    }
}
