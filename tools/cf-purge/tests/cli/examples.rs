//! Every example of the README and the help runs as it stands, against the fake.

use anyhow::Result;

use crate::fake::Fake;
use crate::records;

/// The `cf-purge` commands of a text, each without what is before and after it in its pipeline.
fn commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ").replace("|\n", "| ");
    let flags = joined.lines().filter_map(|line| line.find("cf-purge --dist").map(|start| &line[start..]));
    flags
        .map(|command| command.split(['<', '>', '|']).next().unwrap_or_default())
        .map(|command| command.split_whitespace().skip(1).map(str::to_owned).collect())
        .collect()
}

#[test]
fn they_all_run() -> Result<()> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))?;
    let help = testkit::tool::Tool::new("cf-purge").arg("--help").run();
    for (name, text) in [("README.md", readme.as_str()), ("--help", help.text())] {
        let commands = commands(text);
        assert!(commands.len() >= 5, "{name}: {commands:?}");
        for flags in commands {
            let fake = Fake::start(Some(1))?;
            let plain = flags.iter().any(|flag| flag == "--plain");
            let input = if plain { "originals/a.jpg\n".to_owned() } else { records(["originals/a.jpg"]) };
            let flags =
                flags.iter().map(|flag| if flag == "EABC123" { crate::fake::DISTRIBUTION } else { flag });
            let output = testkit::tool::Tool::new("cf-purge")
                .endpoint(fake.url())
                .args(flags.clone())
                .stdin(input)
                .run();
            assert_eq!(output.code, Some(0), "{name}: {:?}: {}", flags.collect::<Vec<_>>(), output.stderr);
            assert_eq!(output.records().len(), 1);
        }
    }
    Ok(())
}
