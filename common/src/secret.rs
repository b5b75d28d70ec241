//! Secrets as the user gives them: in a variable or in a file, never on the command line.

use std::path::Path;

use anyhow::{Context, Result};

use crate::run::Usage;

/// The first line of the file if one is given, else the variable; nothing where that is empty or not set.
///
/// # Errors
/// [`Usage`] for a file that cannot be read.
pub fn given(file: Option<&Path>, variable: &str) -> Result<Option<String>> {
    let text = match file {
        Some(file) => first_line(file)?,
        None => std::env::var(variable).unwrap_or_default(),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn first_line(file: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read the key {}", file.display()));
    let text = text.map_err(|error| Usage::Wrong(format!("{error:#}")))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
