//! The first line of a journal: its format, whose it is and of what.

use std::path::Path;

use anyhow::Result;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::line::Sum;
use crate::flags::Flags;
use crate::run::{Ctx, Usage};

/// The format that is written here. It decides alone whether a journal can be read: an upgrade in the middle of an
/// incident changes nothing.
const FORMAT: u32 = 2;
/// Every journal begins so. Format 1 had no first line of this kind.
pub(crate) const MAGIC: &str = "{\"drkit_journal\":";

/// What makes a run the one that a journal belongs to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Identity {
    tool: String,
    /// What the run works on: endpoint, region, bucket, URL.
    target: IndexMap<String, String>,
    /// Every flag that may change what the run writes.
    flags: IndexMap<String, String>,
}

/// The first line. The version of drkit is there for people.
#[derive(Deserialize, Serialize)]
struct Header<'a> {
    drkit_journal: u32,
    sum: Sum,
    #[serde(borrow)]
    about: &'a serde_json::value::RawValue,
    drkit: String,
}

impl Identity {
    /// That of a run with these flags.
    pub fn new(ctx: &Ctx, flags: &Flags) -> Self {
        Self { tool: ctx.tool.to_owned(), target: IndexMap::new(), flags: flags.shown() }
    }

    /// Works on this, too: a name such as `bucket` or `endpoint`, and which one it is. No secret may be in it.
    #[must_use]
    pub fn target(mut self, name: &str, value: impl Into<String>) -> Self {
        self.target.insert(name.to_owned(), value.into());
        self
    }

    /// The first line, with its end.
    pub(super) fn header(&self) -> Result<Vec<u8>> {
        let about = serde_json::value::to_raw_value(self)?;
        let header = Header {
            drkit_journal: FORMAT,
            sum: Sum::of(&[about.get().as_bytes()]),
            about: &about,
            drkit: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let mut line = serde_json::to_vec(&header)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Holds the first line of a file against this run, and returns what its other lines are summed with.
    ///
    /// # Errors
    /// [`Usage`] which says what the file is, or in what its run differs from this one.
    pub(super) fn check(&self, line: &[u8], path: &Path) -> Result<Sum, Usage> {
        let name = path.display();
        let wrong = |message: String| Usage::Wrong(message);
        if !line.starts_with(MAGIC.as_bytes()) {
            return Err(wrong(match is_format_1(line) {
                true => format!(
                    "{name} is a journal of an earlier release, whose format does not say what it is about: finish its run \
                     with that release, or give another file"
                ),
                false => format!("{name} is no journal and was not changed: give another file"),
            }));
        }
        let damaged = || wrong(format!("the first line of the journal {name} is damaged: give another file"));
        #[derive(Deserialize)]
        struct Format {
            drkit_journal: u32,
        }
        let Format { drkit_journal: format } = serde_json::from_slice(line).map_err(|_| damaged())?;
        if format != FORMAT {
            return Err(wrong(format!(
                "the journal {name} has format {format}, and this release reads {FORMAT}: resume it with the release that \
                 wrote it, or give another file"
            )));
        }
        let header: Header<'_> = serde_json::from_slice(line).map_err(|_| damaged())?;
        let theirs: Self = serde_json::from_str(header.about.get()).map_err(|_| damaged())?;
        if header.sum != Sum::of(&[header.about.get().as_bytes()]) {
            return Err(damaged());
        }
        match self.differences(&theirs) {
            none if none.is_empty() => Ok(header.sum),
            differences => Err(wrong(format!(
                "the journal {name} is of another run: {}; give the same command, or another file",
                differences.join(", ")
            ))),
        }
    }

    fn differences(&self, theirs: &Self) -> Vec<String> {
        if theirs.tool != self.tool {
            return vec![format!("it was written by {}, not {}", theirs.tool, self.tool)];
        }
        let mut differences = Vec::new();
        for (theirs, ours) in [(&theirs.target, &self.target), (&theirs.flags, &self.flags)] {
            let more = ours.keys().filter(|name| !theirs.contains_key(*name));
            for name in theirs.keys().chain(more) {
                match (theirs.get(name), ours.get(name)) {
                    (Some(theirs), Some(ours)) if theirs == ours => {}
                    (Some(theirs), Some(ours)) => {
                        differences.push(format!("its {name} is {theirs}, here {ours}"));
                    }
                    (Some(theirs), None) => differences.push(format!("it has {name} {theirs}, here is none")),
                    (None, ours) => {
                        let ours = ours.map(String::as_str).unwrap_or_default();
                        differences.push(format!("it has no {name}, here it is {ours}"));
                    }
                }
            }
        }
        differences
    }
}

/// Whether a file begins as journals did before they said what they are about.
fn is_format_1(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Entry<'a> {
        id: &'a str,
        #[serde(borrow, rename = "result")]
        _result: &'a serde_json::value::RawValue,
    }
    let entry = serde_json::from_slice::<Entry<'_>>(line).ok();
    entry.is_some_and(|entry| entry.id.len() == 32 && entry.id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
