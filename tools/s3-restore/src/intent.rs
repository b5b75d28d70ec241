//! What is written down before a key is changed, so that the next run knows what was there.

use std::sync::{Mutex, PoisonError};

use common::Record;
use common::journal::{Id, Journal};
use common::reject::Failure;
use serde::{Deserialize, Serialize};

use crate::input::{Place, Task};
use crate::output::Done;

/// What is about to be done, as a line of the journal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Intent {
    /// Where; for people who read the file.
    bucket: String,
    key: String,
    /// The outcome as it will be, but for what only the answer tells.
    #[serde(rename = "restore")]
    pub planned: Done,
    /// The multipart upload in which the copy is made: a run that dies leaves it behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
}

/// What is read of a result.
#[derive(Deserialize)]
pub struct Logged {
    pub restore: Done,
}

/// Reads a line that an earlier run wrote: an [`Intent`], or the [`Logged`] record of a result.
///
/// # Errors
/// When it is not what this release writes.
pub fn logged<T: serde::de::DeserializeOwned>(line: &Record) -> anyhow::Result<T> {
    line.view()
        .map_err(|err| anyhow::anyhow!("a line of the journal cannot be read: {err}: give another file"))
}

/// Where the intents of one record go.
pub struct Ledger<'a> {
    journal: Option<&'a Journal>,
    id: Id,
    target: &'a Place,
    /// The delete markers that an earlier run has removed for this record, newest first.
    removed: Vec<String>,
    last: Mutex<Option<Intent>>,
}

impl<'a> Ledger<'a> {
    /// That of a record, of which an earlier run has removed these delete markers. Without a journal nothing is kept.
    pub fn new(journal: Option<&'a Journal>, task: &'a Task, removed: Vec<String>) -> Self {
        Self { journal, id: task.id(), target: &task.target, removed, last: Mutex::default() }
    }

    /// Writes down what is about to be done; it is on disk when this returns.
    ///
    /// # Errors
    /// Fatal when it cannot be written: nothing may be changed then.
    pub async fn intend(&self, planned: &Done) -> Result<(), Failure> {
        self.put(planned, None).await
    }

    /// The same of a copy that is made in this upload.
    ///
    /// # Errors
    /// As [`Ledger::intend`].
    pub async fn intend_upload(&self, planned: &Done, id: &str) -> Result<(), Failure> {
        self.put(planned, Some(id.to_owned())).await
    }

    /// An outcome with the delete markers that an earlier run removed: an undo wants all of them.
    pub fn whole(&self, mut done: Done) -> Done {
        done.removed_markers.extend(self.removed.iter().cloned());
        done
    }

    async fn put(&self, planned: &Done, upload_id: Option<String>) -> Result<(), Failure> {
        let Some(journal) = self.journal else { return Ok(()) };
        let Place { bucket, key } = self.target.clone();
        let intent = Intent { bucket, key, planned: self.whole(planned.clone()), upload_id };
        if self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&intent) {
            return Ok(());
        }
        journal.intend(self.id, &Record::from_value(&intent)?).await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(intent);
        Ok(())
    }
}
