//! stdout for records: a bounded queue and a thread, whole lines, and none lost of a run that changes things.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::run::ClosedStdout;
use crate::stdio::{Raw, StdoutWatch};
use crate::writes::{self, OpenWrite};

/// Chunks of lines that wait to be written.
const QUEUE: usize = 64;
/// Bytes that are written together.
const BUFFER: usize = 1 << 16;

/// stdout: a thread that writes whole chunks and flushes whenever nothing is waiting.
pub struct Out {
    lines: Lines,
    thread: JoinHandle<io::Result<()>>,
    _watch: StdoutWatch,
}

/// Whole lines, and who waits until the system has them.
struct Chunk {
    lines: Vec<u8>,
    written: Option<oneshot::Sender<()>>,
    open: Option<OpenWrite>,
}

/// A way to stdout that a task can own.
#[derive(Clone)]
pub struct Lines {
    queue: mpsc::Sender<Chunk>,
    dead: CancellationToken,
    refused: Arc<AtomicBool>,
    /// Records that stdout did not take, and stderr has.
    lost: Arc<AtomicU64>,
}

impl Lines {
    /// Queues whole lines; waits while the reader is slower. What is not taken is handed back.
    ///
    /// # Errors
    /// The lines themselves, when stdout is dead.
    pub async fn send(&self, lines: Vec<u8>) -> Result<(), Vec<u8>> {
        let chunk = Chunk { lines, written: None, open: writes::begin_record() };
        let sent =
            if self.is_closed() { Err(chunk) } else { self.queue.send(chunk).await.map_err(|back| back.0) };
        sent.map_err(|chunk| {
            self.refused.store(true, Relaxed);
            self.lost.fetch_add(count(&chunk.lines), Relaxed);
            chunk.lines
        })
    }

    /// Writes whole lines; returns when the system has taken them all.
    ///
    /// # Errors
    /// When stdout is dead: [`Out::finish`] knows why.
    pub async fn write(&self, lines: Vec<u8>) -> Result<()> {
        let (written, done) = oneshot::channel();
        let chunk = Chunk { lines, written: Some(written), open: writes::begin_record() };
        let queued = !self.is_closed() && self.queue.send(chunk).await.is_ok();
        if queued && done.await.is_ok() {
            return Ok(());
        }
        self.refused.store(true, Relaxed);
        Err(ClosedStdout.into())
    }

    /// Resolves when nobody reads stdout any more.
    pub async fn closed(&self) {
        self.dead.cancelled().await;
    }

    /// Resolves when nothing more is to be started: `stop` was cancelled, or nobody reads stdout any more.
    pub async fn halted(&self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.closed() => {}
        }
    }

    /// Whether nobody reads stdout any more.
    pub fn is_closed(&self) -> bool {
        self.dead.is_cancelled()
    }
}

impl Out {
    /// Starts the writer.
    ///
    /// # Errors
    /// When the system has no thread or pipe left.
    pub fn start() -> Result<Self> {
        let (queue, chunks) = mpsc::channel(QUEUE);
        let dead = CancellationToken::new();
        let lost = Arc::new(AtomicU64::new(0));
        let thread = std::thread::Builder::new()
            .name("stdout".into())
            .spawn({
                let (dead, lost) = (dead.clone(), Arc::clone(&lost));
                move || write_all(chunks, &dead, |lines| salvage(lines, &lost))
            })
            .context("cannot start the thread that writes stdout")?;
        let watch = StdoutWatch::start(dead.clone()).context("cannot watch stdout")?;
        let lines = Lines { queue, dead, refused: Arc::default(), lost };
        Ok(Self { lines, thread, _watch: watch })
    }

    /// The way to stdout, to be cloned for tasks.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Ends the writing after a run, with the run's own error before that of the writing. Where a run noticed only that
    /// stdout was closed, the writing knows better why: a full disk closes it too.
    ///
    /// # Errors
    /// That of the run, or of [`Out::finish`].
    pub async fn end(self, result: Result<()>) -> Result<()> {
        match (result, self.finish().await) {
            (Err(error), Err(written)) if error.is::<ClosedStdout>() => Err(written),
            (result, written) => result.and(written),
        }
    }

    /// Writes what is queued and says how the writing went. Every clone of [`Out::lines`] must be gone by then.
    ///
    /// # Errors
    /// [`ClosedStdout`] when the reader left before it had all; any other write error as it is.
    pub async fn finish(self) -> Result<()> {
        let Self { lines: Lines { queue, refused, lost, .. }, thread, _watch } = self;
        drop(queue);
        let ended = tokio::task::spawn_blocking(move || thread.join()).await?;
        let lost = lost.load(Relaxed);
        if lost > 0 && writes::records_matter() {
            tracing::error!(
                "stdout took no more: {lost} records are above on stderr, and not whole in the output"
            );
        }
        match ended {
            Ok(Ok(())) if refused.load(Relaxed) => Err(ClosedStdout.into()),
            Ok(Ok(())) => Ok(()),
            Ok(Err(err)) if err.kind() == io::ErrorKind::BrokenPipe => Err(ClosedStdout.into()),
            Ok(Err(err)) => Err(anyhow!(err).context("cannot write to stdout")),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// Writes to stderr what stdout did not take, where that is the only word of a change.
fn salvage(lines: &[u8], lost: &AtomicU64) {
    if writes::records_matter() && !lines.is_empty() {
        lost.fetch_add(count(lines), Relaxed);
        // With stderr gone too there is nobody to report to.
        let _ = Raw(&io::stderr().lock()).write_all(lines);
    }
}

/// Lines that stdout has not taken yet.
struct Pending {
    stdout: Raw<io::Stdout>,
    lines: Vec<u8>,
    /// How much of them it has.
    written: usize,
}

impl Pending {
    fn flush(&mut self) -> io::Result<()> {
        while self.written < self.lines.len() {
            match self.stdout.write(&self.lines[self.written..])? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.written += n,
            }
        }
        self.lines.clear();
        self.written = 0;
        Ok(())
    }

    /// The lines that it does not have as a whole.
    fn rest(&self) -> &[u8] {
        let torn =
            self.lines[..self.written].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        &self.lines[torn..]
    }
}

/// Writes chunks until no sender is left. What stdout does not take is handed to `salvage`, whole lines each time.
fn write_all(
    mut chunks: mpsc::Receiver<Chunk>,
    dead: &CancellationToken,
    salvage: impl Fn(&[u8]),
) -> io::Result<()> {
    let mut pending =
        Pending { stdout: Raw(io::stdout()), lines: Vec::with_capacity(2 * BUFFER), written: 0 };
    let written = write_chunks(&mut chunks, &mut pending);
    if written.is_err() {
        dead.cancel();
        salvage(pending.rest());
        while let Some(chunk) = chunks.blocking_recv() {
            // Only tools that read wait for the answer: their records can be listed again.
            if chunk.written.is_none() {
                salvage(&chunk.lines);
            }
        }
    }
    written
}

fn write_chunks(chunks: &mut mpsc::Receiver<Chunk>, pending: &mut Pending) -> io::Result<()> {
    // As long as one of them is on its way.
    let mut open = None;
    loop {
        let chunk = match chunks.try_recv() {
            Ok(chunk) => Some(chunk),
            Err(_) => {
                pending.flush()?;
                drop(open.take());
                chunks.blocking_recv()
            }
        };
        let Some(chunk) = chunk else { return pending.flush() };
        open = chunk.open.or(open);
        pending.lines.extend_from_slice(&chunk.lines);
        if chunk.written.is_some() || pending.lines.len() > BUFFER {
            pending.flush()?;
        }
        if let Some(written) = chunk.written {
            // Who was abandoned does not wait for the answer.
            let _ = written.send(());
        }
    }
}
