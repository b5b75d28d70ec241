//! Millions of versions that follow from their number and are stored nowhere.

use jiff::{SignedDuration, Timestamp};

use super::content::{Content, mix};
use super::version::Version;

/// A bucket full of generated versions. All of it is a function of these fields.
///
/// Key `i` is `{prefix}{i:010}`, or `{prefix}{folder:07}/{i:010}` where there are folders. Writes to such a
/// bucket work and are kept beside what is generated.
#[derive(Clone, Debug)]
pub struct Synthetic {
    /// The name of the bucket, which has versioning enabled.
    pub bucket: String,
    /// What every key starts with.
    pub prefix: String,
    /// How many keys there are.
    pub keys: u64,
    /// How many data versions each key has.
    pub versions_per_key: u64,
    /// Every n-th key, the first included, has a delete marker as its latest; 0 for none.
    pub markers_every: u64,
    /// How many keys share a folder; 0 for no folders.
    pub folder_size: u64,
    /// When the oldest version of every key was written; each next one of the key is a second younger.
    pub start: Timestamp,
}

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            bucket: "synthetic".to_owned(),
            prefix: "data/".to_owned(),
            keys: 1000,
            versions_per_key: 1,
            markers_every: 0,
            folder_size: 0,
            start: Timestamp::from_second(1_767_225_600).expect("2026-01-01T00:00:00Z"),
        }
    }
}

impl Synthetic {
    /// The key with this number.
    pub fn key(&self, index: u64) -> String {
        let mut key = String::with_capacity(self.prefix.len() + 18);
        key.push_str(&self.prefix);
        if let Some(folder) = index.checked_div(self.folder_size) {
            push_digits::<7>(&mut key, folder);
            key.push('/');
        }
        push_digits::<10>(&mut key, index);
        key
    }

    /// The number of the first key that is not below `text`; with `after`, the first above it.
    pub(super) fn position(&self, text: &str, after: bool) -> u64 {
        if let Some(index) = self.parse(text) {
            return if after { index + 1 } else { index };
        }
        let (mut low, mut high) = (0, self.keys);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle).as_str() < text {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// The number of a key that is one of ours.
    pub(super) fn parse(&self, key: &str) -> Option<u64> {
        let rest = key.strip_prefix(&self.prefix)?;
        let (folder, number) = if self.folder_size > 0 { rest.split_at_checked(8)? } else { ("", rest) };
        let index = digits(number, 10).filter(|index| *index < self.keys)?;
        let placed = match index.checked_div(self.folder_size) {
            Some(expected) => digits(folder.strip_suffix('/')?, 7)? == expected,
            None => true,
        };
        placed.then_some(index)
    }

    /// How many versions and markers a key has.
    pub(super) fn depth(&self, index: u64) -> u64 {
        self.versions_per_key + u64::from(self.has_marker(index))
    }

    fn has_marker(&self, index: u64) -> bool {
        self.markers_every > 0 && index.is_multiple_of(self.markers_every)
    }

    /// Version `age` of a key, where 0 is the oldest.
    pub(super) fn version(&self, index: u64, age: u64) -> Version {
        let modified = self.start + SignedDuration::from_secs(i64::try_from(age).unwrap_or(i64::MAX));
        let mut version = if age == self.versions_per_key {
            Version::marker(modified)
        } else {
            let identity = mix(index) ^ mix(!age);
            let mut version = Version::new(Content::made(identity, identity % 100_000), modified);
            version.etag = hex_pair(mix(identity), mix(!identity));
            version
        };
        version.id = id(index, age);
        version.seq = age;
        version
    }

    /// The age that belongs to a version id of this key.
    pub(super) fn age(&self, index: u64, version_id: &str) -> Option<u64> {
        let scrambled = u64::from_str_radix(version_id.get(..16)?, 16).ok()?;
        let age = (scrambled ^ mix(index)).reverse_bits();
        (age < self.depth(index) && id(index, age) == version_id).then_some(age)
    }
}

/// Holds the age in a form that does not sort by time, since the ids of S3 do not either.
fn id(index: u64, age: u64) -> String {
    hex_pair(age.reverse_bits() ^ mix(index), mix(mix(index) ^ age))
}

// A page holds a thousand keys, ids and ETags: `format!` took most of the time that a page costs.

/// 32 lower-case hex digits.
fn hex_pair(high: u64, low: u64) -> String {
    let mut number = u128::from(high) << 64 | u128::from(low);
    let mut text = [b'0'; 32];
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
    text.iter().map(|digit| char::from(*digit)).collect()
}

/// A decimal number, filled up with zeros to `WIDTH` digits.
fn push_digits<const WIDTH: usize>(text: &mut String, mut number: u64) {
    let mut digits = [b'0'; WIDTH];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
    text.extend(digits.iter().map(|digit| char::from(*digit)));
}

/// The number that [`push_digits`] wrote.
fn digits(text: &str, width: usize) -> Option<u64> {
    let plain = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}
