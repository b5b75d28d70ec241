//! A long text as tags of a snapshot: whoever finds the snapshot in a year finds the way back with it.
//!
//! A tag's value has up to 256 characters: letters, digits, spaces and `_.:/=+-@`, and begins with neither `aws:` nor `rds:`
//! (API reference, Tag). Everything else is written as `@` and two hexadecimal digits for each byte.

use aws_sdk_rds::types::Tag;

/// Keys are this and a number from 1.
const KEY: &str = "drkit:bring-back-";
/// Characters in one value.
const VALUE: usize = 256;
/// How many tags a text may take of the 50 that a snapshot can have.
const MOST: usize = 30;

/// The tags that hold this text; none when it is too long.
pub fn from_text(text: &str) -> Vec<Tag> {
    let encoded = encode(text);
    let mut rest = encoded.as_str();
    let mut tags = Vec::new();
    while !rest.is_empty() {
        let (value, after) = rest.split_at(cut(rest));
        tags.push(Tag::builder().key(format!("{KEY}{}", tags.len() + 1)).value(value).build());
        rest = after;
    }
    if tags.len() > MOST { Vec::new() } else { tags }
}

/// The text that these tags hold, among others; nothing when it is not there as a whole.
pub fn to_text(tags: &[Tag]) -> Option<String> {
    let value = |number: usize| {
        let key = format!("{KEY}{number}");
        tags.iter().find(|tag| tag.key() == Some(&key)).and_then(Tag::value)
    };
    let all: String = (1..).map_while(value).collect();
    decode(&all).filter(|text| !text.is_empty())
}

/// Whether a tag of this key holds part of a text.
pub fn is_own(key: &str) -> bool {
    key.starts_with(KEY)
}

/// Where to cut: neither part may have a space there, since what is at an end may be trimmed, nor the second a beginning
/// that is reserved.
fn cut(text: &str) -> usize {
    if text.len() <= VALUE {
        return text.len();
    }
    let is_good = |at: usize| {
        let (before, after) = text.split_at(at);
        !before.ends_with(' ') && ![" ", "aws:", "rds:"].iter().any(|bad| after.starts_with(bad))
    };
    (1..=VALUE).rev().find(|&at| is_good(at)).unwrap_or(VALUE)
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b' ' | b'_' | b'.' | b':' | b'/' | b'=' | b'+' | b'-' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("@{byte:02X}")),
        }
    }
    encoded
}

fn decode(encoded: &str) -> Option<String> {
    let mut parts = encoded.split('@');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_command_stays_readable() {
        let [tag] = &from_text("aws rds x --tags '[1,2]' && y")[..] else { panic!("one tag") };
        assert_eq!(tag.key(), Some("drkit:bring-back-1"));
        assert_eq!(tag.value(), Some("aws rds x --tags @27@5B1@2C2@5D@27 @26@26 y"));
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        assert_eq!(to_text(&[]), None);
        let mut tags = from_text(&"abc ".repeat(200));
        assert!(to_text(&tags).is_some());
        tags.remove(0);
        assert_eq!(to_text(&tags), None);
        assert_eq!(from_text(&"a".repeat(VALUE * MOST + 1)), []);
        let broken = Tag::builder().key("drkit:bring-back-1").value("a@2").build();
        assert_eq!(to_text(&[broken]), None);
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "x([ -~é]{0,40} ?[a-z@']){0,60}|x(arn:aws:rds:){0,90}") {
            let mut tags = from_text(&text);
            for tag in &tags {
                let value = tag.value().unwrap();
                prop_assert!(value.len() <= VALUE && value.trim() == value, "{value:?}");
                prop_assert!(!value.starts_with("aws:") && !value.starts_with("rds:"), "{value:?}");
            }
            tags.reverse();
            tags.push(Tag::builder().key("team").value("core").build());
            prop_assert_eq!(to_text(&tags), Some(text));
        }
    }
}
