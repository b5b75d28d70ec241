//! What is written down before a key is changed, so that the next run knows what was there.

use std::sync::{Mutex, PoisonError};

use common::Record;
use common::journal::{Id, Journal};
use common::reject::Failure;
use serde::{Deserialize, Serialize};

use crate::output::Done;

/// What is about to be done, as the field `restore` of a line in the journal.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Intent {
    /// The outcome as it will be, but for what only the answer tells.
    #[serde(flatten)]
    pub planned: Done,
    /// The multipart upload in which the copy is made: a run that dies leaves it behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_id: Option<String>,
}

#[derive(Deserialize)]
struct Logged<T> {
    restore: T,
}

/// Reads the field `restore` of a line that an earlier run wrote.
///
/// # Errors
/// When it is not what this release writes.
pub fn logged<T: serde::de::DeserializeOwned>(line: &Record) -> anyhow::Result<T> {
    let Logged { restore } = line
        .view()
        .map_err(|err| anyhow::anyhow!("a line of the journal cannot be read: {err}: give another file"))?;
    Ok(restore)
}

/// Where the intents of one record go.
pub struct Ledger<'a> {
    journal: Option<&'a Journal>,
    id: Id,
    record: &'a Record,
    /// The delete markers that an earlier run has removed for this record, newest first.
    removed: Vec<String>,
    last: Mutex<Option<Intent>>,
}

impl<'a> Ledger<'a> {
    /// That of a record, of which an earlier run has removed these delete markers. Without a journal nothing is kept.
    pub fn new(journal: Option<&'a Journal>, id: Id, record: &'a Record, removed: Vec<String>) -> Self {
        Self { journal, id, record, removed, last: Mutex::default() }
    }

    /// Writes down what is about to be done; it is on disk when this returns.
    ///
    /// # Errors
    /// Fatal when it cannot be written: nothing may be changed then.
    pub async fn intend(&self, planned: &Done) -> Result<(), Failure> {
        self.put(Intent { planned: self.whole(planned.clone()), upload_id: None }).await
    }

    /// The same of a copy that is made in this upload.
    ///
    /// # Errors
    /// As [`Ledger::intend`].
    pub async fn intend_upload(&self, planned: &Done, id: &str) -> Result<(), Failure> {
        self.put(Intent { planned: self.whole(planned.clone()), upload_id: Some(id.to_owned()) }).await
    }

    /// An outcome with the delete markers that an earlier run removed: an undo wants all of them.
    pub fn whole(&self, mut done: Done) -> Done {
        done.removed_markers.extend(self.removed.iter().cloned());
        done
    }

    async fn put(&self, intent: Intent) -> Result<(), Failure> {
        let Some(journal) = self.journal else { return Ok(()) };
        if self.last.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&intent) {
            return Ok(());
        }
        journal.intend(self.id, &self.record.with("restore", &intent)?).await?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(intent);
        Ok(())
    }
}
