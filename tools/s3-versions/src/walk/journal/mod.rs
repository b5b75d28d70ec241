//! `--journal`: which keys are written, so that a listing that was interrupted is resumed.
//!
//! Before a piece is written, an intent says where it goes and what it is; after it, the result that the file has it. What a
//! killed run left behind the last result is cut, once `tail` has proved by the intents that it is this listing's own.
//! `line` has the forms of the lines, `earlier` reads them, `done` knows the keys, `file` is what lies behind stdout.

mod done;
mod earlier;
mod file;
mod line;
mod tail;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use common::Usage;
use common::journal::{Identity, Journal};
use common::pipe::Lines;
use tokio::sync::oneshot;

use super::board::Span;
use done::Done;
use earlier::Earlier;
pub use file::Target;
use line::{Piece, Place, Said};

/// The journal of a listing, and the file that it is about.
pub struct Progress {
    journal: Journal,
    target: Target,
    run: u64,
    /// Where the listing begins in the file.
    from: u64,
    /// Whether the journal says already that nothing is left.
    is_complete: bool,
    state: Mutex<State>,
    /// Up to here the file is written.
    written: AtomicU64,
    /// Up to here it is on disk.
    synced: tokio::sync::Mutex<u64>,
}

struct State {
    /// Where the next piece goes.
    next: u64,
    /// Resolves when the piece before that is written.
    before: Option<oneshot::Receiver<()>>,
    done: Done,
    records: u64,
}

/// Lines and what proves them.
pub struct Marked {
    lines: Vec<u8>,
    marks: String,
    records: u64,
}

impl Marked {
    pub fn of(lines: Vec<u8>) -> Self {
        let (marks, records) = tail::marks(&lines);
        Self { lines, marks, records }
    }
}

/// A piece whose place in the file is certain.
pub struct Placed {
    piece: Piece,
    lines: Vec<u8>,
    before: Option<oneshot::Receiver<()>>,
    written: oneshot::Sender<()>,
}

impl Progress {
    /// Opens or makes the journal, and returns the intervals that are still to be listed: none of a complete listing.
    ///
    /// What a killed run has written without noting it is cut off the target, if it is proved to be this listing's.
    ///
    /// # Errors
    /// [`Usage`] when the journal is that of another run, or the target is not the file that it is about, or has not what was
    /// noted, or has behind it what is not this listing's. Neither file is changed then.
    pub async fn open(
        path: &Path,
        identity: &Identity,
        target: Target,
        bucket: &str,
    ) -> Result<(Self, Vec<Span>)> {
        let journal = Journal::open(path, identity)?;
        let mut earlier = Earlier::read(journal.earlier(), &path.display().to_string())?;
        match &earlier.begun {
            Some((place, from)) if has_records(&target, place, *from, &earlier)? => {
                check(&target, place, &earlier)?;
                if !earlier.done.is_all() {
                    cut(&target, &earlier, bucket)?;
                }
            }
            _ => earlier.begin(begin(&journal, &target).await?),
        }
        let from = earlier.begun.as_ref().map_or(0, |(_, from)| *from);
        let rest = earlier.done.rest();
        let progress = Self {
            journal,
            target,
            run: earlier.runs + 1,
            from,
            is_complete: earlier.is_complete,
            written: earlier.length.into(),
            synced: tokio::sync::Mutex::new(earlier.length),
            state: Mutex::new(State {
                next: earlier.length,
                before: None,
                done: earlier.done,
                records: earlier.records,
            }),
        };
        Ok((progress, rest))
    }

    /// Gives lines their place in the file, behind all that have one. The keys are those that are finished with them.
    pub fn place(&self, Marked { lines, marks, records }: Marked, keys: Option<Span>) -> Placed {
        let (written, next) = oneshot::channel();
        let mut state = self.state();
        let piece = Piece { run: self.run, at: state.next, length: lines.len() as u64, records, keys, marks };
        state.next = piece.end();
        let before = state.before.replace(next);
        Placed { piece, lines, before, written }
    }

    /// Writes lines to their place: when their intent is on disk, and those before them are written.
    ///
    /// # Errors
    /// When the journal or stdout takes nothing any more, or somebody else writes to the file.
    pub async fn write(&self, placed: Placed, out: &Lines) -> Result<Piece> {
        let Placed { piece, lines, before, written } = placed;
        let said = Said::Piece(piece);
        if !lines.is_empty() {
            self.journal.intend(said.id(), &said.record()?).await?;
        }
        let Said::Piece(piece) = said else { bail!("a piece is no piece any more") };
        if let Some(before) = before
            && before.await.is_err()
        {
            // Why it was not written ends the run, and is told there.
            std::future::pending::<()>().await;
        }
        if !lines.is_empty() {
            self.expect_length(piece.at)?;
            out.write(lines).await?;
            self.expect_length(piece.end())?;
        }
        self.written.store(piece.end(), Relaxed);
        self.state().records += piece.records;
        // The last piece has none behind it.
        let _ = written.send(());
        Ok(piece)
    }

    /// Notes that a piece and all before it are written, as soon as they are on disk.
    ///
    /// # Errors
    /// When they are not, or the journal takes nothing any more.
    pub async fn note(&self, piece: Piece) -> Result<()> {
        self.sync(piece.end()).await?;
        let said = Said::Piece(Piece { marks: String::new(), ..piece.clone() });
        // Nobody waits for it: if it fails, so does every line behind it, and the last of them is waited for.
        drop(self.journal.queue(said.id(), &said.record()?).await?);
        let mut state = self.state();
        piece.keys.into_iter().for_each(|keys| state.done.add(keys));
        Ok(())
    }

    /// Says in the journal and on stderr that the listing is complete, if it is, and where its records lie.
    ///
    /// # Errors
    /// When the journal takes nothing any more.
    pub async fn finish(&self) -> Result<()> {
        let said = {
            let state = self.state();
            if !state.done.is_all() {
                return Ok(());
            }
            let (stdout, records) = (self.target.place().clone(), state.records);
            Said::Complete { stdout, from: self.from, to: state.next, records }
        };
        if !self.is_complete {
            self.journal.commit(said.id(), &said.record()?).await?;
        }
        let State { next, records, .. } = *self.state();
        let (path, length) = (self.target.path(), next - self.from);
        tracing::info!(
            "the listing is complete: {records} records, {length} bytes from byte {} of {path}",
            self.from
        );
        Ok(())
    }

    /// One wait for the disk serves all that were written before it began.
    async fn sync(&self, end: u64) -> Result<()> {
        let mut synced = self.synced.lock().await;
        if *synced < end {
            let written = self.written.load(Relaxed);
            self.target.sync().await?;
            *synced = written;
        }
        Ok(())
    }

    fn expect_length(&self, expected: u64) -> Result<()> {
        let (path, length) = (self.target.path(), self.target.length()?);
        if length != expected {
            bail!(
                "{path} has {length} bytes where this listing had written up to byte {expected}: something else writes to it; \
                 begin anew with a file and a journal of its own"
            );
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether any record of a listing may lie in the file at this place, behind so many bytes.
fn has_records(target: &Target, place: &Place, from: u64, earlier: &Earlier) -> Result<bool> {
    let never_reached = target.is(place) && target.length()? <= from;
    let nothing_intended = earlier.intended().next().is_none();
    Ok(earlier.length > from || earlier.done.is_all() || !(never_reached || nothing_intended))
}

/// Notes the first line, before anything is written.
async fn begin(journal: &Journal, target: &Target) -> Result<(Place, u64)> {
    let path = target.path();
    if !target.ends_whole()? {
        let message =
            format!("{path}, which is stdout, ends in the middle of a line: append to another file");
        return Err(Usage::Wrong(message).into());
    }
    let length = target.length()?;
    let said = Said::Begun { stdout: target.place().clone(), length };
    journal.commit(said.id(), &said.record()?).await?;
    target.go_on_at(length)?;
    Ok((target.place().clone(), length))
}

/// Holds the file behind stdout against that of earlier runs.
fn check(target: &Target, earlier_place: &Place, earlier: &Earlier) -> Result<()> {
    let (path, length, noted) = (target.path(), target.length()?, earlier.length);
    let listing =
        if earlier.done.is_all() { "the listing is complete, and its records" } else { "its first records" };
    let anew = "begin anew with another file and another journal";
    let message = if !target.is(earlier_place) {
        let there = &earlier_place.path;
        match earlier_place.is_there() {
            true => format!(
                "stdout is {path}, but by the journal {listing} are in {there}: append to that file with >> {there}, or {anew}"
            ),
            false => format!(
                "stdout is {path}, but by the journal {listing} were in {there}, which is gone or was replaced: {anew}"
            ),
        }
    } else if length < noted {
        format!(
            "by the journal {listing} are in the first {noted} bytes of {path}, and it has {length}: it was cut or written anew \
             (append with >>, not >); {anew}"
        )
    } else {
        return Ok(());
    };
    Err(Usage::Wrong(message).into())
}

/// Cuts off what a killed run wrote without noting it.
fn cut(target: &Target, earlier: &Earlier, bucket: &str) -> Result<()> {
    let (path, length, noted) = (target.path(), target.length()?, earlier.length);
    let start = format!("{{\"bucket\":{},", serde_json::to_string(bucket)?);
    let foreign = tail::foreign(target.own(), (noted, length), earlier.intended(), start.as_bytes())
        .with_context(|| format!("cannot read {path}"))?;
    if foreign > 0 {
        let message = format!(
            "{path} has {} bytes more than the journal counts, of which {foreign} are not this listing's; nothing was cut: \
             begin anew with another file and another journal",
            length - noted
        );
        return Err(Usage::Wrong(message).into());
    }
    if length > noted {
        let count = length - noted;
        tracing::warn!("cut {count} bytes from the end of {path} that the journal does not count as written");
    }
    target.go_on_at(noted)
}
