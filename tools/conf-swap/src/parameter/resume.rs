//! What became of a version that an earlier run was about to put on a parameter: its number was not known then.

use anyhow::anyhow;
use common::Reject;
use common::reject::Failure;

use super::Parameters;
use crate::change::{Change, Edit};
use crate::check;
use crate::hidden::Hidden;
use crate::kept::Intent;
use crate::mask::Mask;
use crate::output::{RESTART, Swap, Version};
use crate::refuse;
use crate::ssm::Parameter;

/// What the intent says of the versions.
pub(super) struct Resumed<'a> {
    label: Option<&'a str>,
    /// The version that readers saw.
    before: i64,
    /// The latest, over which the new one was to be put.
    over: i64,
    /// The new one, where it was put before already and only the label was to be moved.
    there: Option<i64>,
}

impl<'a> Resumed<'a> {
    /// Reads an intent.
    ///
    /// # Errors
    /// When it is not one of a parameter.
    pub(super) fn of(intent: &'a Intent) -> Result<Self, Failure> {
        let there = match intent.swap.version_id {
            Some(Version::Number(version)) => Some(version),
            _ => None,
        };
        match (&intent.swap.previous_version_id, intent.over) {
            (&Some(Version::Number(before)), Some(over)) => {
                Ok(Self { label: intent.swap.label.as_deref(), before, over, there })
            }
            _ => {
                Err(anyhow!("the journal has an intent that names no versions of {}", intent.swap.name)
                    .into())
            }
        }
    }
}

impl Parameters {
    /// The version that an earlier run put, with its label moved; nothing where it put none and nobody else did.
    ///
    /// # Errors
    /// A reject, where somebody else wrote meanwhile.
    pub(super) async fn resume(
        &self,
        latest: &Parameter,
        seen: &Parameter,
        change: &Change,
        intent: &Resumed<'_>,
        dry_run: bool,
    ) -> Result<Option<i64>, Failure> {
        let &Resumed { label, before, over, there } = intent;
        let old = self.get(&format!("{}:{before}", latest.name)).await?;
        let content = match change.of(old.value.reveal(), latest)? {
            Edit::New(content) => Some(content),
            // The value from before is wanted now: the earlier run put another one, if it put any.
            Edit::Same => None,
        };
        let ours = match (&content, there) {
            (None, _) => None,
            (Some(_), Some(there)) => Some(there),
            (Some(content), None) => self.put_over(latest, over, content).await?,
        };
        let Some(version) = ours else {
            if latest.version == over && seen.version == before {
                return Ok(None);
            }
            if latest.version > over && content.is_some_and(|content| content == latest.value) {
                let message = format!(
                    "{latest}: somebody else wrote version {} before version {} was put over it, which has what the \\
                     earlier run of this journal was to put over {over}: look at {}, which is no longer current",
                    over + 1,
                    latest.version,
                    over + 1
                );
                return Err(Reject::new("overwrote", message).into());
            }
            return Err(overtaken(latest, seen, intent, None));
        };
        if label.is_some() && seen.version == before && latest.version == version {
            let content = content.unwrap_or_default();
            let mask = Mask::of([&old.value, &content, &change.value]);
            check::run(self.check.as_ref(), &content, &change.value, &mask, latest).await?;
            if !dry_run {
                self.label(latest, label, version).await?;
            }
            return Ok(Some(version));
        }
        if seen.version != version {
            return Err(overtaken(latest, seen, intent, Some(version)));
        }
        tracing::info!("{latest}: an earlier run put version {version}; {RESTART}");
        Ok(Some(version))
    }

    /// The last version with this content of those that follow one another over `over`: a put whose answer was lost was
    /// tried again, and is a version of its own.
    pub(super) async fn put_over(
        &self,
        latest: &Parameter,
        over: i64,
        content: &Hidden,
    ) -> Result<Option<i64>, Failure> {
        let mut last = None;
        for version in over + 1..=latest.version {
            let is_ours = match version == latest.version {
                true => latest.value == *content,
                false => self.get(&format!("{}:{version}", latest.name)).await?.value == *content,
            };
            if !is_ours {
                break;
            }
            last = Some(version);
        }
        Ok(last)
    }
}

/// A result of the journal, if it still holds.
pub(super) fn replayed(
    latest: &Parameter,
    seen: &Parameter,
    swap: Swap,
    dry_run: bool,
) -> Result<Swap, Failure> {
    match swap.version_id {
        Some(Version::Number(version)) if version == seen.version => {
            Ok(Swap { replayed: true, dry_run, ..swap })
        }
        _ => Err(refuse::superseded(latest, &swap, seen.version)),
    }
}

/// What became of a put over `over` by an earlier run.
pub(super) fn fate(put: Option<i64>, over: i64) -> String {
    match put {
        Some(version) => format!("the earlier run of this journal had put version {version} over {over}"),
        None => format!("the earlier run of this journal had put nothing over {over} before that"),
    }
}

fn overtaken(latest: &Parameter, seen: &Parameter, intent: &Resumed<'_>, put: Option<i64>) -> Failure {
    // With a label, it may have been moved, or a version put that nobody reads by it yet.
    let now = if seen.version == intent.before { latest.version } else { seen.version };
    refuse::overtaken(latest, now, put.unwrap_or(intent.before), &fate(put, intent.over))
}
