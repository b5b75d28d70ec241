//! Which pipes the pages and runbooks show.

use std::fs;
use std::path::{Path, PathBuf};

use crate::examples;
use crate::sandbox;

/// Every pipe with a tool in it that a README, a help page or a runbook shows: where, and its text on one line.
///
/// # Panics
/// If a page cannot be read.
pub fn pipes() -> Vec<(String, String)> {
    let tools = tools();
    let readme = examples::of_readme("README.md");
    let pages = tools.iter().flat_map(|tool| examples::of(tool)).chain(readme);
    let pages = pages.map(|example| (example.page, example.script));
    let scripts = files("scripts/runbooks").into_iter().map(|path| (shown(&path), read(&path)));
    let mut found: Vec<_> = pages
        .chain(scripts)
        .flat_map(|(page, text)| {
            let lines = lines(&text).into_iter().filter(|line| is_pipe(line, &tools));
            lines.map(move |line| (page.clone(), line)).collect::<Vec<_>>()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn tools() -> Vec<String> {
    let names = files("tools").into_iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    names.collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let found = fs::read_dir(sandbox::root().join(folder)).expect("a folder of the project");
    found.map(|entry| entry.expect("a readable folder").path()).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(sandbox::root()).unwrap_or(path).display().to_string()
}

/// The lines of a script, each with those that it goes on in.
fn lines(script: &str) -> Vec<String> {
    let (mut lines, mut whole) = (Vec::new(), String::new());
    for line in script.lines() {
        let line = line.trim();
        let (part, goes_on) = match line.strip_suffix('\\') {
            Some(part) => (part.trim_end(), true),
            None => (line, line.ends_with('|') && !line.ends_with("||")),
        };
        whole.push_str(part);
        if goes_on {
            whole.push(' ');
        } else {
            lines.push(std::mem::take(&mut whole));
        }
    }
    lines
}

/// Whether a command of a tool is a stage of a pipe.
fn is_pipe(line: &str, tools: &[String]) -> bool {
    let line = line.replace("||", "");
    let stages: Vec<_> = line.split('|').collect();
    let is_tool = |stage: &&str| {
        let first = stage.trim_start().trim_start_matches('(').split_whitespace().next();
        first.is_some_and(|first| tools.iter().any(|tool| tool == first))
    };
    stages.len() > 1 && stages.iter().any(is_tool)
}

#[cfg(test)]
mod tests {
    use super::{is_pipe, lines};

    #[test]
    fn a_pipe_is_found_over_its_lines() {
        let tools = ["cf-purge".to_owned(), "s3-restore".to_owned()];
        let found: Vec<_> =
            lines("a |\n  s3-restore \\\n  -n || b\n# cf-purge\ncf-purge || c\nhead | tail\n")
                .into_iter()
                .filter(|line| is_pipe(line, &tools))
                .collect();
        assert_eq!(found, ["a | s3-restore -n || b"]);
    }
}
