//! Secrets as the user gives them: in a variable or in a file, never on the command line, and in no output.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use anyhow::{Context, Result};

use crate::run::Usage;

/// Shorter texts stand in too many words that are no secret.
const SHORTEST: usize = 8;
/// Sessions are renewed; what was sent long ago is not sent back any more.
const MOST: usize = 256;

/// Of the whole process: every message and reject is written in one place, far from those who know the secrets.
static KNOWN: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Masks this text in all messages and rejects from now on, whoever repeats it.
pub fn keep(secret: &str) {
    let is_known = |known: &BTreeSet<String>| known.contains(secret);
    if secret.len() < SHORTEST || is_known(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() < MOST {
        known.insert(secret.to_owned());
    }
}

/// The text with `***` for each secret that is known.
pub fn masked(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    let mut text = Cow::Borrowed(text);
    // From the longest, or a part of one would be left where another begins like it.
    let mut found: Vec<_> = known.iter().filter(|secret| text.contains(secret.as_str())).collect();
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in found {
        text = Cow::Owned(text.replace(secret.as_str(), "***"));
    }
    text
}

/// The first line of the file if one is given, else the variable; nothing where that is empty or not set.
///
/// # Errors
/// [`Usage`] for a file that cannot be read.
pub fn given(file: Option<&Path>, variable: &str) -> Result<Option<String>> {
    let text = match file {
        Some(file) => first_line(file)?,
        None => std::env::var(variable).unwrap_or_default(),
    };
    keep(&text);
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn first_line(file: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read the key {}", file.display()));
    let text = text.map_err(|error| Usage::Wrong(format!("{error:#}")))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_masked_wherever_it_comes_back() {
        keep("sk_test_masked");
        keep("sk_test_masked_longer");
        keep("short");
        assert_eq!(masked("a sk_test_masked_longer b sk_test_masked"), "a *** b ***");
        assert!(matches!(masked("short words"), Cow::Borrowed("short words")));
    }
}
