//! One worker: an interval of keys, page by page, up to where it ends by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{Result, ensure};
use common::Ctx;
use common::aws::Trouble;
use common::s3::{Entry, Page, Pages, Position, Style};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::board::{Board, Span, Task};
use super::output::Output;
use super::part::{Part, Piece};
use super::tally::Tally;
use crate::select::Select;
use crate::view::{View, Writer};

/// Lines of a key that is not over stay in memory up to so many bytes.
const HOLD: usize = 256 << 10;

/// What all workers share.
pub struct Shared {
    pub ctx: Ctx,
    pub pages: Pages,
    pub board: Board,
    pub output: Output,
    pub tally: Tally,
    pub bucket: String,
    pub view: View,
    pub select: Select,
    /// Whether there are other workers.
    pub parallel: bool,
    /// Whether more requests may be in flight than there are intervals to list.
    pub idle: AtomicBool,
    /// Whether the lines of a key are held back until they are all there.
    pub hold: bool,
}

/// Lists an interval, or as much of it as is left before the run is to stop.
///
/// # Errors
/// When the store cannot be listed, or what was found can neither be written nor kept.
pub async fn walk(shared: Arc<Shared>, task: Task) -> Result<()> {
    let walk = Walk {
        writer: Writer::new(&shared.bucket, shared.view, &shared.select),
        style: Style::default(),
        fetch: Fetch::begin(&shared.pages, task.lo.clone().map(|key| Position { key, version_id: None })),
        ahead: None,
        passed: task.lo.clone(),
        done: task.lo.clone(),
        held: Vec::new(),
        records: 0,
        shared: &shared,
        task: &task,
    };
    walk.run().await
}

/// A page that is on its way.
struct Fetch {
    start: Option<Position>,
    page: JoinSet<Result<Page, Trouble>>,
    early: oneshot::Receiver<Position>,
}

impl Fetch {
    fn begin(pages: &Pages, start: Option<Position>) -> Self {
        let (sender, early) = oneshot::channel();
        let (pages, from) = (pages.clone(), start.clone());
        let mut page = JoinSet::new();
        page.spawn(async move {
            // Whoever is not interested has gone.
            pages.fetch_along(from.as_ref(), |next| drop(sender.send(next))).await
        });
        Self { start, page, early }
    }
}

struct Walk<'a> {
    shared: &'a Arc<Shared>,
    task: &'a Task,
    writer: Writer<'a>,
    style: Style,
    fetch: Fetch,
    /// The page behind it, where that could be asked for already.
    ahead: Option<Fetch>,
    /// This key and those before it are not looked at, should the store show them again.
    passed: Option<String>,
    /// Up to this key all is handed over.
    done: Option<String>,
    /// Lines of the key that goes on, and how many records they are.
    held: Vec<Piece>,
    records: u64,
}

impl Walk<'_> {
    async fn run(mut self) -> Result<()> {
        let shared = self.shared;
        loop {
            let page = tokio::select! {
                biased;
                () = shared.ctx.stop.cancelled() => return Ok(()),
                page = self.page() => page?,
            };
            let Page { entries, next, room, .. } = page;
            let (next, finished) = self.take(entries, next).await?;
            match next {
                Some(next) => self.put(next.version_id.is_some().then_some(&*next.key), finished).await?,
                None => {
                    self.writer.finish()?;
                    return self.put(None, Some(shared.board.end(self.task.id))).await;
                }
            }
            drop(room);
        }
    }

    /// The next page; the one behind it is asked for as soon as its place is known, if it will be wanted in any case.
    async fn page(&mut self) -> Result<Page, Trouble> {
        let Fetch { start, page, early } = &mut self.fetch;
        // In the other views the entries may show that the rest of their key is not wanted; and where all are busy, there is
        // no request to spare.
        let mut wanted = self.shared.view == View::Every && self.shared.idle.load(Relaxed);
        loop {
            tokio::select! {
                Ok(next) = &mut *early, if wanted => {
                    wanted = false;
                    let within_key = start.as_ref().is_some_and(|start| start.key == next.key);
                    if self.shared.board.will_need(self.task.id, &next.key, within_key)
                        && !self.writer.is_settled(&next.key)
                    {
                        self.ahead = Some(Fetch::begin(&self.shared.pages, Some(next)));
                    }
                }
                Some(page) = page.join_next() => {
                    return page.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()));
                }
            }
        }
    }

    /// Works on a page; the one behind it is asked for before anything is written. Returned is where the interval goes on,
    /// and the last key of which nothing more is to come.
    async fn take(
        &mut self,
        mut entries: Vec<Entry>,
        next: Option<Position>,
    ) -> Result<(Option<Position>, Option<Option<String>>)> {
        let Shared { ctx, pages, board, tally, parallel, .. } = &**self.shared;
        let start = self.fetch.start.take();
        pages.arrange(&mut entries, &mut self.style, start.as_ref()).await?;
        if let Some(passed) = &self.passed {
            entries.retain(|entry| entry.key > *passed);
        }
        ensure!(
            !parallel || entries.is_sorted_by(|a, b| a.key <= b.key),
            "the store does not list keys in the order of their bytes: list it with --concurrency 1"
        );
        let end = board.advance(self.task.id, &entries, next.is_none());
        let within = |key: &str| end.as_deref().is_none_or(|end| key <= end);
        let found = entries.partition_point(|entry| within(&entry.key));
        let over = found < entries.len();
        entries.truncate(found);
        tally.page(found);
        ctx.counts.read(found as u64);
        let next = next.filter(|next| !over && within(&next.key));
        let key = next.as_ref().map(|next| next.key.as_str());
        let before = entries.iter().rfind(|entry| Some(&*entry.key) != key).map(|entry| entry.key.clone());
        for entry in entries {
            self.writer.push(entry)?;
        }
        let next = next
            .map(|next| self.beyond(next))
            .transpose()?
            .filter(|next| next.version_id.is_some() || end.as_ref() != Some(&next.key));
        let ahead = self.ahead.take();
        if let Some(next) = &next {
            let asked = ahead.filter(|ahead| ahead.start.as_ref() == Some(next));
            self.fetch = asked.unwrap_or_else(|| Fetch::begin(pages, Some(next.clone())));
        }
        let finished = match &next {
            Some(Position { key, version_id: None }) => Some(key.clone()),
            _ => before,
        };
        Ok((next, finished.map(Some)))
    }

    /// Behind the whole key, where the page ends in one whose other versions change nothing.
    fn beyond(&mut self, next: Position) -> Result<Position> {
        // A store that begins with the versions of the marker itself does not get beyond them like that.
        let stuck = self.passed.as_ref() == Some(&next.key);
        if stuck || next.version_id.is_some() && !self.writer.is_settled(&next.key) {
            return Ok(next);
        }
        self.writer.finish()?;
        self.passed = Some(next.key.clone());
        Ok(Position { key: next.key, version_id: None })
    }

    /// Hands over the lines of finished keys, with those that were held; the lines of the key that goes on are held.
    async fn put(&mut self, goes_on: Option<&str>, finished: Option<Option<String>>) -> Result<()> {
        let Shared { output, hold, .. } = &**self.shared;
        let goes_on = goes_on.filter(|_| *hold);
        let Some(hi) = finished.or((!hold).then_some(None)) else {
            if self.writer.held() >= HOLD {
                let (lines, records) = self.writer.take();
                self.held.push(output.spill(lines).await?);
                self.records += records;
            }
            return Ok(());
        };
        let (lines, records) = self.writer.take_before(goes_on);
        let mut pieces = std::mem::take(&mut self.held);
        pieces.push(Piece::Memory(lines));
        let records = std::mem::take(&mut self.records) + records;
        let lo = std::mem::replace(&mut self.done, hi.clone());
        output.put(self.task.lo.as_deref(), Part { pieces, records, covered: Some(Span { lo, hi }) }).await
    }
}
