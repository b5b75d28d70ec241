//! Members that a server would pass over in silence: told before anything is made without them.

use serde_json::Value;

use crate::kind::Kind;
use crate::kind::members::{Member, Shape};
use crate::kind::release::{KNOWN, Line, Release, written};

/// What an object has that the release does not know, one line of words for each.
///
/// Of a release newer than those that this tool knows, nothing is said to be unknown.
pub fn unknown(kind: Kind, wanted: &Value, release: Release) -> Vec<String> {
    let mut unknown = Vec::new();
    object(wanted, kind.members(), release.line, "", &mut unknown);
    unknown
}

fn object(wanted: &Value, members: &[Member], line: Line, path: &str, out: &mut Vec<String>) {
    for (name, value) in wanted.as_object().into_iter().flatten() {
        let path = format!("{path}{name}");
        let Some(member) = members.iter().find(|member| member.name == name) else {
            if line <= KNOWN {
                out.push(format!("{path} is unknown"));
            }
            continue;
        };
        // An export of a newer server has its defaults too, and to pass over those changes nothing.
        if member.since > line && (member.default)(wanted).as_ref() != Some(value) {
            out.push(format!("{path} came with {}", written(member.since)));
            continue;
        }
        match &member.shape {
            Shape::Object(members) => object(value, members, line, &format!("{path}."), out),
            Shape::List(identity, members) => {
                for item in value.as_array().into_iter().flatten() {
                    let name = item.get(identity).and_then(Value::as_str).unwrap_or("?");
                    object(item, members, line, &format!("{path}.{name}."), out);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::typesense::Version;
    use serde_json::json;

    fn told(wanted: &Value, major: u32, minor: u32) -> Vec<String> {
        unknown(Kind::Collection, wanted, Version { major, minor }.into())
    }

    #[test]
    fn a_default_of_a_later_release_may_stand() {
        let wanted = json!({"name":"c","metadata":{},"synonym_sets":[],"fields":[
            {"name":"a","type":"string","stem":false,"store":true,"stem_dictionary":""},
            {"name":"b","type":"string","store":false}]});
        assert_eq!(told(&wanted, 0, 24), ["fields.b.store came with 26"]);
    }

    #[test]
    fn typing_errors_and_what_came_later_are_told_with_their_place() {
        let wanted = json!({"name":"c","feilds":1,"metadata":{"free":1},
            "fields":[{"name":"a","type":"string","stem":true,"fasset":true}]});
        let later = [
            "fields.a.fasset is unknown",
            "fields.a.stem came with 26",
            "feilds is unknown",
            "metadata came with 26",
        ];
        let sorted = |mut told: Vec<String>| {
            told.sort();
            told
        };
        let mut expected = later.to_vec();
        expected.sort_unstable();
        assert_eq!(sorted(told(&wanted, 0, 24)), expected);
        assert_eq!(sorted(told(&wanted, 27, 0)), ["feilds is unknown", "fields.a.fasset is unknown"]);
        assert_eq!(told(&wanted, 31, 0), [""; 0]);
    }
}
