//! What each view of a bucket must say, from the records of all its versions.

use serde_json::Value;

/// What a listing shows of each key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum View {
    Every,
    Latest,
    Deleted,
    At,
    AtAll,
}

/// What one record says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    key: String,
    version_id: String,
    /// The action of the plan; empty without one.
    action: String,
    markers: Vec<String>,
}

impl View {
    pub const ALL: [Self; 5] = [Self::Every, Self::Latest, Self::Deleted, Self::At, Self::AtAll];

    /// The flags that ask for it.
    pub fn flags(self, at: &str) -> Vec<&str> {
        match self {
            Self::Every => vec![],
            Self::Latest => vec!["--latest"],
            Self::Deleted => vec!["--deleted"],
            Self::At => vec!["--at", at],
            Self::AtAll => vec!["--at", at, "--all"],
        }
    }

    /// Its answers for records in the order of the store.
    pub fn answers(self, at: &str, records: &[Value]) -> Vec<Answer> {
        let keys = records.chunk_by(|a, b| a["key"] == b["key"]);
        keys.flat_map(|versions| match self {
            Self::Every => versions.iter().map(|version| Answer::new(version, "", &[])).collect(),
            Self::Latest => vec![Answer::new(&versions[0], "", &[])],
            Self::Deleted => deleted(versions).into_iter().collect(),
            Self::At => {
                Some(back(at, versions)).filter(|answer| answer.action != "none").into_iter().collect()
            }
            Self::AtAll => vec![back(at, versions)],
        })
        .collect()
    }
}

impl Answer {
    fn new(record: &Value, action: &str, markers: &[Value]) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            key: text(&record["key"]),
            version_id: text(&record["version_id"]),
            action: action.to_owned(),
            markers: markers.iter().map(|marker| text(&marker["version_id"])).collect(),
        }
    }

    /// What a record that was written says.
    pub fn read(record: &Value) -> Self {
        let plan = &record["plan"];
        let ids = plan["markers"].as_array().map_or(&[][..], Vec::as_slice);
        let markers: Vec<_> = ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        let action = plan["action"].as_str().unwrap_or_default();
        Self { markers, ..Self::new(record, action, &[]) }
    }
}

fn is_marker(version: &Value) -> bool {
    version["delete_marker"] == true
}

/// The version beneath the delete markers on top, where there are some.
fn deleted(versions: &[Value]) -> Option<Answer> {
    let beneath = versions.iter().position(|version| !is_marker(version)).filter(|place| *place > 0)?;
    Some(Answer::new(&versions[beneath], "undelete", &versions[..beneath]))
}

/// The way back to what a reader saw at that instant.
fn back(at: &str, versions: &[Value]) -> Answer {
    // Whole seconds of one day: up to them, both ways of writing a time are the same text.
    let second = |time: &str| time[.."2026-11-20T10:00:00".len()].to_owned();
    let there = |version: &&Value| second(version["last_modified"].as_str().unwrap()) <= second(at);
    let then = versions.iter().find(there).filter(|version| !is_marker(version));
    let latest = &versions[0];
    match then {
        None if is_marker(latest) => Answer::new(latest, "none", &[]),
        None => Answer::new(latest, "mark-deleted", &[]),
        Some(then) => {
            let above = versions.iter().position(|version| version == then).unwrap();
            match &versions[..above] {
                [] => Answer::new(then, "none", &[]),
                markers if markers.iter().all(is_marker) => Answer::new(then, "undelete", markers),
                _ => Answer::new(then, "copy", &[]),
            }
        }
    }
}
