//! What a record asks for, in the tool's own terms.

use common::Record;
use common::journal::Id;
use common::reject::Reject;
use common::s3::{Action, Plan, S3Url};
use serde::Deserialize;

use crate::cli::{Method, Options};

/// One key of one bucket.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    pub bucket: String,
    pub key: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// What the key is to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Goal {
    /// As this version is.
    Version(String),
    /// Deleted: a delete marker is its latest.
    Deleted,
    /// As it is.
    Unchanged,
}

/// The work for one record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Task {
    /// Where the wanted version is.
    pub source: Place,
    /// Where it is wanted.
    pub target: Place,
    pub goal: Goal,
    /// The version id of the latest when the work was planned; any other found later is a write that the plan did
    /// not know.
    pub expected: Option<String>,
    pub method: Method,
    /// The delete markers that the plan found above the version, newest first.
    pub markers: Vec<String>,
    /// Whether no other delete marker may be removed.
    pub only_those: bool,
}

impl Task {
    /// Whether the version goes somewhere else than where it is.
    pub fn is_aside(&self) -> bool {
        self.source != self.target
    }

    /// The name of this work across runs.
    pub fn id(&self) -> Id {
        let goal = match &self.goal {
            Goal::Version(id) => ["version", id],
            Goal::Deleted => ["deleted", ""],
            Goal::Unchanged => ["unchanged", ""],
        };
        let Self { source, target, expected, .. } = self;
        Id::of(&[
            "s3-restore",
            &source.bucket,
            &source.key,
            &target.bucket,
            &target.key,
            goal[0],
            goal[1],
            expected.as_deref().unwrap_or_default(),
        ])
    }
}

#[derive(Deserialize)]
struct Fields {
    bucket: Option<String>,
    key: Option<String>,
    version_id: Option<String>,
    plan: Option<Plan>,
}

/// The bucket and key of a record, with the bucket that `--bucket` gives where the record has none.
///
/// # Errors
/// The reject of a record without them.
pub fn place(bucket: Option<String>, key: Option<String>, default: Option<&str>) -> Result<Place, Reject> {
    let named = |name: &str| Reject::bad_record(format!("no {name} in the record"));
    let bucket = bucket.or_else(|| default.map(str::to_owned)).filter(|bucket| !bucket.is_empty());
    let bucket = bucket.ok_or_else(|| Reject::bad_record("no bucket in the record, and no --bucket"))?;
    if bucket.contains('/') {
        return Err(Reject::bad_record(format!("{bucket:?} is no bucket: it has a slash")));
    }
    let key = key.filter(|key| !key.is_empty()).ok_or_else(|| named("key"))?;
    Ok(Place { bucket, key })
}

/// What of the options holds for the reading of records.
pub struct Rules {
    to: Option<S3Url>,
    delete_newer: bool,
    method: Method,
}

impl Rules {
    /// Those of these options.
    pub fn of(options: &Options) -> Self {
        Self { to: options.to.clone(), delete_newer: options.delete_newer, method: options.method }
    }
}

/// Reads the task of a record that names a version or has a plan.
///
/// # Errors
/// The reject of a record that says too little, or plans a deletion that was not allowed.
pub fn task(record: &Record, bucket: Option<&str>, options: &Rules) -> Result<Task, Reject> {
    let fields: Fields = record.view().map_err(Reject::bad_record)?;
    let source = place(fields.bucket, fields.key, bucket)?;
    let target = options.to.as_ref().map_or_else(|| source.clone(), |to| aside(to, &source));
    let action = fields.plan.as_ref().map(|plan| plan.action);
    let goal = match action {
        Some(Action::None) => Goal::Unchanged,
        // What was not there then has nothing to be put aside.
        Some(Action::MarkDeleted) if options.to.is_some() => Goal::Unchanged,
        Some(Action::MarkDeleted) if !options.delete_newer => {
            let message =
                format!("{source} was born after the wanted instant: give --delete-newer to delete it");
            return Err(Reject::new("needs-delete-newer", message));
        }
        Some(Action::MarkDeleted) => Goal::Deleted,
        Some(Action::Copy | Action::Undelete) | None => {
            let id = fields.version_id.filter(|id| !id.is_empty());
            Goal::Version(id.ok_or_else(|| Reject::bad_record("no version_id in the record"))?)
        }
    };
    let method = match action {
        Some(Action::Copy) => Method::Copy,
        _ if options.to.is_some() => Method::Copy,
        _ => options.method,
    };
    // A plan knows nothing of what lies where the version is put aside.
    let plan = fields.plan.filter(|_| options.to.is_none());
    let (expected, markers) = plan.map(|plan| (plan.current_version_id, plan.markers)).unzip();
    Ok(Task {
        source,
        target,
        goal,
        expected,
        method,
        markers: markers.unwrap_or_default(),
        only_those: false,
    })
}

fn aside(to: &S3Url, source: &Place) -> Place {
    Place { bucket: to.bucket.clone(), key: format!("{}{}", to.prefix, source.key) }
}
