//! Millions of versions that follow from their number and are stored nowhere.

use jiff::{SignedDuration, Timestamp};

use super::content::{Content, mix};
use super::shape::{LOWER_HEX, Shape, push_base16, push_digits};
use super::version::Version;

/// A bucket full of generated versions. All of it is a function of these fields.
///
/// Key `i` is `{prefix}{i:010}`, or `{prefix}{folder:07}/{i:010}` where there are folders; other shapes have something
/// else in place of `{i:010}`. Writes to such a bucket work and are kept beside what is generated.
#[derive(Clone, Debug)]
pub struct Synthetic {
    /// The name of the bucket, which has versioning enabled.
    pub bucket: String,
    /// What every key starts with.
    pub prefix: String,
    /// How many keys there are.
    pub keys: u64,
    /// How they look.
    pub shape: Shape,
    /// How many data versions each key has.
    pub versions_per_key: u64,
    /// How many data versions the key in the middle has in place of that; 0 for as many as the others.
    pub fat: u64,
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
            shape: Shape::Counter,
            versions_per_key: 1,
            fat: 0,
            markers_every: 0,
            folder_size: 0,
            start: Timestamp::from_second(1_767_225_600).expect("2026-01-01T00:00:00Z"),
        }
    }
}

impl Synthetic {
    /// The key with this number.
    pub fn key(&self, index: u64) -> String {
        let mut key = String::with_capacity(self.prefix.len() + 80);
        key.push_str(&self.prefix);
        if let Some(folder) = index.checked_div(self.folder_size) {
            push_digits::<7>(&mut key, folder);
            key.push('/');
        }
        self.shape.push(&mut key, index, self.keys);
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
        let rest = if self.folder_size > 0 { rest.get(8..)? } else { rest };
        self.shape.index(rest, self.keys).filter(|index| *index < self.keys && self.key(*index) == key)
    }

    /// How many versions and markers a key has.
    pub(super) fn depth(&self, index: u64) -> u64 {
        self.data_versions(index) + u64::from(self.has_marker(index))
    }

    fn data_versions(&self, index: u64) -> u64 {
        if self.fat > 0 && index == self.keys / 2 { self.fat } else { self.versions_per_key }
    }

    fn has_marker(&self, index: u64) -> bool {
        self.markers_every > 0 && index.is_multiple_of(self.markers_every)
    }

    /// Version `age` of a key, where 0 is the oldest.
    pub(super) fn version(&self, index: u64, age: u64) -> Version {
        let modified = self.start + SignedDuration::from_secs(i64::try_from(age).unwrap_or(i64::MAX));
        let mut version = if age == self.data_versions(index) {
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

/// 32 lower-case hex digits.
fn hex_pair(high: u64, low: u64) -> String {
    let mut text = String::with_capacity(32);
    push_base16::<32>(&mut text, u128::from(high) << 64 | u128::from(low), LOWER_HEX);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Shape; 5] = [Shape::Counter, Shape::Skewed, Shape::Dates, Shape::Hex, Shape::Cjk];

    /// Buckets of every shape, with folders and without.
    fn buckets(keys: u64) -> impl Iterator<Item = Synthetic> {
        let of = move |shape, folder_size| Synthetic { keys, shape, folder_size, ..Synthetic::default() };
        SHAPES.into_iter().flat_map(move |shape| [of(shape, 0), of(shape, 7)])
    }

    /// Every way from the key leads back to its number, and the key is above the one before it.
    fn check(bucket: &Synthetic, index: u64) {
        let key = bucket.key(index);
        let shown = format!("{key}, {index} of {} in {:?}", bucket.keys, bucket.shape);
        assert_eq!(bucket.parse(&key), Some(index), "{shown}");
        assert_eq!(
            (bucket.position(&key, false), bucket.position(&key, true)),
            (index, index + 1),
            "{shown}"
        );
        let longer = format!("{key}!");
        assert_eq!((bucket.parse(&longer), bucket.position(&longer, false)), (None, index + 1), "{shown}");
        if let Some(before) = index.checked_sub(1) {
            assert!(bucket.key(before).as_bytes() < key.as_bytes(), "{shown}");
        }
    }

    #[test]
    fn keys_of_every_shape_ascend_and_lead_back_to_their_number() {
        for bucket in (1..=12).chain([98, 99, 100, 101, 199, 200, 1009]).flat_map(buckets) {
            (0..bucket.keys).for_each(|index| check(&bucket, index));
        }
        for bucket in buckets(10_000_000) {
            (0..1000).map(|n| mix(n) % bucket.keys).for_each(|index| check(&bucket, index));
        }
    }

    #[test]
    fn the_place_of_a_text_that_is_no_key_is_behind_all_keys_below_it() {
        for bucket in buckets(300) {
            let keys: Vec<String> = (0..bucket.keys).map(|index| bucket.key(index)).collect();
            let parts = keys.iter().flat_map(|key| key.char_indices().map(|(end, _)| &key[..end]));
            for text in parts.chain(["", "data", "data/~", "\u{10ffff}"]) {
                let below = keys.partition_point(|key| key.as_str() < text) as u64;
                let found = (bucket.parse(text), bucket.position(text, false), bucket.position(text, true));
                assert_eq!(found, (None, below, below), "{text:?} in {:?}", bucket.shape);
            }
        }
    }

    #[test]
    fn nearly_all_keys_of_a_skewed_bucket_share_sixty_bytes_in_its_middle() {
        let bucket = Synthetic { keys: 10_000, shape: Shape::Skewed, ..Synthetic::default() };
        let shared = bucket.key(5000)[bucket.prefix.len()..][..60].to_owned();
        let has = |index| bucket.key(index)[bucket.prefix.len()..].starts_with(&shared);
        let sharing: Vec<u64> = (0..bucket.keys).filter(|index| has(*index)).collect();
        assert_eq!(sharing, (50..9950).collect::<Vec<_>>());
    }

    #[test]
    fn a_fat_key_has_its_versions_under_ids_that_lead_back_to_them() {
        let bucket =
            Synthetic { keys: 5, versions_per_key: 2, fat: 1000, markers_every: 2, ..Synthetic::default() };
        assert_eq!((0..5).map(|index| bucket.depth(index)).collect::<Vec<_>>(), [3, 2, 1001, 2, 3]);
        for age in 0..1001 {
            let version = bucket.version(2, age);
            assert_eq!((bucket.age(2, &version.id), version.marker), (Some(age), age == 1000));
        }
    }
}
