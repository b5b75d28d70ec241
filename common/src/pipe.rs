//! How records move through a tool: stdin thread, bounded queue, tasks, bounded queue, stdout thread.

use std::io::{self, BufRead, BufReader, IsTerminal as _, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::record::{Item, Record};
use crate::reject::{Failure, Reject, Rejects};
use crate::run::{ClosedStdout, Ctx, Usage};
use crate::stdio::{self, Raw, Stdin, StdoutWatch, Wake};
use crate::writes::{self, OpenWrite};

/// Items or chunks of lines that wait between two stages.
const QUEUE: usize = 64;
/// Bytes that are written to stdout together.
const BUFFER: usize = 1 << 16;

/// Where items come from, and what ends a wait for more of them.
pub struct Source<S> {
    items: S,
    stop: Option<Wake>,
}

impl<S> Source<S> {
    /// Items that never wait for long, such as those of a file.
    pub fn file(items: S) -> Self {
        Self { items, stop: None }
    }

    /// The same source with its items changed.
    pub fn map<T>(self, change: impl FnOnce(S) -> T) -> Source<T> {
        Source { items: change(self.items), stop: self.stop }
    }
}

/// stdin as the source of items, in the form that `decode` makes of it: `pipe::stdin(JsonLines::new)`.
///
/// # Errors
/// [`Usage`] when stdin is a terminal: nobody types records.
pub fn stdin<S>(decode: impl FnOnce(Box<dyn BufRead + Send>) -> S) -> Result<Source<S>> {
    if io::stdin().is_terminal() {
        return Err(Usage::NoInput.into());
    }
    if stdio::was_closed(io::stdin()) {
        let message =
            "stdin is closed (or /dev/null, opened for writing too): give records, or < /dev/null for none";
        return Err(Usage::Wrong(message.to_owned()).into());
    }
    let (stdin, wake) = Stdin::new().context("cannot read stdin")?;
    let items = decode(Box::new(BufReader::with_capacity(1 << 16, stdin)));
    Ok(Source { items, stop: Some(wake) })
}

/// Items as a thread of their own reads them, a few ahead. Dropping this ends the thread, also one that waits for input.
pub struct Items<T> {
    queue: Option<mpsc::Receiver<T>>,
    stop: Option<Wake>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Items<T> {
    /// Starts to read; at most `ahead` items (and never more than 64) wait to be taken.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn read<S>(source: Source<S>, ahead: NonZeroUsize) -> Result<Self>
    where
        S: Iterator<Item = T> + Send + 'static,
    {
        let (sender, queue) = mpsc::channel(ahead.get().min(QUEUE));
        let Source { items, stop } = source;
        let read = move || {
            for item in items {
                if sender.blocking_send(item).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("source".into())
            .spawn(read)
            .context("cannot start the thread that reads")?;
        Ok(Self { queue: Some(queue), stop, thread: Some(thread) })
    }

    /// The next item, or nothing at the end. Cancel safe.
    pub async fn next(&mut self) -> Option<T> {
        self.queue.as_mut()?.recv().await
    }
}

impl<T> Drop for Items<T> {
    fn drop(&mut self) {
        // The receiver goes first, or a reader that waits for room in the queue would never end.
        drop(self.queue.take());
        drop(self.stop.take());
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

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
            // Who waits for the answer still has the lines.
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

/// The result of the work on one record.
#[derive(Debug)]
pub struct Outcome {
    /// What leaves.
    pub record: Record,
    /// Why the journal did not take it: the work is done, so the record leaves all the same, and then the run ends.
    pub unjournaled: Option<anyhow::Error>,
}

impl From<Record> for Outcome {
    fn from(record: Record) -> Self {
        Self { record, unjournaled: None }
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
pub async fn each<S, W, F, R>(
    ctx: &Ctx,
    source: Source<S>,
    concurrency: NonZeroUsize,
    rejects: &Rejects,
    work: W,
) -> Result<()>
where
    S: Iterator<Item = io::Result<Item>> + Send + 'static,
    W: Fn(Record) -> F,
    F: Future<Output = Result<R, Failure>> + Send + 'static,
    R: Into<Outcome>,
{
    let out = Out::start()?;
    let mut items = Items::read(source, concurrency)?;
    let mut flow = Flow { ctx, rejects, out: out.lines(), failed: None };
    let mut tasks = JoinSet::new();
    let mut more = true;
    while more || !tasks.is_empty() {
        tokio::select! {
            biased;
            () = ctx.stop.cancelled(), if more => more = false,
            () = out.lines().closed(), if more => {
                more = false;
                flow.note(Err(ClosedStdout.into()));
            }
            Some(done) = tasks.join_next(), if !tasks.is_empty() => {
                flow.finished(done).await;
            }
            item = items.next(), if more && tasks.len() < concurrency.get() => match item {
                None => more = false,
                Some(Ok(Item::Record(record))) => {
                    ctx.counts.read(1);
                    let result = work(record.clone());
                    tasks.spawn(async move { (record, result.await.map(R::into)) });
                }
                Some(Ok(Item::Line(bad))) => {
                    ctx.counts.read(1);
                    let reject = Reject::from(&bad);
                    flow.note(rejects.write(&reject, &Item::Line(bad)));
                }
                Some(Err(err)) => flow.note(Err(anyhow!(err).context("cannot read the input"))),
            },
        }
        more &= flow.failed.is_none();
    }
    let failed = flow.failed;
    drop(items);
    out.end(failed.map_or(Ok(()), Err)).await
}

/// What [`each`] knows about the run while tasks finish.
struct Flow<'a> {
    ctx: &'a Ctx,
    rejects: &'a Rejects,
    out: &'a Lines,
    failed: Option<anyhow::Error>,
}

impl Flow<'_> {
    async fn finished(&mut self, done: Result<(Record, Result<Outcome, Failure>), JoinError>) {
        let (input, result) = match done {
            Ok(done) => done,
            Err(err) if err.is_panic() => std::panic::resume_unwind(err.into_panic()),
            Err(err) => return self.note(Err(err.into())),
        };
        match result {
            Ok(Outcome { record, unjournaled }) => {
                self.note(unjournaled.map_or(Ok(()), Err));
                self.write(record).await;
            }
            Err(Failure::Reject(reject)) => {
                self.note(self.rejects.write(&reject, &Item::Record(input)));
            }
            Err(Failure::Fatal(error)) => self.note(Err(error)),
        }
    }

    async fn write(&mut self, record: Record) {
        self.ctx.counts.done(1);
        if let Err(line) = self.out.send(record.into_line()).await {
            self.note(self.ctx.salvage(&line));
        }
    }

    /// Keeps the first error: those after it are most often its consequences.
    fn note(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.failed.get_or_insert(error);
        }
    }
}
