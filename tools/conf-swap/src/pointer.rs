//! A JSON pointer (RFC 6901), and the bytes of the value that it points at.

use std::fmt;
use std::str::FromStr;

use common::members::Members;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The way to one value: the keys and indexes from the outermost inwards.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer {
    text: String,
    keys: Vec<String>,
}

/// Why there is nothing to point at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lost {
    /// The text is no JSON.
    NotJson,
    /// Nothing has that name.
    Missing,
    /// An object on the way has the key more than once, and readers differ in which they take.
    Twice(String),
}

impl Pointer {
    /// The way to a field of the outermost object, whatever characters its name has.
    pub fn field(name: &str) -> Self {
        let text = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        Self { text, keys: vec![name.to_owned()] }
    }

    /// The value, as the slice of `text` that it is.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn find<'a>(&self, text: &'a str) -> Result<&'a RawValue, Lost> {
        let mut at: &RawValue = serde_json::from_str(text).map_err(|_| Lost::NotJson)?;
        for key in &self.keys {
            at = match at.get().as_bytes().first() {
                Some(b'{') => member(at.get(), key)?,
                Some(b'[') => element(at.get(), key)?,
                _ => return Err(Lost::Missing),
            };
        }
        Ok(at)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys =
            text.strip_prefix('/').ok_or_else(|| format!("{text:?} is no JSON pointer, as in /host"))?;
        let keys = keys.split('/').map(unescaped).collect::<Option<_>>();
        let keys =
            keys.ok_or_else(|| format!("{text:?}: ~ is written ~0 in a JSON pointer, and / in a key ~1"))?;
        Ok(Self { text: text.to_owned(), keys })
    }
}

impl TryFrom<String> for Pointer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.text
    }
}

fn unescaped(key: &str) -> Option<String> {
    let mut parts = key.split('~');
    let mut plain = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match part.as_bytes().first() {
            Some(b'0') => ('~', &part[1..]),
            Some(b'1') => ('/', &part[1..]),
            _ => return None,
        };
        plain.push(sign);
        plain.push_str(rest);
    }
    Some(plain)
}

fn member<'a>(object: &'a str, key: &str) -> Result<&'a RawValue, Lost> {
    let Members(members) = serde_json::from_str(object).map_err(|_| Lost::NotJson)?;
    let mut named = members.into_iter().filter(|(name, _)| name == key).map(|(_, value)| value);
    match (named.next(), named.next()) {
        (Some(value), None) => Ok(value),
        (Some(_), Some(_)) => Err(Lost::Twice(key.to_owned())),
        (None, _) => Err(Lost::Missing),
    }
}

fn element<'a>(array: &'a str, key: &str) -> Result<&'a RawValue, Lost> {
    let elements: Vec<&RawValue> = serde_json::from_str(array).map_err(|_| Lost::NotJson)?;
    let index = key.parse::<usize>().ok().filter(|index| index.to_string() == key);
    index.and_then(|index| elements.get(index).copied()).ok_or(Lost::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn find<'a>(pointer: &str, text: &'a str) -> Result<&'a str, Lost> {
        pointer.parse::<Pointer>().unwrap().find(text).map(RawValue::get)
    }

    #[test]
    fn the_examples_of_rfc_6901_are_found() {
        let text = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5,
            "k\"l": 6, " ": 7, "m~n": 8}"#;
        for (pointer, value) in [
            ("/foo", r#"["bar", "baz"]"#),
            ("/foo/0", r#""bar""#),
            ("/", "0"),
            ("/a~1b", "1"),
            ("/c%d", "2"),
            ("/e^f", "3"),
            ("/g|h", "4"),
            ("/i\\j", "5"),
            ("/k\"l", "6"),
            ("/ ", "7"),
            ("/m~0n", "8"),
        ] {
            assert_eq!(find(pointer, text), Ok(value), "{pointer}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        for pointer in ["/b", "/a/2", "/a/01", "/a/-", "/a/+1", "/a/0/x", "/a/x", "/A"] {
            assert_eq!(find(pointer, r#"{"a":[1,2]}"#), Err(Lost::Missing), "{pointer}");
        }
        assert_eq!(find("/a", r#"{"a":1"#), Err(Lost::NotJson));
        assert_eq!(find("/a", "prod.example.com"), Err(Lost::NotJson));
        assert_eq!(find("/a", r#""a""#), Err(Lost::Missing));
        // An escaped key is the same key.
        assert_eq!(find("/a", r#"{"a":1,"\u0061":2}"#), Err(Lost::Twice("a".into())));
        assert_eq!(find("/b", r#"{"a":1,"\u0061":2,"b":3}"#), Ok("3"));
    }

    #[test]
    fn only_a_pointer_is_taken_for_one() {
        for text in ["", "host", "#/host", "/a~", "/a~2", "/~~0"] {
            assert!(text.parse::<Pointer>().is_err(), "{text}");
        }
        assert_eq!("/~01".parse::<Pointer>().unwrap().keys, ["~1"]);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The pointers of everything inside a value.
    fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
        let inner: Vec<(String, &Value)> = match value {
            Value::Array(values) => {
                values.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect()
            }
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
            _ => Vec::new(),
        };
        for (key, value) in inner {
            let pointer = format!("{at}{}", Pointer::field(&key));
            pointers(value, &pointer, all);
            all.push(pointer);
        }
    }

    proptest! {
        #[test]
        fn every_value_is_found_where_it_is(value in json(), pretty: bool) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = format!(" {}\n", text.unwrap());
            let mut all = Vec::new();
            pointers(&value, "", &mut all);
            for pointer in all {
                let found = pointer.parse::<Pointer>().unwrap().find(&text).unwrap();
                let there: Value = serde_json::from_str(&text[common::members::span(&text, found)]).unwrap();
                prop_assert_eq!(Some(&there), value.pointer(&pointer), "{}", pointer);
            }
        }

        #[test]
        fn a_field_is_the_pointer_that_its_text_says(name in ".*") {
            let field = Pointer::field(&name);
            prop_assert_eq!(field.to_string().parse::<Pointer>(), Ok(field));
        }
    }
}
