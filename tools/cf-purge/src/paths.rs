//! From the key of an object to what CloudFront has to forget: a viewer path, or a prefix of such paths.
//!
//! Texts are kept as viewers mean them, in plain Unicode, and are encoded only when they are sent. A path can so be
//! cut anywhere between two characters without leaving half of an escape behind.

use std::str::FromStr;

use common::Reject;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The longest path that CloudFront takes, in characters as sent (Developer Guide, "Invalidate files", paths).
const MAX_LENGTH: usize = 4000;

/// What CloudFront wants encoded besides non-ASCII: the characters that RFC 1738, section 2.2, calls unsafe. An
/// escape of any other character makes an invalidation of something that nobody ever asked for.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'~');

/// Characters that no single path reaches. CloudFront takes `%7E`, but users report that nothing is purged; after a
/// `?` it sees a query string, while the viewer's `%3F` belongs to the escapes that it must not be sent.
const UNREACHABLE: [char; 2] = ['~', '?'];

/// Whole folders of a path or key: empty, or with a slash at its end and none at its start.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Folder(String);

impl FromStr for Folder {
    type Err = std::convert::Infallible;

    /// `photos`, `photos/` and `/photos` are one folder: a slash too few would purge what does not exist.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim_matches('/');
        Ok(Self(if text.is_empty() { String::new() } else { format!("{text}/") }))
    }
}

/// One thing to purge, not yet encoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The path, or what the paths have in common; starts with a slash.
    pub text: String,
    /// Whether every path that starts with `text` is meant.
    pub wildcard: bool,
}

/// How keys become viewer paths.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// The folder that the origin adds to a viewer's path (CloudFront's OriginPath), which keys therefore start with.
    pub strip: Folder,
    /// The folder below which viewers see the objects.
    pub add: Folder,
}

impl Mapping {
    /// What to purge for a key. It is the key's path alone, or a wildcard that reaches further where CloudFront
    /// cannot be told that path: never less.
    ///
    /// # Errors
    /// A reject where the key is not below the folder to strip, or its path is longer than CloudFront takes.
    pub fn target(&self, key: &str) -> Result<Target, Reject> {
        let Some(rest) = key.strip_prefix(&self.strip.0) else {
            let message = format!("the key {key:?} is not below {:?} (--strip-prefix)", self.strip.0);
            return Err(Reject::new("outside-prefix", message));
        };
        let path = format!("/{}{rest}", self.add.0);
        let target = match path.find(UNREACHABLE) {
            Some(end) => Target::prefix(&path[..end]),
            // CloudFront takes a star at the end for a wildcard, and that covers the key's own path too.
            None if path.ends_with('*') => Target::prefix(&path),
            None => Target { text: path, wildcard: false },
        };
        let length = target.encode().len();
        if length > MAX_LENGTH {
            let message = format!("the path has {length} characters, CloudFront takes {MAX_LENGTH}");
            return Err(Reject::new("path-too-long", message));
        }
        Ok(target)
    }
}

impl Target {
    fn prefix(text: &str) -> Self {
        Self { text: text[..prefix_end(text, text.len())].to_owned(), wildcard: true }
    }

    /// The path as CloudFront wants it sent.
    pub fn encode(&self) -> String {
        encode(&self.text, self.wildcard)
    }
}

/// The path as CloudFront wants it sent, with a star at its end if it is a wildcard.
pub fn encode(text: &str, wildcard: bool) -> String {
    let mut path = utf8_percent_encode(text, UNSAFE).to_string();
    if wildcard {
        path.push('*');
    }
    path
}

/// Where a prefix of `text` ends that is at most `length` bytes long: between two characters, and before any stars,
/// since `a**` is nothing that CloudFront describes while `a*` reaches all that it could mean.
pub fn prefix_end(text: &str, length: usize) -> usize {
    text[..text.floor_char_boundary(length)].trim_end_matches('*').len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mapping(strip: &str, add: &str) -> Mapping {
        Mapping { strip: strip.parse().unwrap_or_default(), add: add.parse().unwrap_or_default() }
    }

    fn path(key: &str) -> String {
        mapping("", "").target(key).map_or_else(|reject| reject.kind.to_owned(), |target| target.encode())
    }

    #[test]
    fn only_what_rfc_1738_calls_unsafe_is_encoded() {
        for (key, expected) in [
            ("a.jpg", "/a.jpg"),
            ("two  spaces .jpg", "/two%20%20spaces%20.jpg"),
            ("100%.jpg", "/100%25.jpg"),
            ("already%20encoded.jpg", "/already%2520encoded.jpg"),
            ("one+one=2.jpg", "/one+one=2.jpg"),
            ("it's, \"q\" <b> & (1)!.jpg", "/it's,%20%22q%22%20%3Cb%3E%20&%20(1)!.jpg"),
            ("#1;2@3:4$5.jpg", "/%231;2@3:4$5.jpg"),
            ("Zürich/東.jpg", "/Z%C3%BCrich/%E6%9D%B1.jpg"),
            ("[a]{b}|\\^`", "/%5Ba%5D%7Bb%7D%7C%5C%5E%60"),
            ("line\nend\u{7f}", "/line%0Aend%7F"),
            ("a//b/./c", "/a//b/./c"),
            ("/a", "//a"),
        ] {
            assert_eq!(path(key), expected, "{key}");
        }
    }

    #[test]
    fn a_key_that_no_single_path_reaches_gets_the_wildcard_that_reaches_it() {
        for (key, expected) in [
            ("a/b~c.jpg", "/a/b*"),
            ("~c.jpg", "/*"),
            ("what?.jpg", "/what*"),
            ("a*", "/a*"),
            ("a**", "/a*"),
            ("a*~", "/a*"),
            ("a*b", "/a*b"),
        ] {
            assert_eq!(path(key), expected, "{key}");
        }
    }

    #[test]
    fn folders_are_stripped_and_added_whole() {
        for strip in ["originals", "originals/", "/originals", "/originals/"] {
            for add in ["img", "/img/"] {
                let target = mapping(strip, add).target("originals/a.jpg");
                assert_eq!(target.map(|target| target.encode()), Ok("/img/a.jpg".into()), "{strip} {add}");
            }
        }
        let outside = mapping("originals", "").target("originals-old/a.jpg");
        assert_eq!(outside.map_err(|reject| reject.kind), Err("outside-prefix"));
        assert_eq!(mapping("a", "").target("a/").map(|target| target.encode()), Ok("/".into()));
    }

    #[test]
    fn the_length_is_that_of_what_is_sent() {
        let longest = "é".repeat(666) + "abc";
        assert_eq!(path(&longest).len(), MAX_LENGTH);
        assert_eq!(path(&(longest + "d")), "path-too-long");
    }

    proptest! {
        #[test]
        fn what_is_sent_is_ascii_and_means_the_key(key in "[ -~é東\n]{1,40}") {
            let target = mapping("", "").target(&key).map_err(|reject| TestCaseError::fail(reject.message))?;
            let sent = target.encode();
            prop_assert!(sent.starts_with('/'));
            prop_assert!(sent.bytes().all(|byte| byte.is_ascii_graphic()));
            let raw = sent.contains(['~', '?', '#', '<', '>', '"', '{', '}', '|', '\\', '^', '[', ']', '`']);
            prop_assert!(!raw, "{}", sent);
            let meant = percent_encoding::percent_decode_str(&sent).decode_utf8_lossy().into_owned();
            if target.wildcard {
                prop_assert!(sent.ends_with('*') && !sent.ends_with("**"));
                let path = format!("/{key}");
                prop_assert!(path.starts_with(meant.trim_end_matches('*')), "{}", sent);
            } else {
                prop_assert_eq!(meant, format!("/{key}"));
            }
        }
    }
}
