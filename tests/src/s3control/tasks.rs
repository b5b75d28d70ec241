//! What a job does: its copies, and its report.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{MetadataDirective, StorageClass};
use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::State;
use super::job::Job;
use crate::client;

/// A row of the report.
struct Row {
    bucket: String,
    key: String,
    version_id: String,
    outcome: Outcome,
}

enum Outcome {
    Succeeded,
    Failed(String, u16, String),
}

impl State {
    /// Carries a job's tasks out and writes its report.
    pub(super) fn carry_out(&self, job: &mut Job) {
        // The server's own runtime cannot wait for another request.
        std::thread::scope(|threads| {
            let work = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(self.run(job, &client::s3(&self.s3)));
            };
            threads.spawn(work).join().expect("the job's thread ends");
        });
    }

    async fn run(&self, job: &mut Job, s3: &Client) {
        let (bucket, key) = &job.manifest;
        let got = s3.get_object().bucket(bucket).key(key).send().await.expect("the manifest is there");
        if got.e_tag.as_deref().unwrap_or_default().trim_matches('"') != job.etag {
            job.status = "Failed";
            job.failure = Some(("ManifestInvalid".into(), "the manifest has another ETag".into()));
            return;
        }
        let text = got.body.collect().await.expect("the whole manifest").to_vec();
        let text = String::from_utf8(text).expect("a manifest in UTF-8");
        if job.status != "Complete" {
            job.failure = Some(("TooManyFailures".into(), "the job was <ended>".into()));
        }
        job.total = text.lines().count();
        let mut rows = Vec::new();
        for line in text.lines().take(self.tasks.unwrap_or(usize::MAX)) {
            let cells: Vec<_> = line.split(',').collect();
            let [bucket, encoded, version_id] = cells[..] else { panic!("a manifest with the row {line}") };
            let key =
                percent_decode_str(&encoded.replace('+', " ")).decode_utf8().expect("a key").into_owned();
            let outcome = self.copy(job, s3, bucket, &key, version_id).await;
            let key = if self.plain_keys { key } else { encoded.to_owned() };
            rows.push(Row { bucket: bucket.into(), key, version_id: version_id.into(), outcome });
        }
        job.failed = rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(..))).count();
        job.succeeded = rows.len() - job.failed;
        if !rows.is_empty() {
            self.report(job, s3, &rows).await;
        }
    }

    async fn copy(&self, job: &Job, s3: &Client, bucket: &str, key: &str, version_id: &str) -> Outcome {
        if let Some((code, status, message)) = self.failing.get(key) {
            return Outcome::Failed((*code).into(), *status, (*message).into());
        }
        let encoded = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
        let copy = s3
            .copy_object()
            .bucket(&job.target)
            .key(key)
            .copy_source(format!("{bucket}/{encoded}?versionId={version_id}"))
            .metadata_directive(MetadataDirective::Copy)
            .set_storage_class(job.class.as_deref().map(StorageClass::from));
        match copy.send().await {
            Ok(_) => Outcome::Succeeded,
            Err(err) => {
                let status = err.raw_response().map_or(500, |answer| answer.status().as_u16());
                let part = |text: Option<&str>| text.unwrap_or_default().to_owned();
                Outcome::Failed(part(err.code()), status, part(err.message()))
            }
        }
    }

    async fn report(&self, job: &Job, s3: &Client, rows: &[Row]) {
        let (bucket, prefix) = &job.report;
        let folder = format!("{prefix}/job-{}", job.id);
        let mut results = Vec::new();
        for succeeded in [true, false] {
            let of_kind = rows.iter().filter(|row| matches!(row.outcome, Outcome::Succeeded) == succeeded);
            let text: String = of_kind.map(|row| self.line(row)).collect();
            if text.is_empty() {
                continue;
            }
            let digest: String = Md5::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
            let key = format!("{folder}/results/{digest}.csv");
            put(s3, bucket, &key, text).await;
            results.push(json!({
                "TaskExecutionStatus": if succeeded { "succeeded" } else { "failed" },
                "Bucket": bucket,
                "MD5Checksum": if self.corrupt { "0".repeat(32) } else { digest },
                "Key": key,
            }));
        }
        let top = json!({
            "Format": "Report_CSV_20180820",
            "ReportCreationDate": "2026-11-20T12:00:00.000Z",
            "Results": results,
            "ReportSchema": "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage",
        });
        put(s3, bucket, &format!("{folder}/manifest.json"), top.to_string()).await;
    }

    fn line(&self, row: &Row) -> String {
        let (status, code, http, message) = match &row.outcome {
            Outcome::Succeeded => ("succeeded", "", 200, "Successful"),
            Outcome::Failed(code, http, message) => ("failed", code.as_str(), *http, message.as_str()),
        };
        let http = http.to_string();
        let (first, second) = if self.swapped { (&*http, code) } else { (code, &*http) };
        let cells = [&row.bucket, &row.key, &row.version_id, status, first, second, message];
        let quoted = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")));
        quoted.join(",") + "\n"
    }
}

async fn put(s3: &Client, bucket: &str, key: &str, text: String) {
    let put = s3.put_object().bucket(bucket).key(key).body(text.into_bytes().into());
    put.send().await.expect("the report's bucket takes it");
}
