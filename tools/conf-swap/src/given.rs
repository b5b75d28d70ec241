//! Values that the command line gives, or names the place of.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;
use common::Usage;

use crate::hidden::Hidden;

/// As much as a secret may hold, in bytes (API reference, PutSecretValue).
const LONGEST: u64 = 65_536;

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Given {
    /// An argument: a value that is no secret.
    Argument(String),
    /// A file, without the line end at its end; `-` is stdin.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

impl Given {
    /// The first of the three flags that was given.
    pub fn of(argument: Option<String>, file: Option<PathBuf>, env: Option<String>) -> Option<Self> {
        argument.map(Self::Argument).or(file.map(Self::File)).or(env.map(Self::Env))
    }

    /// The value.
    ///
    /// # Errors
    /// [`Usage`] when it cannot be read, or is empty: an unset variable or a list that ended must not empty a secret.
    pub async fn read(self) -> Result<Hidden> {
        let (name, text) = match self {
            Self::Argument(text) => ("the value".to_owned(), text),
            Self::File(path) => {
                let name = path.display().to_string();
                let read = tokio::task::spawn_blocking(move || file(&path)).await?;
                (name.clone(), read.map_err(|err| Usage::Wrong(format!("cannot read {name}: {err}")))?)
            }
            Self::Env(name) => {
                let text = std::env::var(&name).map_err(|_| {
                    Usage::Wrong(format!("the variable {name} is not set, or is no text in UTF-8"))
                })?;
                (name, text)
            }
        };
        if text.is_empty() {
            return Err(Usage::Wrong(format!("{name} is empty")).into());
        }
        Ok(text.into())
    }
}

fn file(path: &Path) -> io::Result<String> {
    let source: Box<dyn Read> = match path == Path::new("-") {
        true if io::stdin().is_terminal() => return Err(io::Error::other("stdin is a terminal")),
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path)?),
    };
    let mut text = String::new();
    source.take(LONGEST + 3).read_to_string(&mut text)?;
    let value = text.strip_suffix('\n').map_or(&*text, |value| value.strip_suffix('\r').unwrap_or(value));
    match u64::try_from(value.len()) {
        Ok(length) if length <= LONGEST => Ok(value.to_owned()),
        _ => Err(io::Error::other(format!("more than the {LONGEST} bytes that a secret may have"))),
    }
}
