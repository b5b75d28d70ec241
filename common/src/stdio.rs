//! stdin and stdout that can be let go of: a read that waits can be ended, a dead reader is seen at once.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
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
        let mut fds = [PollFd::new(&self.stdin, PollFlags::IN), PollFd::new(&self.wake, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
        if !fds[1].revents().is_empty() {
            return Err(io::Error::other("stopped"));
        }
        rustix::io::retry_on_intr(|| rustix::io::read(&self.stdin, &mut *buf)).map_err(Into::into)
    }
}

/// Watches stdout from a thread of its own and cancels `dead` when nobody can read it any more.
pub(crate) struct StdoutWatch {
    wake: Option<Wake>,
    thread: Option<JoinHandle<()>>,
}

impl StdoutWatch {
    pub(crate) fn start(dead: CancellationToken) -> io::Result<Self> {
        let (wake, waker) = io::pipe()?;
        let thread = std::thread::Builder::new().name("stdout-watch".into()).spawn(move || {
            let stdout = io::stdout();
            // No event is asked for: a pipe or socket without a reader reports an error unasked.
            let mut fds = [PollFd::new(&stdout, PollFlags::empty()), PollFd::new(&wake, PollFlags::IN)];
            if rustix::io::retry_on_intr(|| poll(&mut fds, None)).is_ok()
                && fds[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
            {
                dead.cancel();
            }
        })?;
        Ok(Self { wake: Some(waker), thread: Some(thread) })
    }
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
