//! `--shard I/N`: one of several runs that share the keys, each key in exactly one of them.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Deserialize;

use crate::record::Item;

/// The keys of shard `I` of `N`, counted from 0 as AWS Batch (`AWS_BATCH_JOB_ARRAY_INDEX`) and indexed jobs of Kubernetes
/// (`JOB_COMPLETION_INDEX`) count.
///
/// A key is in the shard that the first 8 bytes of its BLAKE3, as a big-endian number modulo `N`, name. The bucket does
/// not count, so that a key has the same shard wherever it is.
#[derive(Clone, Debug)]
pub struct Shard {
    index: u64,
    count: u64,
    passed: Arc<AtomicU64>,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl Shard {
    /// Whether the key is in the shard; one that is not is counted.
    pub fn takes(&self, key: &str) -> bool {
        let taken = self.holds(key);
        if !taken {
            self.passed.fetch_add(1, Relaxed);
        }
        taken
    }

    /// Only those items whose keys are in the shard. What has no key is in shard 0, so that it is told once.
    pub fn only(
        self,
        items: impl Iterator<Item = io::Result<Item>>,
    ) -> impl Iterator<Item = io::Result<Item>> {
        items.filter(move |item| match item {
            Ok(Item::Record(record)) => match record.view::<Keyed>() {
                Ok(Keyed { key }) => self.takes(&key),
                Err(_) => self.takes_others(),
            },
            Ok(Item::Line(_)) => self.takes_others(),
            Err(_) => true,
        })
    }

    /// Says how much was passed over.
    pub fn tell(&self) {
        tracing::info!("shard {self}: passed over {} of other shards", self.passed.load(Relaxed));
    }

    fn takes_others(&self) -> bool {
        if self.index > 0 {
            self.passed.fetch_add(1, Relaxed);
        }
        self.index == 0
    }

    /// Whether the key is in the shard.
    pub fn holds(&self, key: &str) -> bool {
        let hash = blake3::hash(key.as_bytes());
        let (head, _) = hash.as_bytes().split_first_chunk().unwrap_or((&[0; 8], &[]));
        u64::from_be_bytes(*head) % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, count)| {
            let (index, count) = (index.parse::<u32>().ok()?, count.parse::<u32>().ok()?);
            (index < count).then_some((index.into(), count.into()))
        });
        let wrong = || format!("{text} is no shard: write I/N with I from 0 to N-1, as in 0/4");
        let (index, count) = numbers.ok_or_else(wrong)?;
        Ok(Self { index, count, passed: Arc::default() })
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{BadLine, Record};
    use proptest::prelude::*;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn the_hash_is_the_one_that_is_documented() {
        // What b3sum says of "a" begins so.
        let hash = 0x1776_2fdd_d969_a453_u64;
        for count in [1, 2, 3, 16, 1000, 4_294_967_295] {
            assert!(shard(&format!("{}/{count}", hash % count)).takes("a"), "{count}");
        }
    }

    #[test]
    fn an_index_is_below_the_count() {
        for wrong in ["", "1", "1/1", "4/4", "-1/4", "0/0", "a/4", "1/4/2", "0 /4"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!(shard("0/1").to_string(), "0/1");
    }

    #[test]
    fn what_has_no_key_is_told_by_the_first_shard_alone() {
        let items = || {
            let line = BadLine::new("x", "no");
            let record = Record::parse(r#"{"name":"no key"}"#.into()).unwrap();
            vec![Ok(Item::Line(line)), Ok(Item::Record(record))].into_iter()
        };
        assert_eq!(shard("0/3").only(items()).count(), 2);
        assert_eq!(shard("1/3").only(items()).count(), 0);
    }

    proptest! {
        #[test]
        fn every_key_is_in_exactly_one_shard(key in ".*", count in 1u32..64) {
            let taken = (0..count).filter(|index| shard(&format!("{index}/{count}")).takes(&key)).count();
            prop_assert_eq!(taken, 1);
        }
    }

    #[test]
    fn shards_are_about_equal() {
        let shards: Vec<_> = (0..4).map(|index| shard(&format!("{index}/4"))).collect();
        for shard in &shards {
            let taken = (0..10_000).filter(|n| shard.holds(&format!("photos/{n}.jpg"))).count();
            assert!((2200..2800).contains(&taken), "{taken}");
        }
    }
}
