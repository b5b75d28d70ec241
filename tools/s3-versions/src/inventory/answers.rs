//! From sorted rows to the records of the view that was asked for.

use anyhow::Result;
use common::s3::Entry;
use tokio::sync::mpsc;

use super::doubt::{Doubt, Why};
use super::row;
use super::sort::Merge;
use crate::select::Select;
use crate::view::{View, Writer};

/// Records leave in parts of about this many bytes.
const PART: usize = 64 << 10;
/// Entries after which the lines of a key that is written as it goes by are taken from the writer.
const FEW: u32 = 256;

/// What the report says, key by key.
pub enum Answer {
    /// Records that need no more looking at, and how many they are.
    Records(Vec<u8>, u64),
    /// The record of one key that is to be checked first.
    Unchecked { key: String, line: Vec<u8> },
    /// A key that the report does not decide.
    Doubtful { key: String, why: Why },
}

/// How rows become answers.
pub struct Form {
    pub bucket: String,
    pub view: View,
    pub select: Select,
    /// Whether each record is to be checked.
    pub verify: bool,
}

/// Sends the answers of all keys; ends early when nobody takes them. Answers are in the order
/// of keys. It blocks.
///
/// # Errors
/// When the rows cannot be read back.
pub fn send(mut rows: Merge, form: &Form, to: &mpsc::Sender<Answer>) -> Result<()> {
    let mut run = Run {
        form,
        to,
        writer: Writer::new(&form.bucket, form.view, &form.select),
        doubt: Doubt::new(form.view),
        key: None,
        lines: Vec::new(),
        records: 0,
        unordered: 0,
    };
    let (mut row, mut since) = (Vec::new(), 0);
    while rows.next(&mut row)? {
        let entry = row::decode(&row)?;
        if run.key.as_ref() != Some(&entry.key) && !run.begin(&entry)? {
            return Ok(());
        }
        run.doubt.see(&entry, &form.select)?;
        run.writer.push(entry)?;
        since += 1;
        if form.view == View::Every && since >= FEW {
            since = 0;
            run.take();
            if !run.flush(PART) {
                return Ok(());
            }
        }
    }
    if run.end()? {
        run.flush(1);
    }
    if run.unordered > 0 {
        tracing::warn!(
            "{} keys have versions whose order is not in the report, such as two of one second: these come in that of \
             their ids",
            run.unordered
        );
    }
    Ok(())
}

struct Run<'a> {
    form: &'a Form,
    to: &'a mpsc::Sender<Answer>,
    writer: Writer<'a>,
    doubt: Doubt,
    key: Option<String>,
    lines: Vec<u8>,
    records: u64,
    /// Keys whose entries are all written, in an order that may not be theirs.
    unordered: u64,
}

impl Run<'_> {
    /// Turns to the key of this entry; false when nobody takes answers any more.
    fn begin(&mut self, entry: &Entry) -> Result<bool> {
        let go_on = self.end()? && self.flush(PART);
        self.key = Some(entry.key.clone());
        Ok(go_on)
    }

    /// Answers the key that is over.
    fn end(&mut self) -> Result<bool> {
        let Some(key) = self.key.take() else { return Ok(true) };
        self.writer.finish()?;
        let why = std::mem::replace(&mut self.doubt, Doubt::new(self.form.view)).end();
        match why {
            Some(_) if self.form.view == View::Every => self.unordered += 1,
            Some(why) => {
                self.writer.take();
                return Ok(self.give(Answer::Doubtful { key, why }));
            }
            None => {}
        }
        if self.form.verify {
            let (line, records) = self.writer.take();
            return Ok(records == 0 || self.give(Answer::Unchecked { key, line }));
        }
        self.take();
        Ok(true)
    }

    fn take(&mut self) {
        let (lines, records) = self.writer.take();
        self.lines.extend_from_slice(&lines);
        self.records += records;
    }

    /// Sends the lines if they are at least so many bytes.
    fn flush(&mut self, least: usize) -> bool {
        if self.lines.len() < least {
            return true;
        }
        let (lines, records) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.records));
        self.give(Answer::Records(lines, records))
    }

    fn give(&self, answer: Answer) -> bool {
        self.to.blocking_send(answer).is_ok()
    }
}
