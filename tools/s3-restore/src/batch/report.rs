//! The completion report of a job (S3 user guide, "Examples: S3 Batch Operations completion reports").

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use aws_sdk_s3::Client;
use common::aws::Trouble;
use common::retry::Backoff;
use common::s3::S3Url;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

/// Tries of a file whose body broke off. The SDK has retried the request's own failures by then.
const ATTEMPTS: u32 = 6;
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(10) };

/// The file that names the others.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    report_schema: String,
    results: Vec<Part>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    bucket: String,
    key: String,
    #[serde(rename = "MD5Checksum")]
    md5: Option<String>,
}

/// What became of one row of a manifest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Row {
    /// As the report says it, which may be encoded as in the manifest or not.
    pub key: String,
    pub version_id: String,
    pub succeeded: bool,
    /// The service's error code.
    pub code: String,
    pub status: Option<u16>,
    pub message: String,
}

/// Asks for a report; nothing where there is none.
///
/// # Errors
/// When it cannot be read.
pub async fn find(s3: &Client, place: &S3Url) -> Result<Option<Report>> {
    let answer = match s3.get_object().bucket(&place.bucket).key(&place.prefix).send().await {
        Ok(answer) => answer,
        Err(err) => {
            let trouble = Trouble::new(&format!("GetObject {place}"), &err);
            return if trouble.status == Some(404) { Ok(None) } else { Err(trouble.into()) };
        }
    };
    let text = answer.body.collect().await.with_context(|| format!("GetObject {place}"))?.into_bytes();
    let report = serde_json::from_slice(&text).with_context(|| format!("{place} is no completion report"))?;
    Ok(Some(report))
}

impl Report {
    /// Hands every row to `take`, one file after the other.
    ///
    /// # Errors
    /// When a file cannot be read or is not what its checksum says, and those of `take`.
    pub async fn rows(&self, s3: &Client, mut take: impl FnMut(&Row) -> Result<()>) -> Result<()> {
        let schema = Schema::of(&self.report_schema)?;
        for part in &self.results {
            let file = part.fetch(s3).await?;
            let reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(BufReader::new(file));
            for cells in reader.into_records() {
                let cells = cells.with_context(|| format!("{part} is no CSV"))?;
                let row =
                    schema.row(&cells).with_context(|| format!("{part}: a row of {} cells", cells.len()))?;
                take(&row)?;
            }
        }
        Ok(())
    }
}

impl Part {
    /// The file on this machine, from its beginning: a report is as long as its manifest.
    async fn fetch(&self, s3: &Client) -> Result<File> {
        let mut tried = 0;
        loop {
            match self.try_fetch(s3).await {
                Ok(file) => return Ok(file),
                Err(err) if tried + 1 == ATTEMPTS => return Err(err),
                Err(_) => tokio::time::sleep(BACKOFF.delay(tried)).await,
            }
            tried += 1;
        }
    }

    async fn try_fetch(&self, s3: &Client) -> Result<File> {
        let sent = s3.get_object().bucket(&self.bucket).key(&self.key).send().await;
        let mut body = sent.map_err(|err| Trouble::new(&format!("GetObject {self}"), &err))?.body;
        let mut file = BufWriter::new(tempfile::tempfile().context("cannot make a temporary file")?);
        let mut digest = Md5::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.with_context(|| format!("GetObject {self}"))?;
            digest.update(&chunk);
            file.write_all(&chunk).context("cannot write a temporary file")?;
        }
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if self.md5.as_ref().is_some_and(|md5| !md5.eq_ignore_ascii_case(&digest)) {
            bail!("{self} has the MD5 {digest}, which is not that of its report");
        }
        let mut file =
            file.into_inner().map_err(|err| err.into_error()).context("cannot write a temporary file")?;
        file.rewind().context("cannot read a temporary file")?;
        Ok(file)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// The places of the columns.
struct Schema {
    key: usize,
    version_id: usize,
    status: usize,
    code: usize,
    http: usize,
    message: usize,
}

impl Schema {
    fn of(text: &str) -> Result<Self> {
        let names: Vec<_> = text.split(',').map(str::trim).collect();
        let place = |name: &str| {
            let found = names.iter().position(|known| *known == name);
            found.ok_or_else(|| anyhow!("the report has no column {name}: {text}"))
        };
        Ok(Self {
            key: place("Key")?,
            version_id: place("VersionId")?,
            status: place("TaskStatus")?,
            code: place("ErrorCode")?,
            http: place("HTTPStatusCode")?,
            message: place("ResultMessage")?,
        })
    }

    fn row(&self, cells: &csv::StringRecord) -> Option<Row> {
        let (mut code, mut http) = (cells.get(self.code)?, cells.get(self.http)?);
        // The examples of the guide have these two the other way round than their own schema.
        if code.parse::<u16>().is_ok() && http.parse::<u16>().is_err() {
            std::mem::swap(&mut code, &mut http);
        }
        Some(Row {
            key: cells.get(self.key)?.to_owned(),
            version_id: cells.get(self.version_id).filter(|id| !id.is_empty()).unwrap_or("null").to_owned(),
            succeeded: cells.get(self.status)? == "succeeded",
            code: code.to_owned(),
            status: http.parse().ok(),
            message: cells.get(self.message).unwrap_or_default().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage";

    fn row(cells: &[&str]) -> Row {
        Schema::of(SCHEMA).unwrap().row(&csv::StringRecord::from(cells.to_vec())).unwrap()
    }

    #[test]
    fn error_code_and_status_are_told_apart_in_either_order() {
        for cells in [
            ["b", "k", "v", "failed", "AccessDenied", "403", "no"],
            ["b", "k", "v", "failed", "403", "AccessDenied", "no"],
        ] {
            let row = row(&cells);
            assert_eq!((row.code.as_str(), row.status, row.succeeded), ("AccessDenied", Some(403), false));
        }
        let row = row(&["b", "k", "", "succeeded", "", "200", "Successful"]);
        assert_eq!((row.version_id.as_str(), row.status, row.succeeded), ("null", Some(200), true));
    }

    #[test]
    fn a_report_with_other_columns_is_not_guessed_at() {
        assert!(Schema::of("Bucket, Key, TaskStatus").is_err());
        let other =
            Schema::of("ResultMessage, TaskStatus, Key, Bucket, VersionId, HTTPStatusCode, ErrorCode")
                .unwrap();
        let row = other
            .row(&csv::StringRecord::from(vec!["m", "failed", "k", "b", "v", "404", "NoSuchKey"]))
            .unwrap();
        assert_eq!((row.key.as_str(), row.code.as_str(), row.message.as_str()), ("k", "NoSuchKey", "m"));
    }
}
