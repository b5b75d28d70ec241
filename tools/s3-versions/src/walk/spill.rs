//! What waits for its turn to be written, in a file that has no name and is gone with the process.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

/// A file that only grows, made when it is first needed.
#[derive(Clone)]
pub struct Spill(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    file: Mutex<Option<Arc<File>>>,
    length: AtomicU64,
}

/// Where in the file something lies.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    offset: u64,
    length: usize,
}

impl Spill {
    /// A file in this folder.
    pub fn new(folder: PathBuf) -> Self {
        Self(Arc::new(Shared { folder, file: Mutex::default(), length: AtomicU64::new(0) }))
    }

    /// Keeps bytes.
    ///
    /// # Errors
    /// When the file cannot be made or the disk is full.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<Extent> {
        let shared = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let file = shared.file()?;
            let offset = shared.length.fetch_add(bytes.len() as u64, Relaxed);
            file.write_all_at(&bytes, offset)
                .with_context(|| format!("cannot write to {}: see --tmpdir", shared.folder.display()))?;
            Ok(Extent { offset, length: bytes.len() })
        })
        .await?
    }

    /// The bytes that were kept there.
    ///
    /// # Errors
    /// When they cannot be read back.
    pub async fn read(&self, extent: Extent) -> Result<Vec<u8>> {
        let shared = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; extent.length];
            shared
                .file()?
                .read_exact_at(&mut bytes, extent.offset)
                .with_context(|| format!("cannot read from {}", shared.folder.display()))?;
            Ok(bytes)
        })
        .await?
    }
}

impl Shared {
    fn file(&self) -> Result<Arc<File>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        let made = tempfile::tempfile_in(&self.folder)
            .with_context(|| format!("cannot make a file in {}: see --tmpdir", self.folder.display()))?;
        Ok(Arc::clone(file.insert(Arc::new(made))))
    }
}
