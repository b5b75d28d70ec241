//! One worker: an interval of keys, page by page, up to where it ends by then.

use std::sync::Arc;

use anyhow::{Result, ensure};
use common::Ctx;
use common::aws::Trouble;
use common::s3::{Entry, Page, Pages, Position, Style};
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
        fetched: JoinSet::new(),
        done: task.lo.clone(),
        held: Vec::new(),
        records: 0,
        shared: &shared,
        task: &task,
    };
    walk.run().await
}

struct Walk<'a> {
    shared: &'a Arc<Shared>,
    task: &'a Task,
    writer: Writer<'a>,
    style: Style,
    fetched: JoinSet<Result<(Page, Option<Position>), Trouble>>,
    /// Nothing is to be written any more of this key and those before it.
    done: Option<String>,
    /// Lines of the key that goes on, and how many records they are.
    held: Vec<Piece>,
    records: u64,
}

impl Walk<'_> {
    async fn run(mut self) -> Result<()> {
        let shared = self.shared;
        self.fetch(self.task.lo.clone().map(|key| Position { key, version_id: None }));
        loop {
            let fetched = tokio::select! {
                biased;
                () = shared.ctx.stop.cancelled() => return Ok(()),
                fetched = self.fetched.join_next() => fetched,
            };
            let Some(fetched) = fetched else { return Ok(()) };
            let (page, start) = fetched.unwrap_or_else(|err| std::panic::resume_unwind(err.into_panic()))?;
            let Page { entries, next, room, .. } = page;
            shared.tally.page(entries.len());
            shared.ctx.counts.read(entries.len() as u64);
            let (next, finished) = self.take(entries, next, start).await?;
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

    fn fetch(&mut self, start: Option<Position>) {
        let pages = self.shared.pages.clone();
        self.fetched.spawn(async move {
            let page = pages.fetch(start.as_ref()).await?;
            Ok((page, start))
        });
    }

    /// Works on a page; the one behind it is asked for before anything is written. Returned is where the interval goes on,
    /// and the last key of which nothing more is to come.
    async fn take(
        &mut self,
        mut entries: Vec<Entry>,
        next: Option<Position>,
        start: Option<Position>,
    ) -> Result<(Option<Position>, Option<Option<String>>)> {
        let Shared { pages, board, parallel, .. } = &**self.shared;
        pages.arrange(&mut entries, &mut self.style, start.as_ref()).await?;
        if let Some(lo) = &self.task.lo {
            entries.retain(|entry| entry.key > *lo);
        }
        ensure!(
            !parallel || entries.is_sorted_by(|a, b| a.key <= b.key),
            "the store does not list keys in the order of their bytes: list it with --concurrency 1"
        );
        let end = board.advance(self.task.id, &entries);
        let within = |key: &str| end.as_deref().is_none_or(|end| key <= end);
        let found = entries.partition_point(|entry| within(&entry.key));
        let over = found < entries.len();
        entries.truncate(found);
        let next = next.filter(|next| !over && within(&next.key));
        let key = next.as_ref().map(|next| next.key.as_str());
        let before = entries.iter().rfind(|entry| Some(&*entry.key) != key).map(|entry| entry.key.clone());
        for entry in entries {
            self.writer.push(entry)?;
        }
        let next = next
            .map(|next| self.beyond(next, start.as_ref()))
            .filter(|next| next.version_id.is_some() || end.as_ref() != Some(&next.key));
        if let Some(next) = &next {
            self.fetch(Some(next.clone()));
        }
        let finished = match &next {
            Some(Position { key, version_id: None }) => Some(key.clone()),
            _ => before,
        };
        Ok((next, finished.map(Some)))
    }

    /// Behind the whole key, where the page ends in one whose other versions change nothing.
    fn beyond(&self, next: Position, start: Option<&Position>) -> Position {
        // A store that begins with the versions of the marker itself does not get beyond them like that.
        let stuck = start.is_some_and(|start| start.version_id.is_none() && start.key == next.key);
        if next.version_id.is_some() && !stuck && self.writer.is_settled(&next.key) {
            return Position { key: next.key, version_id: None };
        }
        next
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
