//! Jobs of S3 Batch Operations: one for each manifest, and never a second.

use anyhow::{Context as _, Result, anyhow, bail};
use aws_sdk_s3::Client as S3;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3control::Client;
use aws_sdk_s3control::types::{
    JobDescriptor, JobManifest, JobManifestFieldName, JobManifestFormat, JobManifestLocation,
    JobManifestSpec, JobOperation, JobReport, JobReportFormat, JobReportScope, JobStatus, RequestedJobStatus,
    S3CopyObjectOperation, S3MetadataDirective, S3StorageClass,
};
use common::aws::Trouble;
use common::s3::S3Url;
use serde::{Deserialize, Serialize};

use super::args::Batch;
use super::pile::Manifest;

/// Among the jobs of an account, which are few: the middle of what people choose.
const PRIORITY: i32 = 10;
/// How a job that is not confirmed is confirmed by hand.
const CONFIRM: &str = "run the same line with --confirm";

/// Where jobs are made.
pub struct Jobs<'a> {
    pub s3: &'a S3,
    pub control: &'a Client,
    pub batch: &'a Batch,
}

/// A job that S3 knows.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: String,
    /// Its state when it was last looked at.
    pub status: JobStatus,
    /// Whether an earlier run made it.
    pub found: bool,
}

/// What lies beside a manifest once it has its job, so that a later run finds it whatever its flags are.
#[derive(Deserialize, Serialize)]
struct Note {
    job_id: String,
}

/// A record of stdout: one job, or what would be one.
#[derive(Serialize)]
pub struct JobRecord<'a> {
    bucket: &'a str,
    /// Nothing in a dry run.
    job_id: Option<&'a str>,
    manifest: String,
    objects: u64,
    batch: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    storage_class: &'a str,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    /// Whether the job is that of an earlier run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    already: bool,
    confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

impl<'a> JobRecord<'a> {
    /// What is known of the job of a manifest; without a job, what it would be.
    pub fn new(manifest: &'a Manifest, job: Option<&'a Job>, batch: &Batch) -> Self {
        Self {
            bucket: &manifest.bucket,
            job_id: job.map(|job| job.id.as_str()),
            manifest: manifest.place.to_string(),
            objects: manifest.rows,
            batch: Details {
                storage_class: manifest.class.as_str(),
                bytes: manifest.bytes,
                status: job.map(|job| job.status.as_str()),
                already: job.is_some_and(|job| job.found),
                confirmed: batch.confirm,
                report: job.map(|job| report(&batch.place, &job.id).to_string()),
                dry_run: job.is_none(),
            },
        }
    }
}

/// The top of a job's completion report (S3 user guide, "Examples: S3 Batch Operations completion reports").
pub fn report(place: &S3Url, job: &str) -> S3Url {
    let prefix = format!("{}/job-{job}/manifest.json", reports(place));
    S3Url { bucket: place.bucket.clone(), prefix }
}

fn reports(place: &S3Url) -> String {
    format!("{}reports", place.prefix)
}

impl Jobs<'_> {
    /// The job of a manifest with this ETag: the one that is there, or a new one.
    ///
    /// # Errors
    /// When it cannot be made, or the one that was made is not known any more.
    pub async fn ensure(&self, manifest: &Manifest, etag: &str) -> Result<Job> {
        if let Some(note) = self.note(manifest).await? {
            let found = self.describe(&note.job_id).await?;
            let status = found.status.context("DescribeJob told no status")?;
            return Ok(Job { id: note.job_id, status, found: true });
        }
        let create = self
            .control
            .create_job()
            .account_id(&self.batch.role.account)
            .confirmation_required(!self.batch.confirm)
            .operation(self.copy(manifest))
            .manifest(self.location(manifest, etag)?)
            .report(self.report()?)
            .client_request_token(token(&manifest.place))
            .description(description(manifest))
            .priority(PRIORITY)
            .role_arn(&self.batch.role.arn);
        let created =
            create.send().await.map_err(|err| self.not_made(manifest, Trouble::new("CreateJob", &err)))?;
        let id = created.job_id.context("CreateJob told no job id")?;
        tracing::info!(
            "job {id} copies {} versions of {} ({})",
            manifest.rows,
            manifest.bucket,
            manifest.class
        );
        self.keep(manifest, &id).await;
        Ok(Job { id, status: JobStatus::New, found: false })
    }

    /// What S3 says of a job.
    ///
    /// # Errors
    /// When it cannot be asked, or does not know the job.
    pub async fn describe(&self, id: &str) -> Result<JobDescriptor> {
        self.ask(id).await.map_err(|trouble| match trouble.status {
            // Jobs are kept for 90 days (S3 user guide, "Tracking job status and completion reports").
            Some(404) => anyhow!(
                "{}; the manifest had this job, which is gone: give --batch another prefix for a new one",
                trouble.message
            ),
            _ => trouble.into(),
        })
    }

    /// The same, with the error as it came.
    pub async fn ask(&self, id: &str) -> Result<JobDescriptor, Trouble> {
        let what = format!("DescribeJob {id}");
        let ask = self.control.describe_job().account_id(&self.batch.role.account).job_id(id);
        let answer = ask.send().await.map_err(|err| Trouble::new(&what, &err))?;
        answer.job.ok_or_else(|| Trouble {
            code: "NoJob".into(),
            message: format!("{what}: the answer has no job"),
            status: None,
        })
    }

    /// Lets a job run that waits for that, if the user wants it; returns its state in words.
    ///
    /// # Errors
    /// When it cannot be confirmed.
    pub async fn confirm(&self, id: &str, status: &JobStatus) -> Result<String> {
        match (status, self.batch.confirm) {
            (JobStatus::Suspended, true) => {
                let update = self.control.update_job_status().account_id(&self.batch.role.account).job_id(id);
                let sent = update.requested_job_status(RequestedJobStatus::Ready).send().await;
                sent.map_err(|err| Trouble::new(&format!("UpdateJobStatus {id}"), &err))?;
                Ok("confirmed".into())
            }
            (JobStatus::Suspended, false) => Ok(format!("Suspended until it is confirmed: {CONFIRM}")),
            (status, _) => Ok(status.as_str().to_owned()),
        }
    }

    /// The same bucket, and everything that belongs to a version: metadata and tags are copied unless others are given
    /// (S3 Control API reference, S3CopyObjectOperation), the storage class has to be said.
    fn copy(&self, manifest: &Manifest) -> JobOperation {
        let target = format!("arn:{}:s3:::{}", self.batch.role.partition, manifest.bucket);
        let copy = S3CopyObjectOperation::builder()
            .target_resource(target)
            .metadata_directive(S3MetadataDirective::Copy)
            .storage_class(S3StorageClass::from(manifest.class.as_str()));
        JobOperation::builder().s3_put_object_copy(copy.build()).build()
    }

    fn location(&self, manifest: &Manifest, etag: &str) -> Result<JobManifest> {
        let S3Url { bucket, prefix } = &manifest.place;
        let arn = format!("arn:{}:s3:::{bucket}/{prefix}", self.batch.role.partition);
        let spec = JobManifestSpec::builder()
            .format(JobManifestFormat::S3BatchOperationsCsv20180820)
            .fields(JobManifestFieldName::Bucket)
            .fields(JobManifestFieldName::Key)
            .fields(JobManifestFieldName::VersionId);
        let location = JobManifestLocation::builder().object_arn(arn).e_tag(etag);
        Ok(JobManifest::builder().spec(spec.build()?).location(location.build()?).build())
    }

    fn report(&self) -> Result<JobReport> {
        let place = &self.batch.place;
        let report = JobReport::builder()
            .enabled(true)
            .bucket(format!("arn:{}:s3:::{}", self.batch.role.partition, place.bucket))
            .prefix(reports(place))
            .format(JobReportFormat::ReportCsv20180820)
            .report_scope(JobReportScope::AllTasks);
        Ok(report.build())
    }

    fn not_made(&self, manifest: &Manifest, mut trouble: Trouble) -> anyhow::Error {
        if trouble.code == "IdempotencyException" {
            trouble.message.push_str(&format!(
                "; {} has a job with other settings, made by a run that died: look for \"{}\" in list-jobs",
                manifest.place,
                description(manifest)
            ));
        }
        trouble.into()
    }

    async fn note(&self, manifest: &Manifest) -> Result<Option<Note>> {
        let place = note(&manifest.place);
        let got = self.s3.get_object().bucket(&place.bucket).key(&place.prefix).send().await;
        let answer = match got {
            Ok(answer) => answer,
            Err(err) => {
                let trouble = Trouble::new(&format!("GetObject {place}"), &err);
                return match trouble.status {
                    // Who may not list a bucket is answered with 403 where nothing is.
                    Some(403 | 404) => Ok(None),
                    _ => Err(trouble.into()),
                };
            }
        };
        let text = answer.body.collect().await.with_context(|| format!("GetObject {place}"))?.into_bytes();
        let Ok(note) = serde_json::from_slice(&text) else {
            bail!("{place} tells of no job: take it away if no job copies {}", manifest.place);
        };
        Ok(Some(note))
    }

    /// A note that cannot be kept is no error: the job is there, and its token finds it for the same flags.
    async fn keep(&self, manifest: &Manifest, id: &str) {
        let place = note(&manifest.place);
        let body = serde_json::to_vec(&Note { job_id: id.to_owned() }).unwrap_or_default();
        let put = self.s3.put_object().bucket(&place.bucket).key(&place.prefix).body(body.into());
        if let Err(err) = put.send().await {
            tracing::warn!("{}", Trouble::new(&format!("PutObject {place}"), &err).message);
        }
    }
}

/// Whether nothing more happens to the job.
pub fn is_over(status: &JobStatus) -> bool {
    matches!(status, JobStatus::Complete | JobStatus::Failed | JobStatus::Cancelled)
}

/// When the job was made, to the second.
pub fn made_at(job: &JobDescriptor) -> Option<i64> {
    job.creation_time.as_ref().map(DateTime::secs)
}

/// Why a job did not end well, nothing where it did.
pub fn failure(job: &JobDescriptor) -> Option<String> {
    let status = job.status.as_ref()?;
    if *status == JobStatus::Complete {
        return None;
    }
    let reasons = job.failure_reasons().iter().map(|reason| {
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        format!("{}: {}", part(&reason.failure_code), part(&reason.failure_reason))
    });
    let reasons: Vec<_> = reasons.chain(job.status_update_reason.clone()).collect();
    let id = job.job_id.as_deref().unwrap_or_default();
    let told = if reasons.is_empty() { "S3 gives no reason".to_owned() } else { reasons.join("; ") };
    Some(format!("job {id} is {}: {told}", status.as_str()))
}

fn note(manifest: &S3Url) -> S3Url {
    S3Url { bucket: manifest.bucket.clone(), prefix: format!("{}.job.json", manifest.prefix) }
}

/// The same for every run with these rows in this place: S3 answers with the job that is there.
fn token(manifest: &S3Url) -> String {
    blake3::hash(manifest.to_string().as_bytes()).to_hex().to_string()
}

fn description(manifest: &Manifest) -> String {
    let name = manifest.place.prefix.rsplit('/').next().unwrap_or_default();
    format!("s3-restore: {} versions, {name}", manifest.rows)
}
