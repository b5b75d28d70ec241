//! One job, as its request asks for it and as DescribeJob tells of it.

use std::fmt::Write as _;

use jiff::Timestamp;
use quick_xml::escape::{escape, unescape};

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The whole CreateJob.
    pub request: String,
    /// Its state.
    pub status: &'static str,
    /// Whether it waits for its confirmation before it runs.
    pub must_be_confirmed: bool,
    /// Whether it was confirmed.
    pub confirmed: bool,
    /// How many of the stages it has seen.
    pub(super) stage: usize,
    pub(super) token: String,
    /// The manifest's bucket and key.
    pub(super) manifest: (String, String),
    pub(super) etag: String,
    pub(super) target: String,
    pub(super) class: Option<String>,
    /// The report's bucket and prefix.
    pub(super) report: (String, String),
    pub(super) succeeded: usize,
    pub(super) failed: usize,
    pub(super) total: usize,
    /// Why it failed, as code and reason.
    pub(super) failure: Option<(String, String)>,
    created: Timestamp,
}

impl Job {
    /// Reads a CreateJob; an error is the name of what it lacks.
    pub(super) fn of(request: &str, number: usize) -> Result<Self, &'static str> {
        let need = |name: &'static str| text(request, name).ok_or(name);
        let place = |arn: String| arn.rsplit(":::").next().unwrap_or_default().to_owned();
        let manifest = place(need("ObjectArn")?);
        let (bucket, key) = manifest.split_once('/').ok_or("key in the ObjectArn")?;
        let (_, report) = request.split_once("<Report>").ok_or("Report")?;
        Ok(Self {
            id: format!("{number:08x}-0000-4000-8000-000000000000"),
            status: "New",
            must_be_confirmed: need("ConfirmationRequired")? == "true",
            confirmed: false,
            stage: 0,
            token: need("ClientRequestToken")?,
            manifest: (bucket.to_owned(), key.to_owned()),
            etag: need("ETag")?,
            target: place(need("TargetResource")?),
            class: text(request, "StorageClass"),
            report: (
                place(text(report, "Bucket").ok_or("Report.Bucket")?),
                text(report, "Prefix").ok_or("Report.Prefix")?,
            ),
            succeeded: 0,
            failed: 0,
            total: 0,
            failure: None,
            created: Timestamp::now(),
            request: request.to_owned(),
        })
    }

    /// Whether nothing more happens to it.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.status, "Complete" | "Failed" | "Cancelled")
    }

    /// The element `Job` of DescribeJob.
    pub(super) fn xml(&self) -> String {
        let Self { id, status, created, succeeded, failed, total, .. } = self;
        let mut xml = format!(
            "<Job><JobId>{id}</JobId><Status>{status}</Status><CreationTime>{created}</CreationTime>"
        );
        let _ = write!(
            xml,
            "<ProgressSummary><TotalNumberOfTasks>{total}</TotalNumberOfTasks>\
             <NumberOfTasksSucceeded>{succeeded}</NumberOfTasksSucceeded>\
             <NumberOfTasksFailed>{failed}</NumberOfTasksFailed></ProgressSummary>"
        );
        if let Some((code, reason)) = &self.failure {
            let (code, reason) = (escape(code), escape(reason));
            let _ = write!(
                xml,
                "<FailureReasons><member><FailureCode>{code}</FailureCode>\
                 <FailureReason>{reason}</FailureReason></member></FailureReasons>"
            );
        }
        xml + "</Job>"
    }
}

/// The text of the first element of this name.
fn text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once('<')?;
    Some(unescape(text).ok()?.into_owned())
}
