//! The shell examples of a tool's README and help, for tests that run them as they stand.

use std::fs;
use std::path::Path;

use crate::tool::Tool;

/// An example and where it stands.
#[derive(Clone, Debug)]
pub struct Example {
    /// The page, for messages: `tools/cf-purge/README.md` or `cf-purge --help`.
    pub page: String,
    /// What to give to bash.
    pub script: String,
}

/// All examples of a tool.
///
/// # Panics
/// If its README or its help has none.
pub fn of(tool: &str) -> Vec<Example> {
    let mut all = of_readme(&format!("tools/{tool}/README.md"));
    let page = format!("{tool} --help");
    let commands = commands(&on_a_terminal(tool));
    assert!(!commands.is_empty(), "{page} has no example");
    all.extend(commands.into_iter().map(|script| Example { page: page.clone(), script }));
    all
}

/// A terminal as wide as most are, without colours.
const TERMINAL: &str = "python3 -c 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))' \
    sh -c 'stty rows 24 cols 80; exec \"$0\" --help'";

/// A tool's help as a terminal of 80 columns shows it, from which examples are pasted.
///
/// # Panics
/// If the tool has none.
pub fn on_a_terminal(tool: &str) -> String {
    let help = Tool::bash(&format!("{TERMINAL} {tool}")).env("NO_COLOR", "1").run();
    assert_eq!(help.code, Some(0), "{tool} --help: {}", help.stderr);
    help.text().replace("\r\n", "\n")
}

/// The examples of a README, given by its path in the project. Scripts of the project are run by its own checks.
///
/// # Panics
/// If it has none.
pub fn of_readme(path: &str) -> Vec<Example> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let text = fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "{path} has no example");
    blocks.into_iter().map(|script| Example { page: path.to_owned(), script }).collect()
}

/// The `sh` blocks of a README, cut at blank lines.
fn blocks(readme: &str) -> Vec<String> {
    let blocks = readme.split("```").skip(1).step_by(2).filter_map(|part| part.strip_prefix("sh\n"));
    let commands = blocks.flat_map(|code| code.split("\n\n"));
    commands.filter(|command| !command.contains("scripts/")).map(str::to_owned).collect()
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
