//! How records move through a tool: stdin thread, bounded queue, tasks, bounded queue, stdout thread.

use std::io::{self, BufRead, BufReader, IsTerminal as _, Write};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::input::Item;
use crate::record::Record;
use crate::reject::{Failure, Rejects};
use crate::run::{ClosedStdout, Ctx, Usage};
use crate::stdio::{Stdin, StdoutWatch, Wake};

/// Lines or chunks of lines that wait between two stages.
const QUEUE: usize = 64;

/// stdin as the source of records.
///
/// # Errors
/// [`Usage`] when stdin is a terminal: nobody types records.
pub fn stdin() -> Result<(impl BufRead + Send + 'static, Stop)> {
    if io::stdin().is_terminal() {
        return Err(Usage::NoInput.into());
    }
    let (stdin, wake) = Stdin::new().context("cannot read stdin")?;
    Ok((BufReader::with_capacity(1 << 16, stdin), Stop { _wake: Some(wake) }))
}

/// Ends the reading of a source that waits for input. A file needs none.
#[derive(Default)]
pub struct Stop {
    _wake: Option<Wake>,
}

/// stdout: a thread that writes whole chunks and flushes whenever nothing is waiting.
pub struct Out {
    queue: Option<mpsc::Sender<Vec<u8>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    dead: CancellationToken,
    refused: AtomicBool,
    _watch: StdoutWatch,
}

impl Out {
    /// Starts the writer.
    ///
    /// # Errors
    /// When the system has no thread or pipe left.
    pub fn start() -> Result<Self> {
        let (queue, chunks) = mpsc::channel(QUEUE);
        let dead = CancellationToken::new();
        let thread = std::thread::Builder::new()
            .name("stdout".into())
            .spawn({
                let dead = dead.clone();
                move || write_all(chunks).inspect_err(|_| dead.cancel())
            })
            .context("cannot start the thread that writes stdout")?;
        let watch = StdoutWatch::start(dead.clone()).context("cannot watch stdout")?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            dead,
            refused: AtomicBool::new(false),
            _watch: watch,
        })
    }

    /// Queues whole lines; waits while the reader is slower. What is not taken is handed back.
    ///
    /// # Errors
    /// The lines themselves, when stdout is dead.
    pub async fn send(&self, lines: Vec<u8>) -> Result<(), Vec<u8>> {
        let sent = match &self.queue {
            Some(queue) if !self.dead.is_cancelled() => queue.send(lines).await.map_err(|back| back.0),
            _ => Err(lines),
        };
        sent.inspect_err(|_| self.refused.store(true, Relaxed))
    }

    /// Resolves when nobody reads stdout any more.
    pub async fn closed(&self) {
        self.dead.cancelled().await;
    }

    /// Writes what is queued and says how the writing went.
    ///
    /// # Errors
    /// [`ClosedStdout`] when the reader left before it had all; any other write error as it is.
    pub async fn finish(mut self) -> Result<()> {
        drop(self.queue.take());
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        let written = tokio::task::spawn_blocking(move || thread.join()).await?;
        match written {
            Ok(Ok(())) if self.refused.load(Relaxed) => Err(ClosedStdout.into()),
            Ok(Ok(())) => Ok(()),
            Ok(Err(err)) if err.kind() == io::ErrorKind::BrokenPipe => Err(ClosedStdout.into()),
            Ok(Err(err)) => Err(anyhow!(err).context("cannot write to stdout")),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

fn write_all(mut chunks: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    // std's own stdout would flush at every line end.
    let mut stdout = io::BufWriter::with_capacity(1 << 16, RawStdout);
    loop {
        let chunk = match chunks.try_recv() {
            Ok(chunk) => Some(chunk),
            Err(_) => {
                stdout.flush()?;
                chunks.blocking_recv()
            }
        };
        match chunk {
            Some(chunk) => stdout.write_all(&chunk)?,
            None => return stdout.flush(),
        }
    }
}

struct RawStdout;

impl Write for RawStdout {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::io::write(io::stdout(), buf))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Works on each record of a source, at most `concurrency` at once; results leave as they are done.
///
/// `work` returns the record to write, or a [`Failure`]: a reject is written to `rejects` with its input,
/// a fatal one ends the run after the work in flight is finished. The same holds when a signal comes or
/// stdout dies: no more input is taken, what is in flight is finished, and results that stdout no
/// longer takes are written to stderr.
///
/// # Errors
/// The first fatal failure, an unreadable source, or a dead stdout.
pub async fn each<S, W, F>(
    ctx: &Ctx,
    (source, stop): (S, Stop),
    concurrency: NonZeroUsize,
    rejects: &Rejects,
    work: W,
) -> Result<()>
where
    S: Iterator<Item = io::Result<Item>> + Send + 'static,
    W: Fn(Record) -> F,
    F: Future<Output = Result<Record, Failure>> + Send + 'static,
{
    let out = Out::start()?;
    let (queue, mut items) = mpsc::channel(concurrency.get().min(QUEUE));
    let reader = std::thread::Builder::new()
        .name("source".into())
        .spawn(move || {
            for item in source {
                let failed = item.is_err();
                if queue.blocking_send(item).is_err() || failed {
                    break;
                }
            }
        })
        .context("cannot start the thread that reads")?;

    let mut flow = Flow { ctx, rejects, out: &out, lost: 0, failed: None };
    let mut tasks = JoinSet::new();
    let mut more = true;
    while more || !tasks.is_empty() {
        tokio::select! {
            biased;
            () = ctx.stop.cancelled(), if more => more = false,
            () = out.closed(), if more => {
                more = false;
                flow.note(Err(ClosedStdout.into()));
            }
            Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                flow.finished(done).await;
            }
            item = items.recv(), if more && tasks.len() < concurrency.get() => match item {
                None => more = false,
                Some(Ok(Item::Record(record))) => {
                    ctx.counts.read(1);
                    let result = work(record.clone());
                    tasks.spawn(async move { (record, result.await) });
                }
                Some(Ok(Item::Line(bad))) => {
                    ctx.counts.read(1);
                    let reject = bad.reject();
                    flow.note(rejects.write(&reject, &Item::Line(bad)));
                }
                Some(Err(err)) => flow.note(Err(anyhow!(err).context("cannot read the input"))),
            },
        }
        more &= flow.failed.is_none();
    }
    let Flow { lost, failed, .. } = flow;
    // The receiver goes first, or a reader that waits for room in the queue would never end.
    drop(items);
    drop(stop);
    if let Err(panic) = reader.join() {
        std::panic::resume_unwind(panic);
    }
    let written = out.finish().await;
    if lost > 0 {
        tracing::error!("stdout was closed: {lost} results are above on stderr, not in the output");
    }
    match failed {
        Some(error) => Err(error),
        None => written,
    }
}

/// What [`each`] knows about the run while tasks finish.
struct Flow<'a> {
    ctx: &'a Ctx,
    rejects: &'a Rejects,
    out: &'a Out,
    lost: u64,
    failed: Option<anyhow::Error>,
}

impl Flow<'_> {
    async fn finished(&mut self, done: Result<(Record, Result<Record, Failure>), JoinError>) {
        let (input, result) = match done {
            Ok(done) => done,
            Err(err) if err.is_panic() => std::panic::resume_unwind(err.into_panic()),
            Err(err) => return self.note(Err(err.into())),
        };
        match result {
            Ok(record) => {
                self.ctx.counts.done(1);
                if let Err(line) = self.out.send(record.into_line()).await {
                    self.lost += 1;
                    self.note(self.ctx.console.write(&line).context("cannot write a result to stderr"));
                }
            }
            Err(Failure::Reject(reject)) => {
                self.note(self.rejects.write(&reject, &Item::Record(input)));
            }
            Err(Failure::Fatal(error)) => self.note(Err(error)),
        }
    }

    /// Keeps the first error: those after it are most often its consequences.
    fn note(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }
}
