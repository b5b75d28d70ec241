//! What is known of each bucket: whether it keeps versions, and which guards its store has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Once, PoisonError};

use aws_sdk_s3::Client;
use common::reject::{Failure, Reject};
use common::s3::{Versioning, versioning};
use tokio::sync::OnceCell;

use crate::refuse;

/// Buckets that are remembered; one that was forgotten is asked for again.
const MOST: usize = 1024;

/// A bucket that exists.
#[derive(Debug)]
pub struct Bucket {
    /// Whether every write makes a new version.
    pub versioned: bool,
    unguarded: AtomicBool,
}

impl Bucket {
    /// Whether the store checks If-Match and If-None-Match on writes, as far as it is known.
    pub fn is_guarded(&self) -> bool {
        !self.unguarded.load(Relaxed)
    }

    /// Remembers that it does not, and says so once.
    pub fn has_no_guard(&self) {
        static SAID: Once = Once::new();
        self.unguarded.store(true, Relaxed);
        SAID.call_once(|| {
            tracing::warn!(
                "the store has no conditional writes: a write in the moment between the look and the restore is not seen"
            );
        });
    }
}

type Cell = Arc<OnceCell<Result<Arc<Bucket>, Reject>>>;

/// The buckets that records have named.
#[derive(Default)]
pub struct Buckets(Mutex<HashMap<String, Cell>>);

impl Buckets {
    /// What is known of a bucket; the first to ask for it asks the store.
    ///
    /// # Errors
    /// A reject when it does not exist, fatal when the store cannot be reached or does not know who asks.
    pub async fn get(&self, client: &Client, name: &str) -> Result<Arc<Bucket>, Failure> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(name) {
                Some(cell) => Arc::clone(cell),
                None => {
                    if known.len() >= MOST {
                        known.clear();
                    }
                    Arc::clone(known.entry(name.to_owned()).or_default())
                }
            }
        };
        let ask = || async {
            match ask(client, name).await {
                Ok(bucket) => Ok(Ok(Arc::new(bucket))),
                Err(Failure::Reject(reject)) => Ok(Err(reject)),
                Err(Failure::Fatal(error)) => Err(error),
            }
        };
        match cell.get_or_try_init(ask).await? {
            Ok(bucket) => Ok(Arc::clone(bucket)),
            Err(reject) => Err(reject.clone().into()),
        }
    }
}

async fn ask(client: &Client, name: &str) -> Result<Bucket, Failure> {
    let danger = "a key is written to only if no null version of it would be destroyed";
    let versioned = match versioning(client, name).await.map_err(refuse::trouble)? {
        Versioning::Enabled => true,
        Versioning::Suspended | Versioning::Never => {
            tracing::warn!("versioning of s3://{name} is not enabled: {danger}");
            false
        }
        Versioning::Unknown(why) => {
            tracing::warn!("whether versioning of s3://{name} is enabled is not known ({why}): {danger}");
            false
        }
    };
    Ok(Bucket { versioned, unguarded: AtomicBool::new(false) })
}
