//! `--journal`: which keys are written, so that a listing that was interrupted goes on where it was.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use common::journal::{Entry, Id, Identity, Journal};
use common::{Record, Usage};
use serde::{Deserialize, Serialize};

use super::board::Span;
use crate::cli::Job;

/// What a run notes first.
#[derive(Deserialize, Serialize)]
struct Begun {
    listing: String,
    stdout: Option<Written>,
}

/// What it notes of each part.
#[derive(Deserialize, Serialize)]
struct Noted {
    from: Option<String>,
    to: Option<String>,
    stdout: Option<Written>,
}

/// How much of a regular file stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Written {
    device: u64,
    inode: u64,
    length: u64,
}

/// The journal of a listing.
pub struct Progress {
    journal: Journal,
    stdout: File,
}

impl Progress {
    /// Opens or makes the file, and returns the intervals that are still to be listed.
    ///
    /// Where stdout is the file to which an earlier run wrote, what that run wrote without noting it is cut off.
    ///
    /// # Errors
    /// When the file cannot be used, is that of another listing, or counts more as written than stdout has.
    pub async fn open(path: &Path, identity: &Identity, job: &Job) -> Result<(Self, Vec<Span>)> {
        let journal = Journal::open(path, identity)?;
        let stdout = io::stdout().as_fd().try_clone_to_owned().context("cannot look at stdout")?;
        let progress = Self { journal, stdout: stdout.into() };
        let listing = listing(job);
        let mut done = Done::default();
        let mut records = progress.journal.earlier().map(|entry| {
            entry.map(|entry| match entry {
                Entry::Intent(record) | Entry::Result(record) => record,
            })
        });
        let mut written = None;
        match records.next().transpose()? {
            None => {
                let begun = Begun { listing, stdout: progress.written()? };
                progress.journal.commit(Id::of(&["listing"]), &Record::from_value(&begun)?).await?;
            }
            Some(record) => {
                let begun: Begun =
                    record.view().map_err(|err| anyhow!("not the journal of a listing: {err}"))?;
                if begun.listing != listing {
                    let path = path.display();
                    let told = format!(
                        "the journal {path} is that of another listing ({}): give the same flags, with times that do not \
                         depend on the clock, or another file",
                        begun.listing
                    );
                    return Err(Usage::Wrong(told).into());
                }
                written = begun.stdout;
            }
        }
        for record in records {
            let Noted { from, to, stdout } =
                record?.view().map_err(|err| anyhow!("a damaged journal: {err}"))?;
            done.add(from, to);
            written = stdout.or(written);
        }
        progress.cut(written)?;
        Ok((progress, done.rest()))
    }

    /// Notes that these keys are written. What is returned ends when that is on disk.
    ///
    /// # Errors
    /// When the journal takes nothing any more.
    pub async fn note(&self, span: &Span) -> Result<impl Future<Output = Result<()>> + use<>> {
        let Span { lo, hi } = span;
        let id = Id::of(&["keys", lo.as_deref().unwrap_or_default(), hi.as_deref().unwrap_or_default()]);
        let noted = Noted { from: lo.clone(), to: hi.clone(), stdout: self.written()? };
        self.journal.queue(id, &Record::from_value(&noted)?).await
    }

    fn written(&self) -> Result<Option<Written>> {
        let file = self.stdout.metadata().context("cannot look at stdout")?;
        let written = Written { device: file.dev(), inode: file.ino(), length: file.len() };
        Ok(file.is_file().then_some(written))
    }

    fn cut(&self, noted: Option<Written>) -> Result<()> {
        let (Some(noted), Some(now)) = (noted, self.written()?) else { return Ok(()) };
        if (noted.device, noted.inode) != (now.device, now.inode) {
            return Ok(());
        }
        if now.length < noted.length {
            bail!(
                "stdout has {} bytes, and its journal counts {} as written: append with >>, or begin anew with another \
                 journal",
                now.length,
                noted.length
            );
        }
        if now.length > noted.length {
            tracing::warn!(
                "cut {} bytes from the end of stdout that the journal does not count as written",
                now.length - noted.length
            );
            self.stdout.set_len(noted.length).context("cannot cut what is not whole from stdout")?;
        }
        Ok(())
    }
}

/// What tells a listing from others.
fn listing(job: &Job) -> String {
    let select = &job.select;
    format!(
        "s3://{}/{} {:?} {:?}",
        job.bucket.as_deref().unwrap_or_default(),
        job.prefix,
        job.view,
        (
            select.glob.as_ref().map(|glob| glob.glob().glob()),
            select.regex.as_ref().map(regex::Regex::as_str),
            (select.since, select.until),
            (select.min_size, select.max_size),
            &select.shard,
        )
    )
}

/// Disjoint intervals that are finished; neighbours are one.
#[derive(Debug, Default)]
struct Done {
    /// From the key above which an interval begins to its last key.
    intervals: BTreeMap<Option<String>, Option<String>>,
}

impl Done {
    fn add(&mut self, from: Option<String>, to: Option<String>) {
        let before = self.intervals.range(..&from).next_back();
        let from = match before {
            Some((begun, end)) if from.is_some() && *end == from => begun.clone(),
            _ => from,
        };
        let after = to.as_ref().and_then(|_| self.intervals.remove(&to));
        self.intervals.insert(from, after.unwrap_or(to));
    }

    /// What lies between them.
    fn rest(self) -> Vec<Span> {
        let mut rest = Vec::new();
        let mut lo = Some(None);
        for (from, to) in self.intervals {
            if let Some(lo) = lo
                && lo != from
            {
                rest.push(Span { lo, hi: from });
            }
            lo = to.map(Some);
        }
        rest.extend(lo.map(|lo| Span { lo, hi: None }));
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(lo: Option<&str>, hi: Option<&str>) -> Span {
        Span { lo: lo.map(str::to_owned), hi: hi.map(str::to_owned) }
    }

    fn rest(done: &[(Option<&str>, Option<&str>)]) -> Vec<Span> {
        let mut all = Done::default();
        for (from, to) in done {
            all.add(from.map(str::to_owned), to.map(str::to_owned));
        }
        all.rest()
    }

    #[test]
    fn what_is_between_finished_intervals_is_left() {
        assert_eq!(rest(&[]), [span(None, None)]);
        assert_eq!(rest(&[(None, None)]), []);
        assert_eq!(rest(&[(None, Some("b")), (Some("b"), None)]), []);
        assert_eq!(rest(&[(Some("b"), None), (None, Some("a"))]), [span(Some("a"), Some("b"))]);
        assert_eq!(rest(&[(Some("b"), Some("c"))]), [span(None, Some("b")), span(Some("c"), None)]);
        assert_eq!(rest(&[(Some("b"), Some("c")), (None, Some("b"))]), [span(Some("c"), None)]);
    }

    proptest! {
        #[test]
        fn finished_and_left_are_the_whole_in_any_order(
            cuts in prop::collection::btree_set("[a-z]{1,3}", 1..12),
            picked in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut bounds: Vec<Option<String>> = vec![None];
            bounds.extend(cuts.into_iter().map(Some));
            bounds.push(None);
            let spans: Vec<Span> =
                bounds.windows(2).map(|pair| Span { lo: pair[0].clone(), hi: pair[1].clone() }).collect();
            let mut wanted: Vec<bool> = vec![true; spans.len()];
            let mut done = Done::default();
            for index in picked {
                let at = index.index(spans.len());
                if std::mem::take(&mut wanted[at]) {
                    done.add(spans[at].lo.clone(), spans[at].hi.clone());
                }
            }
            let rest = done.rest();
            let holds = |span: &Span, left: &Span| {
                (left.lo.is_none() || span.lo >= left.lo)
                    && (left.hi.is_none() || span.hi.is_some() && span.hi <= left.hi)
            };
            for (span, wanted) in spans.iter().zip(wanted) {
                prop_assert_eq!(rest.iter().any(|left| holds(span, left)), wanted, "{:?}", span);
            }
        }
    }
}
