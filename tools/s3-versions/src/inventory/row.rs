//! One row of a report as bytes that sort as S3 lists: by key, the latest first, then newest first.
//!
//! What S3 knows and a report does not is the order of two versions that were written in the same second. They are
//! put in the order of their ids, so that the same report always gives the same output.

use std::cmp::Ordering;

use anyhow::{Context, Result};
use common::s3::Entry;
use jiff::Timestamp;

/// Appends an entry: the length of the key and the key, then what orders the entries of a key, then the rest.
///
/// # Errors
/// When a part is longer than any that S3 has.
pub fn encode(entry: &Entry, time: Timestamp, row: &mut Vec<u8>) -> Result<()> {
    text(Some(&entry.key), row)?;
    row.push(u8::from(!entry.is_latest));
    // Larger is older; the sign bit is turned so that bytes compare as numbers do.
    row.extend_from_slice(&(!time.as_millisecond() ^ i64::MIN).to_be_bytes());
    text(Some(&entry.version_id), row)?;
    row.push(u8::from(entry.delete_marker));
    match entry.size {
        Some(size) => {
            row.push(1);
            row.extend_from_slice(&size.to_be_bytes());
        }
        None => row.push(0),
    }
    text(entry.etag.as_deref(), row)?;
    text(entry.storage_class.as_deref(), row)?;
    text(entry.owner.as_deref(), row)?;
    let algorithms = entry.checksum_algorithm.join(",");
    text(Some(&algorithms).filter(|names| !names.is_empty()).map(String::as_str), row)
}

/// The order of two rows.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let ((key_a, rest_a), (key_b, rest_b)) = (split(a), split(b));
    key_a.cmp(key_b).then_with(|| rest_a.cmp(rest_b))
}

/// The entry of a row.
///
/// # Errors
/// When it is none: the file that it comes from was damaged.
pub fn decode(row: &[u8]) -> Result<Entry> {
    read(row).context("a row of the sorted report cannot be read back")
}

fn split(row: &[u8]) -> (&[u8], &[u8]) {
    let length = row.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
    // The two bytes of the length are left out, and it counts one more than the text has, as `text` writes it.
    (row.get(2..length + 1).unwrap_or_default(), row.get(length + 1..).unwrap_or_default())
}

fn text(text: Option<&str>, row: &mut Vec<u8>) -> Result<()> {
    let length = text.map_or(0, |text| text.len() + 1);
    row.extend_from_slice(&u16::try_from(length).context("a cell of more than 65,534 bytes")?.to_be_bytes());
    row.extend_from_slice(text.unwrap_or_default().as_bytes());
    Ok(())
}

fn read(row: &[u8]) -> Option<Entry> {
    let mut row = Reader(row);
    let mut entry = Entry { key: row.text()??, is_latest: row.byte()? == 0, ..Entry::default() };
    let time = Timestamp::from_millisecond(!(i64::from_be_bytes(row.array()?) ^ i64::MIN)).ok()?;
    entry.last_modified = time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    entry.version_id = row.text()??;
    entry.delete_marker = row.byte()? == 1;
    if row.byte()? == 1 {
        entry.size = Some(u64::from_be_bytes(row.array()?));
    }
    entry.etag = row.text()?;
    entry.storage_class = row.text()?.map(Into::into);
    entry.owner = row.text()?.map(Into::into);
    let algorithms = row.text()?;
    entry.checksum_algorithm =
        algorithms.map_or_else(Vec::new, |names| names.split(',').map(Into::into).collect());
    Some(entry)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Nothing at all where the row ends; a text that was not given is one of its values.
    fn text(&mut self) -> Option<Option<String>> {
        let Some(length) = usize::from(u16::from_be_bytes(self.array()?)).checked_sub(1) else {
            return Some(None);
        };
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(str::from_utf8(text).ok()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = Entry> {
        let key = prop_oneof!["[ab\u{0}é中]{1,3}", ".{1,8}"];
        let maybe = || prop::option::of("[a-z\"]{0,4}");
        let flags = (any::<bool>(), any::<bool>(), prop::option::of(any::<u64>()));
        (key, -3i64..3, "[a-c]{0,2}", flags, (maybe(), maybe(), maybe())).prop_map(
            |(key, second, version_id, (is_latest, delete_marker, size), (etag, storage_class, owner))| {
                Entry {
                    key,
                    version_id,
                    is_latest,
                    delete_marker,
                    last_modified: Timestamp::from_second(second)
                        .unwrap()
                        .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
                        .to_string(),
                    size,
                    etag,
                    storage_class: storage_class.map(Into::into),
                    owner: owner.map(Into::into),
                    checksum_algorithm: if delete_marker {
                        vec![]
                    } else {
                        vec!["CRC32".into(), "SHA1".into()]
                    },
                    ..Entry::default()
                }
            },
        )
    }

    fn encoded(entry: &Entry) -> Vec<u8> {
        let mut row = Vec::new();
        encode(entry, entry.instant().unwrap(), &mut row).unwrap();
        row
    }

    proptest! {
        #[test]
        fn a_row_is_read_back_as_it_was(entry in entry()) {
            prop_assert_eq!(decode(&encoded(&entry)).unwrap(), entry);
        }

        #[test]
        fn a_row_cut_short_is_no_row(entry in entry(), cut in 1usize..4) {
            let row = encoded(&entry);
            prop_assert!(decode(&row[..row.len() - cut]).is_err());
        }

        #[test]
        fn rows_sort_by_key_then_latest_then_newest(a in entry(), b in entry()) {
            let by_hand = a.key.as_bytes().cmp(b.key.as_bytes())
                .then(b.is_latest.cmp(&a.is_latest))
                .then(b.instant().unwrap().cmp(&a.instant().unwrap()));
            let order = compare(&encoded(&a), &encoded(&b));
            prop_assert!(by_hand == Ordering::Equal || order == by_hand);
        }
    }

    #[test]
    fn a_cell_longer_than_any_of_s3_is_refused() {
        let entry = Entry { key: "k".repeat(70_000), ..Entry::default() };
        assert!(encode(&entry, Timestamp::UNIX_EPOCH, &mut Vec::new()).is_err());
    }
}
