//! The members of a JSON object one by one, where a map would hide that a name comes twice.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// All members of an object in their order, those of one name too; each value is the bytes that it came in.
///
/// Names are unescaped: `"\u0061"` and `"a"` are the same. It borrows from the text that it is read from, with
/// [`Record::view`](crate::Record::view) or `serde_json::from_str`; what is no object is an error of these.
#[derive(Debug)]
pub struct Members<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(All)
    }
}

/// The place of a value in the text that it was read from.
pub fn span(text: &str, value: &RawValue) -> Range<usize> {
    let start = value.get().as_ptr().addr() - text.as_ptr().addr();
    start..start + value.get().len()
}

struct All;

impl<'de> Visitor<'de> for All {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_their_bytes_and_their_repetitions() {
        let text = r#" { "b" : 1.10, "a":[ 1 ],"\u0062":{"b":2}, "":null } "#;
        let Members(members) = serde_json::from_str(text).unwrap();
        let members: Vec<_> = members.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
        assert_eq!(members, [("b", "1.10"), ("a", "[ 1 ]"), ("b", r#"{"b":2}"#), ("", "null")]);
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        for text in ["[]", "7", r#""a""#, "null", r#"{"a":1"#, r#"{"a":1}x"#] {
            assert!(serde_json::from_str::<Members>(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Members>("[]").unwrap_err().to_string().contains("an object"));
    }
}
