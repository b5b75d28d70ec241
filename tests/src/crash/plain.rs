//! What makes records of different runs comparable.

use serde_json::Value;

/// Members that are about one run: how it went, or that an earlier one has done it.
const OF_ONE_RUN: [&str; 9] =
    ["replayed", "checked", "resent", "time", "timings", "ms", "attempts", "requests", "elapsed_s"];

/// Takes away, at any depth, what is about one run.
pub fn record(value: &mut Value) {
    without(value, &OF_ONE_RUN);
}

/// Takes these members away at any depth.
pub fn without(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !names.contains(&name.as_str()));
            members.values_mut().for_each(|member| without(member, names));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| without(element, names)),
        _ => {}
    }
}

/// Makes these members equal at any depth, as far as they are there and not null: times, and ids that nobody can foresee.
pub fn hidden(value: &mut Value, names: &[&str]) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if names.contains(&name.as_str()) && !member.is_null() {
                    *member = "*".into();
                } else {
                    hidden(member, names);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| hidden(element, names)),
        _ => {}
    }
}

/// Gives a text at this path another if it is one of these: `restored`, `resumed` and `already` all say that it is there.
pub fn as_one(value: &mut Value, pointer: &str, texts: &[&str]) {
    if let Some(found) = value.pointer_mut(pointer)
        && found.as_str().is_some_and(|text| texts.contains(&text))
    {
        *found = texts[0].into();
    }
}

/// Where two values differ, a line for each place.
pub(super) fn differences(ours: &Value, theirs: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differ("", ours, theirs, &mut found);
    found
}

fn differ(at: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    let nothing = Value::Null;
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let more = theirs.keys().filter(|name| !ours.contains_key(*name));
            for name in ours.keys().chain(more) {
                let of =
                    |members: &serde_json::Map<String, Value>| members.get(name).cloned().unwrap_or_default();
                differ(&format!("{at}/{name}"), &of(ours), &of(theirs), found);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            for index in 0..ours.len().max(theirs.len()) {
                let (one, other) =
                    (ours.get(index).unwrap_or(&nothing), theirs.get(index).unwrap_or(&nothing));
                differ(&format!("{at}/{index}"), one, other, found);
            }
        }
        _ if ours == theirs => {}
        _ => found.push(format!("{at}: {} instead of {}", short(ours), short(theirs))),
    }
}

/// As much of a value as a message has room for.
fn short(value: &Value) -> String {
    let text = value.to_string();
    let shown: String = text.chars().take(600).collect();
    if shown.len() < text.len() { shown + " ..." } else { shown }
}
