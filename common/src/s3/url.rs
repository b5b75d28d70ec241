//! Names of places in S3, as users write them and as requests carry them.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// `s3://bucket/prefix`. The prefix is taken as it stands: no decoding, no slash added or removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct S3Url {
    /// The bucket's name.
    pub bucket: String,
    /// The rest after the first slash, which may be empty.
    pub prefix: String,
}

impl FromStr for S3Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("s3://").ok_or_else(|| format!("{text} does not start with s3://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(format!("{text} names no bucket"));
        }
        Ok(Self { bucket: bucket.into(), prefix: prefix.into() })
    }
}

impl fmt::Display for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Everything but unreserved characters and the slash, so that `+` arrives as itself.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A key as URLs carry it, with its slashes.
pub fn encoded_key(key: &str) -> PercentEncode<'_> {
    utf8_percent_encode(key, KEY)
}

/// The `x-amz-copy-source` of one version: the key is encoded, the query that names the version is not
/// (S3 API reference, CopyObject).
pub fn copy_source(bucket: &str, key: &str, version_id: &str) -> String {
    format!("{bucket}/{}?versionId={version_id}", encoded_key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_taken_as_it_stands() {
        let url: S3Url = "s3://b//a%20b/é ".parse().unwrap();
        assert_eq!((url.bucket.as_str(), url.prefix.as_str()), ("b", "/a%20b/é "));
        assert_eq!("s3://b".parse::<S3Url>().unwrap().prefix, "");
        for wrong in ["b/p", "s3://", "s3:///p", "S3://b"] {
            assert!(wrong.parse::<S3Url>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_copy_source_keeps_plus_and_percent() {
        assert_eq!(copy_source("b", "a+b/50%?é", "v.1"), "b/a%2Bb/50%25%3F%C3%A9?versionId=v.1");
    }
}
