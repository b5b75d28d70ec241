//! S3 Batch Operations, which moto does not have: jobs that change their state from look to look, read their manifest from
//! the S3 behind them, carry its copies out there, and write a completion report.
//!
//! | rule | source |
//! |---|---|
//! | names of elements, lists and errors | the API's service model, 2018-08-20 |
//! | the same token is the same job; with another request it is refused | CreateJob, IdempotencyException |
//! | a job that must be confirmed goes from `Preparing` to `Suspended` | User guide, "Tracking job status and completion reports" |
//! | a manifest with another ETag fails the job | CreateJob, JobManifestLocation |
//! | rows without a header, keys encoded as in a URL | User guide, "Specifying a manifest" |
//! | a copy takes over metadata and tags; its storage class is the job's | S3CopyObjectOperation |
//! | a report as soon as one task was carried out, at `PREFIX/job-ID/manifest.json` | User guide, "Examples: S3 Batch Operations completion reports" |
//!
//! ```
//! use testkit::s3::{Options, Server};
//! use testkit::s3control::S3Control;
//!
//! let s3 = Server::start(Options::default());
//! let control = S3Control::start(s3.url());
//! // Run a tool with AWS_ENDPOINT_URL_S3_CONTROL at control.url(), then look at what it asked for:
//! assert!(control.state().jobs.is_empty());
//! ```

mod job;
mod tasks;

use std::collections::HashMap;
use std::sync::MutexGuard;

use hyper::http::request::Parts;

use crate::answering::{Answer, Server};

pub use job::Job;

/// A running S3 Control. It ends when it is dropped.
pub struct S3Control(Server<State>);

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Logged {
    /// Such as `CreateJob`.
    pub operation: &'static str,
    /// The header `x-amz-account-id`.
    pub account: String,
    /// Its XML.
    pub body: String,
}

/// All that it knows, and how it is to behave.
pub struct State {
    s3: String,
    /// Jobs in the order in which they were made.
    pub jobs: Vec<Job>,
    /// All requests so far.
    pub log: Vec<Logged>,
    /// The states that a job goes through, one for each look, until its end.
    pub stages: Vec<&'static str>,
    /// The state that jobs end in: `Complete`, `Failed` or `Cancelled`.
    pub end: &'static str,
    /// Tasks that a job carries out before its end; without a number, all.
    pub tasks: Option<usize>,
    /// What keys fail with instead of being copied: error code, status, words.
    pub failing: HashMap<String, (&'static str, u16, &'static str)>,
    /// Whether the report has keys as they are instead of encoded as in the manifest.
    pub plain_keys: bool,
    /// Whether the report has error code and status in the order of the guide's example.
    pub swapped: bool,
    /// Whether the report's checksums are wrong.
    pub corrupt: bool,
    /// The error that every request is refused with: status and code.
    pub refusal: Option<(u16, &'static str)>,
}

impl S3Control {
    /// Starts one without jobs, in front of the S3 at this address.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start(s3: &str) -> Self {
        let state = State {
            s3: s3.to_owned(),
            jobs: Vec::new(),
            log: Vec::new(),
            stages: vec!["Preparing", "Ready", "Active"],
            end: "Complete",
            tasks: None,
            failing: HashMap::new(),
            plain_keys: false,
            swapped: false,
            corrupt: false,
            refusal: None,
        };
        Self(Server::start(state, State::answer))
    }

    /// Where it listens: for `AWS_ENDPOINT_URL_S3_CONTROL`.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// All that it knows, to be set up, looked at or changed; nothing is answered meanwhile.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state()
    }

    /// How many requests there were for an operation, whatever their answer.
    pub fn count(&self, operation: &str) -> usize {
        self.state().log.iter().filter(|logged| logged.operation == operation).count()
    }

    /// Waits until a request has brought this about.
    ///
    /// # Panics
    /// If it has not within two minutes.
    #[track_caller]
    pub fn wait_until(&self, is_reached: impl FnMut(&State) -> bool) {
        assert!(self.0.wait_until(is_reached), "not reached: {:?}", self.state().log);
    }
}

/// An answer that is an error.
struct Refusal(u16, &'static str, String);

impl State {
    fn answer(&mut self, head: &Parts, body: &[u8]) -> Answer {
        let path = head.uri.path().to_owned();
        let id = path.strip_prefix("/v20180820/jobs/").unwrap_or_default();
        let (id, operation) = match (head.method.as_str(), id.strip_suffix("/status")) {
            ("POST", None) if id.is_empty() => (id, "CreateJob"),
            ("GET", None) if !id.is_empty() => (id, "DescribeJob"),
            ("POST", Some(id)) => (id, "UpdateJobStatus"),
            _ => (id, "Unknown"),
        };
        let account = head.headers.get("x-amz-account-id").and_then(|account| account.to_str().ok());
        let account = account.unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(body).into_owned();
        let wanted = head.uri.query().unwrap_or_default().strip_prefix("requestedJobStatus=");
        let result = match (self.refusal, operation) {
            (Some((status, code)), _) => Err(Refusal(status, code, "not now".into())),
            (None, "CreateJob") => self.create(&body),
            (None, "DescribeJob") => self.describe(id),
            (None, "UpdateJobStatus") => self.update(id, wanted.unwrap_or_default()),
            _ => Err(Refusal(400, "BadRequestException", format!("{} {path}", head.method))),
        };
        self.log.push(Logged { operation, account, body });
        let (status, body) = match result {
            Ok(result) => (200, format!("<{operation}Result>{result}</{operation}Result>")),
            Err(Refusal(status, code, message)) => (
                status,
                format!(
                    "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
                ),
            ),
        };
        Answer::new(status, &[("content-type", "application/xml")], body)
    }

    fn create(&mut self, request: &str) -> Result<String, Refusal> {
        let job = Job::of(request, self.jobs.len())
            .map_err(|what| Refusal(400, "BadRequestException", format!("Request invalid: no {what}")))?;
        match self.jobs.iter().find(|known| known.token == job.token) {
            Some(known) if known.request == job.request => return Ok(format!("<JobId>{}</JobId>", known.id)),
            Some(_) => return Err(Refusal(400, "IdempotencyException", "the token was used".into())),
            None => {}
        }
        let id = job.id.clone();
        self.jobs.push(job);
        Ok(format!("<JobId>{id}</JobId>"))
    }

    fn describe(&mut self, id: &str) -> Result<String, Refusal> {
        let at = self.place(id)?;
        let job = &mut self.jobs[at];
        let described = job.xml();
        let next = self.stages.get(job.stage).copied();
        if job.is_over() || job.status == "Suspended" {
            return Ok(described);
        }
        match next {
            _ if job.status == "Preparing" && job.must_be_confirmed && !job.confirmed => {
                job.status = "Suspended"
            }
            Some(next) => {
                job.status = next;
                job.stage += 1;
            }
            None => {
                let mut job = job.clone();
                job.status = self.end;
                self.carry_out(&mut job);
                self.jobs[at] = job;
            }
        }
        Ok(described)
    }

    fn update(&mut self, id: &str, wanted: &str) -> Result<String, Refusal> {
        let at = self.place(id)?;
        let job = &mut self.jobs[at];
        if job.status != "Suspended" || wanted != "Ready" {
            let message = format!("job {id} is {}", job.status);
            return Err(Refusal(400, "JobStatusException", message));
        }
        job.confirmed = true;
        job.status = "Ready";
        Ok(format!("<JobId>{id}</JobId><Status>Ready</Status>"))
    }

    fn place(&self, id: &str) -> Result<usize, Refusal> {
        let found = self.jobs.iter().position(|job| job.id == id);
        found.ok_or_else(|| Refusal(404, "NotFoundException", format!("no job {id}")))
    }
}
