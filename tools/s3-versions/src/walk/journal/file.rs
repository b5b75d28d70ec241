//! The file behind stdout.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use anyhow::{Context, Result};
use common::Usage;

use super::line::Place;

/// stdout, by a name under which it can be opened again.
const STDOUT: &str = "/proc/self/fd/1";

/// The regular file to which records go, locked for this run.
pub struct Target {
    place: Place,
    stdout: File,
    /// Opened by this process alone: it can be read, and its lock ends with the process, also where a shell keeps stdout.
    own: File,
}

impl Target {
    /// Looks at stdout and locks its file.
    ///
    /// # Errors
    /// [`Usage`] when it is no regular file, cannot be read, or another listing with a journal writes to it.
    pub fn open() -> Result<Self> {
        let wrong = |message: String| Usage::Wrong(message);
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned().context("cannot look at stdout")?);
        let found = stdout.metadata().context("cannot look at stdout")?;
        if !found.is_file() {
            return Err(wrong(
                "--journal needs a regular file as stdout, since what is in a pipe may never reach the next stage: append to \
                 a file with >> FILE, and feed FILE to the next stage once the listing is complete"
                    .into(),
            )
            .into());
        }
        let path = fs::read_link(STDOUT).context("cannot find the file behind stdout")?.display().to_string();
        let own = OpenOptions::new()
            .read(true)
            .append(true)
            .open(STDOUT)
            .map_err(|err| wrong(format!("cannot open {path}, which is stdout, to read it: {err}")))?;
        match own.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(wrong(format!(
                    "another listing with a journal is writing to {path}: wait for it, or give another file"
                ))
                .into());
            }
            Err(TryLockError::Error(err)) => return Err(err).with_context(|| format!("cannot lock {path}")),
        }
        let place = Place { path, device: found.dev(), inode: found.ino() };
        Ok(Self { place, stdout, own })
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn path(&self) -> &str {
        &self.place.path
    }

    /// How many bytes it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn length(&self) -> Result<u64> {
        let found = self.own.metadata().with_context(|| format!("cannot look at {}", self.place.path))?;
        Ok(found.len())
    }

    /// To read it.
    pub fn own(&self) -> &File {
        &self.own
    }

    /// Whether what is appended begins on a line of its own.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn ends_whole(&self) -> Result<bool> {
        let mut last = [b'\n'];
        if let Some(at) = self.length()?.checked_sub(1) {
            let read = self.own.read_exact_at(&mut last, at);
            read.with_context(|| format!("cannot read {}", self.place.path))?;
        }
        Ok(last == [b'\n'])
    }

    /// Cuts it to this length, and goes on at its end however it was opened.
    ///
    /// # Errors
    /// When it cannot be cut.
    pub fn go_on_at(&self, length: u64) -> Result<()> {
        let failed = || format!("cannot cut what is not whole from {}", self.place.path);
        if self.length()? > length {
            self.own.set_len(length).with_context(failed)?;
            self.own.sync_data().with_context(failed)?;
        }
        (&self.stdout).seek(SeekFrom::End(0)).with_context(failed)?;
        Ok(())
    }

    /// Waits until what was written is on disk.
    ///
    /// # Errors
    /// When it is not.
    pub async fn sync(&self) -> Result<()> {
        let own = self.own.try_clone().context("cannot open stdout twice")?;
        let synced = tokio::task::spawn_blocking(move || own.sync_data()).await?;
        synced.with_context(|| format!("cannot write {} to disk", self.place.path))
    }

    /// Whether records that lie in this file are here. The number of a device may be another after a restart.
    pub fn is(&self, other: &Place) -> bool {
        let Place { path, device, inode } = &self.place;
        *inode == other.inode && (*device == other.device || *path == other.path)
    }
}

impl Place {
    /// Whether the file is still where it was.
    pub fn is_there(&self) -> bool {
        let found = fs::metadata(Path::new(&self.path));
        found.is_ok_and(|found| found.is_file() && found.ino() == self.inode)
    }
}
