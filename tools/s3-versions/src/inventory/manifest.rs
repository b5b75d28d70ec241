//! The manifest of a report: of which bucket it is, when it was made, and which files it consists of
//! (S3 user guide, "Locating your inventory list").

use anyhow::{Context, Result, anyhow, bail, ensure};
use jiff::Timestamp;
use md5::{Digest, Md5};
use serde::Deserialize;

use super::schema::Columns;
use super::store::Store;

/// The largest manifest that is read: some 100,000 files have room in it.
const MAX: usize = 16 << 20;
/// The version of the manifest whose meaning is known.
const VERSION: &str = "2016-11-30";

/// A report that can be read.
#[derive(Debug)]
pub struct Manifest {
    pub source_bucket: String,
    /// When S3 began to look at the bucket: the report may miss what was written or deleted later.
    pub created: Timestamp,
    pub columns: Columns,
    pub files: Vec<DataFile>,
}

/// One part of a report.
#[derive(Clone, Debug, Deserialize)]
pub struct DataFile {
    pub key: String,
    /// In hexadecimal digits.
    #[serde(rename = "MD5checksum")]
    pub md5: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    source_bucket: String,
    destination_bucket: String,
    version: String,
    /// Milliseconds since 1970, as text.
    creation_timestamp: String,
    file_format: String,
    file_schema: String,
    files: Vec<DataFile>,
}

impl Manifest {
    /// Reads the manifest at this key, and checks it against the `manifest.checksum` beside it.
    ///
    /// # Errors
    /// When it cannot be read, was changed, or is of a report from which the versions of keys cannot be told.
    pub async fn fetch(store: &Store, key: &str) -> Result<Self> {
        let place = store.place(key);
        let text = store.small(key, MAX).await?;
        let folder = key.rfind('/').map_or("", |end| &key[..=end]);
        match store.small(&format!("{folder}manifest.checksum"), MAX).await {
            Ok(checksum) => {
                let (found, wanted) = (hex(Md5::digest(&text)), String::from_utf8_lossy(&checksum));
                ensure!(
                    found.eq_ignore_ascii_case(wanted.trim()),
                    "{place} is damaged: its MD5 is {found}, and manifest.checksum says {}",
                    wanted.trim()
                );
            }
            // Who may not list a bucket is denied what is not there.
            Err(why) if matches!(why.code.as_str(), "NoSuchKey" | "AccessDenied") => {
                tracing::warn!("{place} is not checked: {}", why.message);
            }
            Err(why) => return Err(why.into()),
        }
        let written: Written = serde_json::from_slice(&text)
            .map_err(|err| anyhow!("{place} is no manifest of a report: {err}"))?;
        if written.version != VERSION {
            tracing::warn!("{place} has the version {}, and only {VERSION} is known", written.version);
        }
        if written.destination_bucket.rsplit(':').next() != Some(store.bucket()) {
            tracing::warn!(
                "the report was delivered to {}; its files are read from s3://{} too",
                written.destination_bucket,
                store.bucket()
            );
        }
        Self::of(written).with_context(|| place)
    }

    fn of(written: Written) -> Result<Self> {
        let created = written.creation_timestamp.parse().ok();
        let created = created.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let created =
            created.with_context(|| format!("no creationTimestamp: {}", written.creation_timestamp))?;
        let columns = Columns::of(&written.file_format, &written.file_schema)?;
        Ok(Self { source_bucket: written.source_bucket, created, columns, files: written.files })
    }

    /// How long ago the report was begun, in words.
    pub fn age(&self) -> String {
        let age = Timestamp::now().duration_since(self.created);
        let hours = age.as_hours();
        if hours < 48 { format!("{hours} hours old") } else { format!("{} days old", hours / 24) }
    }
}

impl DataFile {
    /// Whether the file is the one that the manifest means.
    ///
    /// # Errors
    /// When its MD5 is another.
    pub fn check(&self, digest: [u8; 16]) -> Result<()> {
        let found = hex(digest);
        if !found.eq_ignore_ascii_case(&self.md5) {
            bail!("damaged: its MD5 is {found}, and the manifest says {}", self.md5);
        }
        Ok(())
    }
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
