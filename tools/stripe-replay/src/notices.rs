//! What is worth a warning about events that are sent all the same.

use std::collections::BTreeSet;

use crate::event::Event;

/// Other API versions that are reported one by one.
const VERSIONS: usize = 16;

/// What was noticed in the input so far.
pub struct Notices {
    expected: Option<String>,
    versions: BTreeSet<String>,
    /// Events of another version.
    other: u64,
    /// Whether the order of the input matters and has not been found wrong.
    watches_order: bool,
    newest: i64,
}

impl Notices {
    /// Nothing yet.
    pub fn new(expected: Option<String>, watches_order: bool) -> Self {
        Self { expected, versions: BTreeSet::new(), other: 0, watches_order, newest: i64::MIN }
    }

    /// Looks at the next event of the input, and warns of what is new about it.
    pub fn look(&mut self, event: &Event) {
        if let Some(expected) = &self.expected {
            let version = event.api_version.as_deref().unwrap_or("none");
            self.other += u64::from(version != expected);
            if version != expected
                && self.versions.len() < VERSIONS
                && self.versions.insert(version.to_owned())
            {
                tracing::warn!("{} is of API version {version}, not {expected}", event.id);
            }
        }
        if self.watches_order && event.created < self.newest {
            self.watches_order = false;
            tracing::warn!(
                "{} is older than an event before it: events are sent in the order of the input, which should be \
                 oldest first",
                event.id
            );
        }
        self.newest = self.newest.max(event.created);
    }

    /// Says at the end how many events there were of other versions.
    pub fn report(&self) {
        if let Some(expected) = &self.expected
            && self.other > 0
        {
            tracing::warn!("events of another API version than {expected}: {}", self.other);
        }
    }
}
