//! Records on disk: the manifest of each job with the records behind its rows, and what is set apart.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_sdk_s3::types::StorageClass;
use common::s3::{S3Url, encoded_key};
use common::{Record, Usage};
use tempfile::NamedTempFile;

use super::sort::{Apart, Copy, Sorted};

/// Jobs of one run. A run needs one for each source bucket and storage class.
const MOST: usize = 1000;
/// Digits of a digest in the name of a file here, where few files are.
const SHORT: usize = 16;

/// Everything that was read, sorted.
pub struct Piles {
    jobs: BTreeMap<(String, String), Pile>,
    apart: BTreeMap<Apart, ApartPile>,
    /// The folder of what is set apart, nothing in a dry run.
    folder: Option<PathBuf>,
    /// Whether the records behind manifests are kept.
    keep: bool,
    /// Records that ask for nothing.
    pub nothing: u64,
}

/// The rows of one job.
pub struct Pile {
    pub bucket: String,
    pub class: StorageClass,
    pub rows: u64,
    pub bytes: u64,
    digest: blake3::Hasher,
    manifest: BufWriter<NamedTempFile>,
    records: Option<BufWriter<File>>,
}

struct ApartPile {
    rows: u64,
    digest: blake3::Hasher,
    file: Option<BufWriter<NamedTempFile>>,
}

/// A manifest that is complete, and the records behind it.
pub struct Manifest {
    pub bucket: String,
    pub class: StorageClass,
    pub rows: u64,
    /// The size of all versions.
    pub bytes: u64,
    /// Where it goes: a name that says what is in it, so that the same rows have the same place in every run.
    pub place: S3Url,
    pub file: NamedTempFile,
    /// From its beginning; nothing where nobody waits for the job.
    pub records: Option<File>,
}

/// Records that are set apart.
pub struct SetApart {
    pub why: Apart,
    pub rows: u64,
    /// Nothing in a dry run.
    pub file: Option<PathBuf>,
}

impl Piles {
    /// Empty ones. Without a folder nothing is set apart but counted; `keep` keeps the records behind manifests.
    pub fn new(folder: Option<PathBuf>, keep: bool) -> Self {
        Self { jobs: BTreeMap::new(), apart: BTreeMap::new(), folder, keep, nothing: 0 }
    }

    /// Puts a record where it goes.
    ///
    /// # Errors
    /// When a file cannot be written, or there are too many jobs.
    pub fn put(&mut self, record: &Record, sorted: Sorted) -> Result<()> {
        match sorted {
            Sorted::Nothing => {
                self.nothing += 1;
                Ok(())
            }
            Sorted::Apart(why) => self.set_apart(record, why),
            Sorted::Job(copy) => self.pile(&copy)?.put(record, &copy),
        }
    }

    fn pile(&mut self, copy: &Copy) -> Result<&mut Pile> {
        let name = (copy.place.bucket.clone(), copy.class.as_str().to_owned());
        let jobs = self.jobs.len();
        let pile = match self.jobs.entry(name) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) if jobs >= MOST => {
                let message = format!("more than {MOST} jobs: restore fewer buckets in one run");
                return Err(Usage::Wrong(message).into());
            }
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Pile::new(copy, self.keep)?),
        };
        Ok(pile)
    }

    fn set_apart(&mut self, record: &Record, why: Apart) -> Result<()> {
        let pile = match self.apart.entry(why) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let file = self.folder.as_deref().map(|folder| temporary_in(folder, why)).transpose()?;
                new.insert(ApartPile { rows: 0, digest: blake3::Hasher::new(), file })
            }
        };
        let line = record.clone().into_line();
        pile.rows += 1;
        pile.digest.update(&line);
        match &mut pile.file {
            Some(file) => file.write_all(&line).context("cannot write a record that is set apart"),
            None => Ok(()),
        }
    }

    /// Ends the files: what is set apart has its names, and manifests can be sent to below this place.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(self, place: &S3Url) -> Result<(Vec<Manifest>, Vec<SetApart>)> {
        let folder = self.folder.unwrap_or_default();
        let apart = self.apart.into_iter().map(|(why, pile)| pile.finish(why, &folder));
        let apart = apart.collect::<Result<_>>()?;
        let manifests = self.jobs.into_values().map(|pile| pile.finish(place)).collect::<Result<_>>()?;
        Ok((manifests, apart))
    }
}

impl Pile {
    fn new(copy: &Copy, keep: bool) -> Result<Self> {
        let cannot = "cannot make a temporary file (TMPDIR names another folder)";
        Ok(Self {
            bucket: copy.place.bucket.clone(),
            class: copy.class.clone(),
            rows: 0,
            bytes: 0,
            digest: blake3::Hasher::new(),
            manifest: BufWriter::new(NamedTempFile::new().context(cannot)?),
            records: match keep {
                true => Some(BufWriter::new(tempfile::tempfile().context(cannot)?)),
                false => None,
            },
        })
    }

    fn put(&mut self, record: &Record, copy: &Copy) -> Result<()> {
        let row = row(copy);
        self.rows += 1;
        self.bytes += copy.bytes;
        self.digest.update(row.as_bytes());
        self.manifest.write_all(row.as_bytes()).context("cannot write a manifest to a temporary file")?;
        match &mut self.records {
            Some(records) => records
                .write_all(&record.clone().into_line())
                .context("cannot write a record to a temporary file"),
            None => Ok(()),
        }
    }

    fn finish(self, place: &S3Url) -> Result<Manifest> {
        let Self { bucket, class, rows, bytes, digest, manifest, records } = self;
        let digest = digest.finalize().to_hex();
        let name = format!("{}manifests/{bucket}-{}-{}.csv", place.prefix, class.as_str(), &digest[..32]);
        let records = records.map(BufWriter::into_inner).transpose().map_err(io::IntoInnerError::into_error);
        let mut records = records.context("cannot write a record to a temporary file")?;
        if let Some(records) = &mut records {
            records.rewind().context("cannot read a temporary file")?;
        }
        let file = manifest.into_inner().map_err(io::IntoInnerError::into_error);
        Ok(Manifest {
            bucket,
            class,
            rows,
            bytes,
            place: S3Url { bucket: place.bucket.clone(), prefix: name },
            file: file.context("cannot write a manifest to a temporary file")?,
            records,
        })
    }
}

impl ApartPile {
    fn finish(self, why: Apart, folder: &Path) -> Result<SetApart> {
        let Some(file) = self.file else {
            return Ok(SetApart { why, rows: self.rows, file: None });
        };
        let digest = self.digest.finalize().to_hex();
        let path = folder.join(format!("s3-restore-{}-{}.jsonl", why.name(), &digest[..SHORT]));
        let cannot = || format!("cannot write {}", path.display());
        let file = file.into_inner().map_err(io::IntoInnerError::into_error).with_context(cannot)?;
        file.as_file().sync_data().with_context(cannot)?;
        file.persist(&path).with_context(cannot)?;
        Ok(SetApart { why, rows: self.rows, file: Some(path) })
    }
}

/// A row: bucket, key, version id, no header. The key is encoded as in a URL (S3 user guide, "Specifying a manifest").
fn row(copy: &Copy) -> String {
    format!("{},{},{}\n", copy.place.bucket, encoded_key(&copy.place.key), copy.version_id)
}

fn temporary_in(folder: &Path, why: Apart) -> Result<BufWriter<NamedTempFile>> {
    let name = format!("s3-restore-{}-", why.name());
    let file = tempfile::Builder::new().prefix(&name).suffix(".part").tempfile_in(folder);
    let wrong = |err| Usage::Wrong(format!("cannot write to the folder --apart {}: {err}", folder.display()));
    Ok(BufWriter::new(file.map_err(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Place;
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    fn copy(key: &str, version_id: &str) -> Copy {
        Copy {
            place: Place { bucket: "b".into(), key: key.into() },
            version_id: version_id.into(),
            class: StorageClass::Standard,
            bytes: 1,
        }
    }

    #[test]
    fn a_row_is_encoded_and_spells_null_out() {
        assert_eq!(row(&copy("a b+c/\"d\",é%", "null")), "b,a%20b%2Bc/%22d%22%2C%C3%A9%25,null\n");
    }

    #[test]
    fn the_same_rows_have_the_same_place_and_others_another() {
        let place = |keys: &[&str]| {
            let mut piles = Piles::new(None, false);
            for key in keys {
                let record = Record::parse("{}".into()).unwrap();
                piles.put(&record, Sorted::Job(copy(key, "v"))).unwrap();
            }
            let (manifests, _) = piles.finish(&"s3://ops/jobs/".parse().unwrap()).unwrap();
            manifests[0].place.to_string()
        };
        assert_eq!(place(&["a", "b"]), place(&["a", "b"]));
        assert_ne!(place(&["a", "b"]), place(&["b", "a"]));
        assert!(place(&["a"]).starts_with("s3://ops/jobs/manifests/b-STANDARD-"), "{}", place(&["a"]));
    }

    proptest! {
        #[test]
        fn every_key_comes_back_from_its_row(key in "\\PC{1,40}|[\\x00-\\x7f]{1,40}") {
            let row = row(&copy(&key, "v"));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row.as_bytes());
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(rows.len(), 1);
            let decoded = percent_decode_str(&rows[0][1].replace('+', " ")).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decoded, key);
        }
    }
}
