//! A swap in Parameter Store: a new version on top of the one that was read, and the label that readers go by.

mod resume;

use anyhow::anyhow;
use common::reject::{Failure, Reject};
use jiff::Timestamp;

use crate::change::{Change, Edit, text_at};
use crate::check::{self, Check};
use crate::hidden::Hidden;
use crate::kept::{Earlier, Kept};
use crate::mask::Mask;
use crate::output::{Action, RESTART, Store, Swap, Version};
use crate::refuse::{self, NamedBy};
use crate::ssm::{Parameter, Ssm};
use crate::undo;
use resume::{Resumed, fate, replayed};

/// Swaps in parameters.
#[derive(Debug)]
pub struct Parameters {
    pub api: Ssm,
    pub named_by: NamedBy,
    pub check: Option<Check>,
}

impl Parameters {
    /// Makes the change in what readers see, the version with the label or the latest, or finds out what an earlier run
    /// with the same journal made of it.
    ///
    /// # Errors
    /// A reject or the end of the run.
    pub async fn swap(
        &self,
        name: &str,
        label: Option<&str>,
        change: &Change,
        kept: &Kept<'_>,
        dry_run: bool,
    ) -> Result<Swap, Failure> {
        let earlier = kept.earlier()?;
        let latest = self.get(name).await?;
        let seen = match label {
            Some(label) => self.labelled(&latest, label).await?,
            None => latest.clone(),
        };
        match earlier {
            Earlier::Nothing => self.begin(&latest, &seen, label, change, kept, dry_run).await,
            Earlier::Intended(intent) => {
                let resumed = Resumed::of(&intent)?;
                match self.resume(&latest, &seen, change, &resumed, dry_run).await? {
                    Some(version) => Ok(Swap {
                        version_id: (!dry_run || seen.version == version).then_some(Version::Number(version)),
                        dry_run,
                        time: Timestamp::now(),
                        ..intent.swap
                    }),
                    None => self.begin(&latest, &seen, label, change, kept, dry_run).await,
                }
            }
            Earlier::Done(swap) => {
                let swap = replayed(&latest, &seen, swap, dry_run)?;
                match change.of(seen.value.reveal(), &latest) {
                    Ok(Edit::Same) => Ok(swap),
                    _ => Err(refuse::second_value(&latest, seen.version)),
                }
            }
        }
    }

    /// A swap of which nothing is made yet.
    async fn begin(
        &self,
        latest: &Parameter,
        seen: &Parameter,
        label: Option<&str>,
        change: &Change,
        kept: &Kept<'_>,
        dry_run: bool,
    ) -> Result<Swap, Failure> {
        let done = |action, version: Option<i64>, previous: Option<i64>| Swap {
            action,
            store: Store::Ssm,
            name: latest.name.clone(),
            arn: latest.arn.clone(),
            pointer: change.pointer.clone(),
            label: label.map(str::to_owned),
            version_id: version.map(Version::Number),
            previous_version_id: previous.map(Version::Number),
            dry_run,
            replayed: false,
            time: Timestamp::now(),
        };
        let content = match change.of(seen.value.reveal(), latest)? {
            Edit::Same => return Ok(done(Action::Already, Some(seen.version), None)),
            Edit::New(content) => content,
        };
        // An earlier run may have died between the new version and its label.
        let is_there = seen.version != latest.version && latest.value == content;
        if seen.version != latest.version && !is_there {
            let message = format!(
                "{latest}: {} is on version {} and the latest is {}, which nobody reads by the label yet: move the \
                 label, or swap without --label",
                label.unwrap_or_default(),
                seen.version,
                latest.version
            );
            return Err(Reject::new("unlabelled-version", message).into());
        }
        let mask = Mask::of([&seen.value, &content, &change.value]);
        check::run(self.check.as_ref(), &content, &change.value, &mask, latest).await?;
        if dry_run {
            return Ok(done(Action::Swapped, None, Some(seen.version)));
        }
        let there = is_there.then_some(latest.version);
        kept.intend(done(Action::Swapped, there, Some(seen.version)), Some(latest.version)).await?;
        let version = match there {
            Some(version) => version,
            None => self.put(latest, &content, &mask).await?,
        };
        self.label(latest, label, version).await?;
        Ok(done(Action::Swapped, Some(version), Some(seen.version)))
    }

    /// Puts the content from before a swap on top again, if what the swap put still is.
    ///
    /// # Errors
    /// As [`Parameters::swap`].
    pub async fn undo(&self, swap: &Swap, kept: &Kept<'_>, dry_run: bool) -> Result<Swap, Failure> {
        let (Some(Version::Number(made)), Some(Version::Number(before))) =
            (&swap.version_id, &swap.previous_version_id)
        else {
            return Err(undo::no_versions(swap).into());
        };
        let earlier = kept.earlier()?;
        let latest = self.get(&swap.name).await?;
        if let (Some(arn), Some(other)) =
            (&swap.arn, latest.arn.as_ref().filter(|arn| swap.arn.as_ref() != Some(arn)))
        {
            let message =
                format!("{latest}: {other} is not {arn}, which was swapped: check --region and --profile");
            return Err(Reject::new("not-found", message).into());
        }
        let seen = match &swap.label {
            Some(label) => self.labelled(&latest, label).await?,
            None => latest.clone(),
        };
        if let Earlier::Done(undone) = earlier {
            return replayed(&latest, &seen, undone, dry_run);
        }
        let wanted = self.get(&format!("{}:{before}", swap.name)).await?;
        let done = |action, version, previous: Option<i64>| Swap {
            action,
            version_id: version,
            previous_version_id: previous.map(Version::Number),
            dry_run,
            replayed: false,
            time: Timestamp::now(),
            ..swap.clone()
        };
        let resumed = matches!(earlier, Earlier::Intended(_));
        let is_there = latest.version > *made && latest.value == wanted.value;
        if is_there && seen.version == latest.version {
            let (action, previous) = match resumed {
                true => (Action::Undone, Some(*made)),
                false => (Action::Already, None),
            };
            return Ok(done(action, Some(Version::Number(latest.version)), previous));
        }
        if latest.version != *made && !is_there || seen.version != *made {
            let now = if latest.version == *made { seen.version } else { latest.version };
            if !resumed {
                return Err(refuse::changed_since(&latest, now, made));
            }
            let fate = fate(self.put_over(&latest, *made, &wanted.value).await?, *made);
            return Err(refuse::overtaken(&latest, now, made, &fate));
        }
        let value = text_at(&wanted.value, swap.pointer.as_ref());
        let mask = Mask::of([&latest.value, &wanted.value]);
        check::run(self.check.as_ref(), &wanted.value, &value, &mask, &latest).await?;
        if dry_run {
            return Ok(done(Action::Undone, None, Some(*made)));
        }
        let there = is_there.then_some(latest.version);
        kept.intend(done(Action::Undone, there.map(Version::Number), Some(*made)), Some(latest.version))
            .await?;
        let version = match there {
            Some(version) => version,
            None => self.put(&latest, &wanted.value, &mask).await?,
        };
        self.label(&latest, swap.label.as_deref(), version).await?;
        Ok(done(Action::Undone, Some(Version::Number(version)), Some(*made)))
    }

    async fn get(&self, selector: &str) -> Result<Parameter, Failure> {
        self.api.get(selector).await.map_err(|trouble| self.named_by.refuse(trouble))
    }

    async fn labelled(&self, latest: &Parameter, label: &str) -> Result<Parameter, Failure> {
        let labelled = self.api.get(&format!("{}:{label}", latest.name)).await;
        labelled.map_err(|trouble| match trouble.code.as_str() {
            "ParameterNotFound" | "ParameterVersionNotFound" => {
                let message = format!(
                    "{latest}: no version has the label {label}: label the one that readers should get first"
                );
                match self.named_by {
                    NamedBy::CommandLine => Failure::Fatal(anyhow!(message)),
                    NamedBy::Record => Reject::new("not-found", message).into(),
                }
            }
            _ => self.named_by.refuse(trouble),
        })
    }

    /// Puts a version and finds out whether it is the one after the latest that was read.
    async fn put(&self, latest: &Parameter, content: &Hidden, mask: &Mask) -> Result<i64, Failure> {
        let metadata = self.api.metadata(&latest.name).await;
        let metadata = metadata.map_err(|trouble| self.named_by.refuse(trouble))?;
        // A check takes its time. What is written after this look can only be told afterwards: PutParameter knows no
        // expected version.
        if metadata.version > latest.version {
            return Err(refuse::changed_since(latest, metadata.version, latest.version));
        }
        tracing::info!("{latest}: version {} is the latest, a new one is put over it", latest.version);
        let version = self.api.put(latest, metadata, content).await;
        let version = version.map_err(|trouble| self.named_by.refuse(mask.clean(trouble)))?;
        tracing::info!("{latest}: version {version} is put; {RESTART}");
        for between in latest.version + 1..version {
            // A put whose answer was lost was tried again, and is a version of its own.
            let found = self.api.get(&format!("{}:{between}", latest.name)).await;
            if !found.is_ok_and(|found| found.value == *content) {
                let message = format!(
                    "{latest}: somebody else wrote version {between} while this swap, version {version}, was made from \
                     {}: look at {between}, which is no longer current",
                    latest.version
                );
                return Err(Reject::new("overwrote", message).into());
            }
        }
        Ok(version)
    }

    async fn label(&self, latest: &Parameter, label: Option<&str>, version: i64) -> Result<(), Failure> {
        let Some(label) = label else { return Ok(()) };
        let moved = self.api.label(latest, label, version).await;
        moved.map_err(|trouble| self.named_by.refuse(trouble))?;
        tracing::info!("{latest}: {label} is moved to version {version}");
        Ok(())
    }
}
