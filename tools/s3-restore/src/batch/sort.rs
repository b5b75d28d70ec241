//! Where a record goes: into a job, or apart because a job could not do what `s3-restore` itself does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ServerSideEncryption, ServerSideEncryptionByDefault, StorageClass};
use aws_sdk_s3control::types::S3StorageClass;
use common::Record;
use common::aws::Trouble;
use common::reject::{Failure, Reject};
use common::s3::{Action, Throttle};
use serde::Deserialize;

use crate::input::{Goal, Place, Task};
use crate::refuse;
use crate::restore::Restorer;
use crate::write::copy::LARGEST;
use crate::write::thaw::Archive;

/// Where one record goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sorted {
    /// Into the job of its bucket for this storage class.
    Job(Copy),
    /// Apart, for `s3-restore` without `--batch`.
    Apart(Apart),
    /// Nowhere: it asks for nothing.
    Nothing,
}

/// One row of a manifest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Copy {
    pub place: Place,
    pub version_id: String,
    pub class: StorageClass,
    pub bytes: u64,
}

/// Why a record is set apart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Apart {
    /// It is done by delete markers, which no job removes or adds.
    Markers,
    /// It is larger than a job copies.
    Large,
    /// It has to be thawed first.
    Archived,
    /// A job would lose its object lock, website redirect, encryption or storage class.
    Special,
}

impl Apart {
    /// For names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Markers => "markers",
            Self::Large => "large",
            Self::Archived => "archived",
            Self::Special => "special",
        }
    }

    /// For people, behind a number of records.
    pub fn why(self) -> &'static str {
        match self {
            Self::Markers => "are done by delete markers, which no job touches",
            Self::Large => "are over 5 GiB, which no job copies",
            Self::Archived => "are archived and must be thawed first",
            Self::Special => "have an object lock, redirect, encryption or class that a job would lose",
        }
    }
}

/// Sorts records. What it decides depends on the record and on its version alone, never on what is current: the same
/// input makes the same manifest while the first one's job is at work on the keys.
pub struct Sorter {
    pub restorer: Restorer,
    pub throttle: Throttle,
    /// Whether size and storage class are taken from the record where it has them.
    pub trust_records: bool,
    pub defaults: Defaults,
}

#[derive(Deserialize)]
struct Told {
    size: Option<u64>,
    storage_class: Option<String>,
    plan: Option<Planned>,
}

#[derive(Deserialize)]
struct Planned {
    action: Action,
}

impl Sorter {
    /// Where the record goes.
    ///
    /// # Errors
    /// Its reject, or what ends the run.
    pub async fn sort(&self, record: &Record, task: &Task) -> Result<Sorted, Failure> {
        let told: Told = record.view().map_err(Reject::bad_record)?;
        let undelete = told.plan.as_ref().is_some_and(|plan| plan.action == Action::Undelete);
        let id = match &task.goal {
            Goal::Unchanged => return Ok(Sorted::Nothing),
            Goal::Deleted => return Ok(Sorted::Apart(Apart::Markers)),
            Goal::Version(_) if undelete => return Ok(Sorted::Apart(Apart::Markers)),
            Goal::Version(id) => id,
        };
        let place = &task.source;
        if id.contains([',', '"', '\n', '\r']) {
            return Err(Reject::bad_record(format!("{place}: {id:?} is no version id")).into());
        }
        let _permit = tokio::select! {
            permit = self.throttle.permit() => permit,
            () = self.restorer.stop.cancelled() => return Err(refuse::interrupted(place)),
        };
        let bucket = self.restorer.buckets.get(&self.restorer.client, &place.bucket).await?;
        if !bucket.versioned {
            return Err(refuse::not_versioned(place));
        }
        if let (true, Some(bytes), Some(class)) = (self.trust_records, told.size, told.storage_class) {
            let class = StorageClass::from(class.as_str());
            return Ok(self.of_size(task, id, class, bytes));
        }
        let head = self.restorer.head(place, id).await?;
        let wanted = self.restorer.wanted(task, id, &head);
        let class = head.storage_class.clone().unwrap_or(StorageClass::Standard);
        let default = self.defaults.get(&self.restorer, &place.bucket).await?;
        if Archive::of(&head) != Archive::Readable {
            return Ok(Sorted::Apart(Apart::Archived));
        }
        if wanted.headers.are_more_than_metadata() || !default.gives(&head) {
            return Ok(Sorted::Apart(Apart::Special));
        }
        Ok(self.of_size(task, id, class, wanted.size()))
    }

    fn of_size(&self, task: &Task, id: &str, class: StorageClass, bytes: u64) -> Sorted {
        if bytes > LARGEST {
            return Sorted::Apart(Apart::Large);
        }
        // A thawed copy of an archived version can be read, and only HEAD tells of one.
        if self.trust_records && matches!(class, StorageClass::Glacier | StorageClass::DeepArchive) {
            return Sorted::Apart(Apart::Archived);
        }
        let class = self.restorer.options.storage_class.clone().unwrap_or(class);
        if S3StorageClass::try_parse(class.as_str()).is_err() {
            return Sorted::Apart(Apart::Special);
        }
        Sorted::Job(Copy { place: task.source.clone(), version_id: id.to_owned(), class, bytes })
    }
}

/// What a bucket encrypts with where a write does not ask for anything, which a job's copies do not.
///
/// A job can be told an encryption, but only in the element that replaces metadata (S3 Control API reference,
/// S3CopyObjectOperation: without NewObjectMetadata all metadata is copied).
#[derive(Debug, Eq, PartialEq)]
pub struct Encryption {
    algorithm: ServerSideEncryption,
    key_id: Option<String>,
}

impl Encryption {
    fn of(rule: Option<&ServerSideEncryptionByDefault>) -> Self {
        match rule {
            Some(rule) => {
                Self { algorithm: rule.sse_algorithm.clone(), key_id: rule.kms_master_key_id.clone() }
            }
            // Of every bucket (S3 user guide, "Setting default server-side encryption behavior").
            None => Self { algorithm: ServerSideEncryption::Aes256, key_id: None },
        }
    }

    /// Whether a copy is encrypted as its version was.
    fn gives(&self, head: &HeadObjectOutput) -> bool {
        let Some(algorithm) = &head.server_side_encryption else {
            return head.sse_customer_algorithm.is_none();
        };
        // The default may name its key by the last part of the ARN that HEAD tells.
        let same_key = |key: &String| {
            head.ssekms_key_id.as_ref().is_some_and(|of| of == key || of.rsplit('/').next() == Some(key))
        };
        *algorithm == self.algorithm
            && (*algorithm == ServerSideEncryption::Aes256 || self.key_id.as_ref().is_some_and(same_key))
    }
}

/// The defaults of the buckets that records have named.
#[derive(Default)]
pub struct Defaults(Mutex<HashMap<String, Arc<Encryption>>>);

impl Defaults {
    /// What is known of a bucket. Two that ask for it at once both ask the store.
    async fn get(&self, restorer: &Restorer, bucket: &str) -> Result<Arc<Encryption>, Failure> {
        let known = self.known().get(bucket).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let asked = restorer.client.get_bucket_encryption().bucket(bucket).send().await;
        let default = match asked {
            Ok(answer) => {
                let rules = answer.server_side_encryption_configuration.map(|rules| rules.rules);
                let rule = rules.as_ref().and_then(|rules| rules.first());
                Encryption::of(rule.and_then(|rule| rule.apply_server_side_encryption_by_default.as_ref()))
            }
            Err(err) => {
                let trouble = Trouble::new(&format!("GetBucketEncryption s3://{bucket}"), &err);
                if trouble.is_fatal() {
                    return Err(refuse::trouble(trouble));
                }
                if trouble.code != "ServerSideEncryptionConfigurationNotFoundError" {
                    tracing::warn!("{}: taken for SSE-S3, and other versions are set apart", trouble.message);
                }
                Encryption::of(None)
            }
        };
        let default = Arc::new(default);
        self.known().insert(bucket.to_owned(), Arc::clone(&default));
        Ok(default)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Encryption>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
