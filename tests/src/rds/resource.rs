//! A cluster, instance, snapshot or backup, and the states that it will go through.

use std::collections::VecDeque;

use super::fields::Fields;

/// One thing that RDS knows, with its members as the API spells them (`Status`, `TagList.Tag.1.Key`).
#[derive(Clone, Debug, Default)]
pub struct Resource {
    /// What a description of it shows.
    pub fields: Fields,
    /// What happens to it, a stage at a time.
    pub stages: VecDeque<Stage>,
}

/// A state to come, after so many looks at the one before.
#[derive(Clone, Debug)]
pub struct Stage {
    looks: u32,
    /// Nothing where the resource is gone then.
    change: Option<Vec<(String, Option<String>)>>,
}

impl Stage {
    /// A state that is seen after this many looks at the one before; 0 shows it at the next look.
    pub fn after(looks: u32) -> Self {
        Self { looks, change: Some(Vec::new()) }
    }

    /// The end: it is not found any more after so many looks.
    pub fn gone(looks: u32) -> Self {
        Self { looks, change: None }
    }

    /// With this member, such as `("Status", "available")`.
    pub fn with(mut self, path: &str, value: &str) -> Self {
        self.change.get_or_insert_default().push((path.to_owned(), Some(value.to_owned())));
        self
    }

    /// Without this member.
    pub fn without(mut self, path: &str) -> Self {
        self.change.get_or_insert_default().push((path.to_owned(), None));
        self
    }
}

impl Resource {
    /// One member, empty if it is not there.
    pub fn get(&self, path: &str) -> &str {
        self.fields.get(path).unwrap_or_default()
    }

    /// Its tags as pairs.
    pub fn tags(&self) -> Vec<(String, String)> {
        self.fields.pairs("TagList.Tag", "Key", "Value")
    }

    /// Another set of tags.
    pub fn set_tags(&mut self, tags: &[(String, String)]) {
        self.fields.set_pairs("TagList.Tag", "Key", "Value", tags);
    }

    /// Looks at it once: the next stage comes if it is due. False when it is gone.
    pub(super) fn look(&mut self) -> bool {
        while let Some(next) = self.stages.front_mut() {
            if let Some(left) = next.looks.checked_sub(1) {
                next.looks = left;
                break;
            }
            let Some(change) = self.stages.pop_front().and_then(|stage| stage.change) else { return false };
            for (path, value) in change {
                match value {
                    Some(value) => self.fields.set(&path, value),
                    None => self.fields.remove(&path),
                };
            }
        }
        true
    }
}
