//! The field `swap` of a record that leaves: what was done, and all that an undo needs.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pointer::Pointer;

/// What to do after a change, since nobody is told of it by the services.
pub const RESTART: &str =
    "restart what has the old value cached, such as ECS tasks, Lambda functions and SDK caches";

/// What was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The value was changed.
    Swapped,
    /// The value was as wanted, and nothing was written.
    Already,
    /// What a record tells of was taken back.
    Undone,
}

/// The service that keeps the value.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager Parameter Store.
    Ssm,
}

/// A version as its service names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Version {
    /// Of a parameter.
    Number(i64),
    /// Of a secret.
    Id(String),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Id(id) => f.write_str(id),
        }
    }
}

/// The field `swap`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Swap {
    pub action: Action,
    pub store: Store,
    /// The secret's or parameter's name.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Where in the content's JSON the value is, if it is not the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<Pointer>,
    /// The label of the parameter that its readers go by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The version that is current now; nothing where a rehearsal has made none.
    pub version_id: Option<Version>,
    /// The version that was current before; nothing where it still is.
    pub previous_version_id: Option<Version>,
    /// Whether nothing was written, and this is only what would have been done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// Whether an earlier run did it and the journal repeats its result, which still holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// When it was done.
    pub time: Timestamp,
}

impl Swap {
    /// Whether a journal must keep it: what is rehearsed or repeated is none of this run's work.
    pub fn is_news(&self) -> bool {
        !self.dry_run && !self.replayed
    }

    /// Whether there is something to take back.
    pub fn changed(&self) -> bool {
        self.action != Action::Already && !self.dry_run
    }
}
