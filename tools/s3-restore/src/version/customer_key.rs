//! The key of SSE-C, which comes from a file or the environment and is never shown.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use aws_smithy_types::base64;
use common::Usage;
use md5::{Digest as _, Md5};

/// The variable that holds the key in base64.
const VARIABLE: &str = "DRKIT_SSE_C_KEY";
/// SSE-C knows one algorithm, AES-256 (S3 user guide, "Using server-side encryption with customer-provided keys").
const BYTES: usize = 32;

/// The value of the algorithm header.
pub const ALGORITHM: &str = "AES256";

/// A key as the three headers of SSE-C want it.
#[derive(Clone)]
pub struct CustomerKey {
    /// In base64.
    pub key: String,
    /// The MD5 of the key's bytes, in base64.
    pub md5: String,
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomerKey")
    }
}

impl CustomerKey {
    /// The key in the file, else in the environment, if there is one.
    ///
    /// # Errors
    /// [`Usage`] when the file cannot be read or what is there is no key.
    pub fn find(file: Option<&Path>) -> Result<Option<Self>> {
        let (bytes, place) = match file {
            Some(path) => {
                let place = path.display().to_string();
                let bytes = std::fs::read(path)
                    .map_err(|err| Usage::Wrong(format!("cannot read --sse-c-key-file {place}: {err}")))?;
                (bytes, place)
            }
            None => match std::env::var(VARIABLE) {
                Ok(text) if !text.is_empty() => (text.into_bytes(), VARIABLE.to_owned()),
                _ => return Ok(None),
            },
        };
        let wrong =
            || Usage::Wrong(format!("{place} holds no SSE-C key: 32 bytes or their base64 are wanted"));
        Ok(Some(Self::of(&bytes).ok_or_else(wrong)?))
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.len() == BYTES {
            return Some(Self { key: base64::encode(bytes), md5: base64::encode(Md5::digest(bytes)) });
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let key = base64::decode(text.trim()).ok().filter(|key| key.len() == BYTES)?;
        Self::of(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_and_base64_are_the_same_key() {
        let raw = CustomerKey::of(&[7; 32]).unwrap();
        let text = CustomerKey::of(format!("{}\n", raw.key).as_bytes()).unwrap();
        assert_eq!((raw.key, raw.md5), (text.key, text.md5));
        for wrong in [&b""[..], &[7; 31], &[7; 33], b"bm90IGEga2V5"] {
            assert!(CustomerKey::of(wrong).is_none());
        }
    }

    #[test]
    fn the_key_is_not_in_its_debug_form() {
        assert_eq!(format!("{:?}", CustomerKey::of(&[7; 32]).unwrap()), "CustomerKey");
    }
}
