//! stdin and stdout that can be let go of: a read that waits can be ended, a dead reader is seen at once.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::Errno;
use tokio_util::sync::CancellationToken;

/// Ends the wait of the other side when it is dropped.
pub(crate) type Wake = PipeWriter;

/// stdin whose reads end with an error once its [`Wake`] is dropped, so that its thread can be joined.
pub(crate) struct Stdin {
    stdin: io::Stdin,
    wake: PipeReader,
}

impl Stdin {
    pub(crate) fn new() -> io::Result<(Self, Wake)> {
        let (wake, waker) = io::pipe()?;
        Ok((Self { stdin: io::stdin(), wake }, waker))
    }
}

impl Read for Stdin {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut fds = [PollFd::new(&self.stdin, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
            rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
            if !fds[1].revents().is_empty() {
                return Err(io::Error::other("stopped"));
            }
            match rustix::io::read(&self.stdin, &mut *buf) {
                // Who shares a non-blocking stdin may have been quicker.
                Err(Errno::INTR | Errno::AGAIN) => {}
                read => return read.map_err(Into::into),
            }
        }
    }
}

/// Whether a stream was closed when the run began. Rust opens /dev/null for reading and writing in its place; a shell's
/// `> /dev/null` is open for writing alone.
pub(crate) fn was_closed(stream: impl AsFd) -> bool {
    /// Linux's number of /dev/null (null(4)): major 1, minor 3.
    const NULL: u64 = 0x103;
    let is_null = stream.as_fd().try_clone_to_owned().and_then(|fd| File::from(fd).metadata());
    let is_null = is_null.is_ok_and(|found| found.file_type().is_char_device() && found.rdev() == NULL);
    is_null && fcntl_getfl(stream).is_ok_and(|flags| flags.contains(OFlags::RDWR))
}

/// A stream written to as it is, without a lock or buffer of std's; one that is non-blocking is waited for.
pub(crate) struct Raw<F>(pub(crate) F);

impl<F: AsFd> Write for Raw<F> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.0, buf) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let mut fds = [PollFd::new(&self.0, PollFlags::OUT)];
                    rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
                }
                written => return written.map_err(Into::into),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cancels `dead` when nobody can read stdout any more: at once where that is so already, and from then on by a thread.
pub(crate) struct StdoutWatch {
    wake: Option<Wake>,
    thread: Option<JoinHandle<()>>,
}

impl StdoutWatch {
    pub(crate) fn start(dead: CancellationToken) -> io::Result<Self> {
        let (wake, waker) = io::pipe()?;
        // A thread may begin late, and a run must not change anything before it knows.
        if has_no_reader(&wake, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            dead.cancel();
        }
        let thread = std::thread::Builder::new().name("stdout-watch".into()).spawn(move || {
            if has_no_reader(&wake, None) {
                dead.cancel();
            }
        })?;
        Ok(Self { wake: Some(waker), thread: Some(thread) })
    }
}

/// Waits until nobody reads stdout, the wake is dropped or the time is over, and says whether it is the first.
fn has_no_reader(wake: &PipeReader, time: Option<&Timespec>) -> bool {
    let stdout = io::stdout();
    // No event is asked for: a pipe or socket without a reader reports an error unasked.
    let mut fds = [PollFd::new(&stdout, PollFlags::empty()), PollFd::new(wake, PollFlags::IN)];
    rustix::io::retry_on_intr(|| poll(&mut fds, time)).is_ok()
        && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
}

impl Drop for StdoutWatch {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic: it polls and sets a flag.
            let _ = thread.join();
        }
    }
}
