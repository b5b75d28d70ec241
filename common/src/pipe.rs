//! How records move through a tool: stdin thread, bounded queue, tasks, bounded queue, stdout thread.

use std::io::{self, BufRead, BufReader, IsTerminal as _};
use std::num::NonZeroUsize;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use crate::record::{Item, Record};
use crate::reject::{Failure, Reject, Rejects};
use crate::run::{ClosedStdout, Ctx, Usage};
use crate::stdio::{self, Stdin, Wake};
pub use crate::stdout::{Lines, Out};

/// Items that wait to be worked on.
const QUEUE: usize = 64;

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
