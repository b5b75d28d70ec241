//! Text that no message may show.

use std::fmt;

/// A value, or the whole of what holds it. Its `Debug` tells nothing.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Hidden(String);

impl Hidden {
    /// The text itself, for a request, a comparison or the environment of a check.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}
