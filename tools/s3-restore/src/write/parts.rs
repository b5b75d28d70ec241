//! Where the parts of a multipart copy begin and end.

use common::aws::Trouble;

use crate::restore::Restorer;
use crate::write::copy::{LARGEST, Wanted};

/// The most parts of an upload (S3 user guide, "Amazon S3 multipart upload limits").
const MOST: u64 = 10_000;
/// The size of parts where the source's own are not known, in bytes: large enough to be few, small enough that a lost
/// one is soon copied again.
const SIZE: u64 = 128 << 20;
const MIB: u64 = 1 << 20;

impl Restorer {
    /// The sizes of the parts in which a version is to be copied; nothing where CopyObject does as well.
    ///
    /// A version that was uploaded in parts has an ETag, and perhaps a checksum, of those very parts: only a copy in the same
    /// parts can be compared with it. A checksum of the whole content makes that unnecessary.
    pub async fn parts(&self, wanted: &Wanted<'_>) -> Result<Option<Vec<u64>>, Trouble> {
        let content = &wanted.content;
        let size = wanted.size();
        let compared_whole = content.whole && !content.checksums.is_empty();
        let compared_by_parts = !compared_whole && (content.digest || !content.checksums.is_empty());
        if content.is_multipart()
            && (size > LARGEST || compared_by_parts)
            && let Some(parts) = self.source_parts(wanted, size).await?
        {
            return Ok(Some(parts));
        }
        Ok((size > LARGEST).then(|| even(size)))
    }

    /// The sizes of the parts that the version was uploaded in; nothing where the store does not tell.
    async fn source_parts(&self, wanted: &Wanted<'_>, size: u64) -> Result<Option<Vec<u64>>, Trouble> {
        let length = async |part| {
            let sse_c = wanted.headers.need_customer_key();
            let head = self.head_part(wanted.place, wanted.version_id, part, sse_c).await?;
            let length = head.content_length.and_then(|length| u64::try_from(length).ok());
            Ok::<_, Trouble>((head.parts_count, length))
        };
        let (Some(count), Some(first)) = length(1).await? else {
            return Ok(None);
        };
        if let Some(parts) = uniform(size, first, u64::try_from(count).unwrap_or_default())
            && (count <= 2 || length(count).await?.1.as_ref() == parts.last())
        {
            return Ok(Some(parts));
        }
        let mut parts = vec![first];
        for part in 2..=count {
            let (_, Some(length)) = length(part).await? else {
                return Ok(None);
            };
            parts.push(length);
        }
        Ok((parts.iter().sum::<u64>() == size).then_some(parts))
    }
}

/// Parts of one size and a shorter last one, as nearly every client uploads them, if the numbers allow for that.
fn uniform(size: u64, first: u64, count: u64) -> Option<Vec<u64>> {
    let before = first.checked_mul(count.checked_sub(1)?)?;
    let last = size.checked_sub(before).filter(|last| *last <= first && (*last > 0 || count == 1))?;
    let mut parts = vec![first; usize::try_from(count - 1).ok()?];
    parts.push(last);
    Some(parts)
}

fn even(size: u64) -> Vec<u64> {
    let part = SIZE.max(size.div_ceil(MOST).next_multiple_of(MIB));
    uniform(size, part, size.div_ceil(part)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_of_one_size_are_known_from_the_first() {
        assert_eq!(uniform(11, 5, 3), Some(vec![5, 5, 1]));
        assert_eq!(uniform(10, 5, 2), Some(vec![5, 5]));
        assert_eq!(uniform(0, 0, 1), Some(vec![0]));
        for (size, first, count) in [(10, 5, 3), (16, 5, 3), (11, 5, 0), (3, 5, 2)] {
            assert_eq!(uniform(size, first, count), None, "{size} {first} {count}");
        }
    }

    proptest! {
        // 50 TB is the largest object (S3 user guide, "Amazon S3 multipart upload limits").
        #[test]
        fn even_parts_are_within_the_limits_and_cover_everything(size in LARGEST + 1..=50_000_000_000_000u64) {
            let parts = even(size);
            prop_assert_eq!(parts.iter().sum::<u64>(), size);
            prop_assert!(parts.len() as u64 <= MOST);
            prop_assert!(parts.iter().all(|part| *part <= LARGEST));
        }
    }
}
