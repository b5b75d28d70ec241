//! Events on stdout.

use std::collections::HashSet;

use anyhow::Result;
use common::Ctx;
use common::pipe::Lines;

use crate::page::{Page, head, push_line};
use crate::query::Query;

/// Lines are handed to stdout in chunks of about so many bytes.
const CHUNK: usize = 1 << 16;

/// Writes pages, and knows what it wrote.
pub struct Writer<'a> {
    ctx: &'a Ctx,
    lines: &'a Lines,
    /// The events of the page before: a list that changes while it is read could show one of them again.
    before: HashSet<String>,
    last: Option<String>,
}

impl<'a> Writer<'a> {
    /// Writes to `lines`.
    pub fn new(ctx: &'a Ctx, lines: &'a Lines) -> Self {
        Self { ctx, lines, before: HashSet::new(), last: None }
    }

    /// The last event that was written.
    pub fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    /// Leaves this event out of the next page.
    pub fn pass_over(&mut self, id: &str) {
        self.before.insert(id.to_owned());
    }

    /// Writes the events of a page, oldest first, but for those that were on the page before.
    ///
    /// # Errors
    /// One of them is no event, or of the other mode. Those before it are written.
    pub async fn write(&mut self, query: &Query<'_>, page: &Page) -> Result<()> {
        let before = std::mem::take(&mut self.before);
        let mut chunk = Chunk::default();
        for text in page.oldest_first() {
            let event = head(text).and_then(|event| {
                query.check_mode(&event.id, event.livemode)?;
                Ok(event.id)
            });
            let id = match event {
                Ok(id) => id,
                Err(error) => {
                    self.send(chunk).await;
                    return Err(error);
                }
            };
            self.ctx.counts.read(1);
            if !before.contains(&id) {
                push_line(&mut chunk.lines, text);
                chunk.events += 1;
                chunk.last.clone_from(&id);
            }
            self.before.insert(id);
            if chunk.lines.len() >= CHUNK {
                self.send(std::mem::take(&mut chunk)).await;
            }
        }
        self.send(chunk).await;
        Ok(())
    }

    async fn send(&mut self, chunk: Chunk) {
        // What a dead stdout does not take is told by its end.
        if chunk.events > 0 && self.lines.send(chunk.lines).await.is_ok() {
            self.ctx.counts.done(chunk.events);
            self.last = Some(chunk.last);
        }
    }
}

/// Lines that go out together.
#[derive(Default)]
struct Chunk {
    lines: Vec<u8>,
    events: u64,
    last: String,
}
