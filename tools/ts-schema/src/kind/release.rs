//! Which Typesense answers, as far as it matters for what can be asked of it.

use std::fmt;

use common::typesense::Version;

/// A release line: 0.24.1 belongs to line 24, 30.2 to line 30 (the numbering lost its leading zero after 0.25).
pub type Line = u32;

/// The newest line whose objects this tool knows member by member.
pub const KNOWN: Line = 30;

/// The version of the server, by what it knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Release {
    /// Its line; beyond all known ones for a build without a number.
    pub line: Line,
    version: Version,
}

impl From<Version> for Release {
    fn from(version: Version) -> Self {
        let line = if version.major == 0 { version.minor } else { version.major };
        Self { line, version }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.version {
            Version { major: u32::MAX, .. } => f.write_str("a build without a number"),
            Version { major, minor } => write!(f, "{major}.{minor}"),
        }
    }
}

/// A line as its releases are written: `0.25`, `26`.
pub fn written(line: Line) -> String {
    if line < 26 { format!("0.{line}") } else { line.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_before_and_after_the_new_numbering_are_in_order() {
        let release = |major, minor| Release::from(Version { major, minor });
        let lines = [(0, 24), (0, 25), (26, 0), (30, 2), (u32::MAX, 0)].map(|(a, b)| release(a, b).line);
        assert_eq!(lines, [24, 25, 26, 30, u32::MAX]);
        assert_eq!((release(0, 24).to_string(), release(30, 2).to_string()), ("0.24".into(), "30.2".into()));
        assert_eq!((written(25), written(26)), ("0.25".into(), "26".into()));
    }
}
