//! Requests that may change something and whose answer is not there yet. A signal lets go of everything else at once; for
//! these it waits, since what they did must be recorded.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::Notify;

/// How long nothing may be open before the run lets go: whoever got an answer has this time to write down what it was, or
/// to send the request that belongs to it.
pub(crate) const SETTLED: Duration = Duration::from_secs(1);

/// Of the whole process: requests are sent far below those who know the run.
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// Whether a record on its way to stdout is the only word of a change.
static RECORDS_CHANGES: AtomicBool = AtomicBool::new(false);
static CHANGED: Notify = Notify::const_new();

/// Something whose fate is open until this is dropped.
#[derive(Debug)]
pub struct OpenWrite(());

/// Marks what follows as a write whose fate is open.
pub fn begin() -> OpenWrite {
    OPEN.fetch_add(1, SeqCst);
    CHANGED.notify_one();
    OpenWrite(())
}

/// Says that the run changes things, so that its records must not get lost.
pub(crate) fn record_changes() {
    RECORDS_CHANGES.store(true, SeqCst);
}

/// Whether a record may be the only word of a change.
pub(crate) fn records_matter() -> bool {
    RECORDS_CHANGES.load(SeqCst)
}

/// Marks a record that is on its way to stdout, where that matters.
pub(crate) fn begin_record() -> Option<OpenWrite> {
    records_matter().then(begin)
}

impl Drop for OpenWrite {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, SeqCst);
        CHANGED.notify_one();
    }
}

/// Resolves once nothing has been open for [`SETTLED`].
pub(crate) async fn settled() {
    loop {
        let changed = CHANGED.notified();
        if OPEN.load(SeqCst) > 0 {
            changed.await;
        } else if tokio::time::timeout(SETTLED, changed).await.is_err() && OPEN.load(SeqCst) == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_open_write_is_waited_for_and_then_a_moment_more() {
        let write = begin();
        let mut waiting = tokio::spawn(settled());
        assert!(tokio::time::timeout(2 * SETTLED, &mut waiting).await.is_err());
        let ended = std::time::Instant::now();
        drop(write);
        waiting.await.unwrap();
        assert!(ended.elapsed() >= SETTLED);
    }
}
