//! Files that a run reads or writes, so that none is two things at once: rejects that are read as input grow for ever, and
//! a journal that messages are written into is one no more.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::run::Usage;

/// A file that has a use.
struct Claim {
    purpose: &'static str,
    /// By device and inode.
    id: (u64, u64),
    /// As long as it is open, no other file gets its inode.
    _open: Option<File>,
}

/// Of the whole process: files are opened in many places.
static CLAIMED: Mutex<Vec<Claim>> = Mutex::new(Vec::new());

/// Claims a file for one use, such as `--journal`.
///
/// # Errors
/// [`Usage`] where it is a regular file that the run has for another use already, a standard stream among them.
pub fn claim(path: &Path, file: &File, purpose: &'static str) -> Result<(), Usage> {
    let Some(id) = file.metadata().ok().as_ref().and_then(identity) else { return Ok(()) };
    let streams = [("stdin", of(io::stdin())), ("stdout", of(io::stdout())), ("stderr", of(io::stderr()))];
    let streams = streams.into_iter().filter_map(|(name, id)| Some((name, id?)));
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut uses = claimed.iter().map(|claim| (claim.purpose, claim.id)).chain(streams);
    if let Some((other, _)) = uses.find(|(other, found)| *found == id && *other != purpose) {
        let path = path.display();
        return Err(Usage::Wrong(format!("{purpose} {path} is also {other} of this run: give another file")));
    }
    drop(uses);
    if claimed.iter().all(|claim| claim.id != id) {
        claimed.push(Claim { purpose, id, _open: File::open(path).ok() });
    }
    Ok(())
}

fn of(stream: impl AsFd) -> Option<(u64, u64)> {
    let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    identity(&file.metadata().ok()?)
}

/// Device and inode of a regular file: several uses of a terminal or /dev/null do no harm.
fn identity(found: &Metadata) -> Option<(u64, u64)> {
    found.is_file().then(|| (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = File::create(&path).unwrap();
        claim(&path, &file, "--journal").unwrap();
        claim(&path, &file, "--journal").unwrap();
        let error = claim(&path, &file, "--rejects").unwrap_err().to_string();
        assert!(error.contains("is also --journal of this run"), "{error}");
        let null = File::open("/dev/null").unwrap();
        claim(Path::new("/dev/null"), &null, "--journal").unwrap();
        claim(Path::new("/dev/null"), &null, "--rejects").unwrap();
    }
}
