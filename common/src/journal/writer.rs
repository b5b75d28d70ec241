//! The thread that appends to a journal: whatever waits is written and synced together.

use std::fs::File;
use std::io::{self, Write as _};

use tokio::sync::{mpsc, oneshot};

/// Lines that wait for the same sync of the disk.
pub(super) const BATCH: usize = 1024;

/// One line, and who waits until it is on disk.
pub(super) struct Commit {
    pub(super) line: Vec<u8>,
    pub(super) synced: oneshot::Sender<io::Result<()>>,
}

/// Appends until every sender is gone. After a failure nothing more is written: what failed is taken off the file again,
/// so that it ends with the last whole line that was synced, and every later line fails alike.
pub(super) fn run(file: &mut File, mut commits: mpsc::Receiver<Commit>) {
    let mut batch = Vec::new();
    let mut failed = None;
    while commits.blocking_recv_many(&mut batch, BATCH) > 0 {
        let written = match &failed {
            None => append(file, &batch),
            Some(error) => Err(again(error)),
        };
        for commit in batch.drain(..) {
            // A task that was abandoned does not wait for the answer.
            let _ = commit.synced.send(written.as_ref().copied().map_err(again));
        }
        failed = failed.or(written.err());
    }
}

fn append(file: &mut File, batch: &[Commit]) -> io::Result<()> {
    let lines: Vec<u8> = batch.iter().flat_map(|commit| &commit.line).copied().collect();
    let before = file.metadata()?.len();
    file.write_all(&lines).and_then(|()| file.sync_data()).inspect_err(|_| {
        // If this fails too, the next run finds a torn line and cuts it.
        let _ = file.set_len(before);
    })
}

fn again(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}
