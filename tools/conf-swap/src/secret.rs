//! A swap in Secrets Manager: the new version is staged, checked, and made current only where the old one still is.

mod leftover;

use common::reject::{Failure, Reject};
use jiff::Timestamp;

use crate::change::{Change, Edit, text_at};
use crate::check::{self, Check};
use crate::hidden::Hidden;
use crate::kept::{Earlier, Kept};
use crate::mask::Mask;
use crate::output::{Action, RESTART, Store, Swap, Version};
use crate::refuse::{self, NamedBy};
use crate::secrets_manager::{CURRENT, PENDING, PREVIOUS, STAGED, Secret, SecretsManager};
use crate::undo;

/// Swaps in secrets.
#[derive(Debug)]
pub struct Secrets {
    pub api: SecretsManager,
    pub named_by: NamedBy,
    pub check: Option<Check>,
}

impl Secrets {
    /// Makes the change in the current version, or finds out what an earlier run with the same journal made of it.
    ///
    /// # Errors
    /// A reject, after which what was current still is, or the end of the run, which the same swap can resume.
    pub async fn swap(
        &self,
        id: &str,
        change: &Change,
        kept: &Kept<'_>,
        dry_run: bool,
    ) -> Result<Swap, Failure> {
        let earlier = kept.earlier()?;
        let (secret, current) = self.find(id, dry_run).await?;
        match earlier {
            Earlier::Nothing => self.begin(&secret, &current, change, None, kept, dry_run).await,
            Earlier::Intended(intent) => {
                self.resume(&secret, &current, change, intent.swap, kept, dry_run).await
            }
            Earlier::Done(swap) => {
                let swap = replayed(&secret, &current, swap, dry_run)?;
                self.holds(&secret, &current, change).await?;
                Ok(swap)
            }
        }
    }

    /// A swap that was not made yet; `intended` is the id that an earlier run meant its version to have.
    async fn begin(
        &self,
        secret: &Secret,
        current: &str,
        change: &Change,
        intended: Option<&str>,
        kept: &Kept<'_>,
        dry_run: bool,
    ) -> Result<Swap, Failure> {
        not_rotating(secret, current)?;
        let present = self.content(secret, current).await?;
        let done = |action, version: Option<&str>, previous: Option<&str>| Swap {
            action,
            store: Store::SecretsManager,
            name: secret.name.clone(),
            arn: Some(secret.arn.clone()),
            pointer: change.pointer.clone(),
            label: None,
            version_id: version.map(|id| Version::Id(id.to_owned())),
            previous_version_id: previous.map(|id| Version::Id(id.to_owned())),
            dry_run,
            replayed: false,
            time: Timestamp::now(),
        };
        let content = match change.of(present.reveal(), secret)? {
            Edit::Same => {
                self.say_way_back(secret, current, &present).await;
                return Ok(done(Action::Already, Some(current), None));
            }
            Edit::New(content) => content,
        };
        let mask = Mask::of([&present, &content, &change.value]);
        if dry_run {
            check::run(self.check.as_ref(), &content, &change.value, &mask, secret).await?;
            return Ok(done(Action::Swapped, None, Some(current)));
        }
        let usable = match intended {
            Some(id) if self.has_other(secret, id, &content).await? => None,
            intended => intended,
        };
        let new = match usable {
            Some(id) => id.to_owned(),
            None if kept.is_kept() => random_id(),
            None => version_id(&secret.arn, current, &present, &content),
        };
        self.clear_stage(secret, current, &[Some(&new), intended]).await?;
        if usable.is_none() {
            kept.intend(done(Action::Swapped, Some(&new), Some(current)), None).await?;
        }
        let staged = self.api.stage(secret, &new, &content).await;
        staged.map_err(|trouble| self.named_by.refuse(mask.clean(trouble)))?;
        tracing::info!("{secret}: version {new} is staged as {STAGED}, {current} is current");
        if let Err(failure) = check::run(self.check.as_ref(), &content, &change.value, &mask, secret).await {
            self.take_off(secret, STAGED, &new).await;
            return Err(failure);
        }
        let made = self.make_current(secret, current, &new).await;
        // What may still succeed is left staged for the next run.
        if !matches!(&made, Err(Failure::Fatal(_)))
            && !matches!(&made, Err(Failure::Reject(why)) if why.retryable)
        {
            self.take_off(secret, STAGED, &new).await;
        }
        made?;
        Ok(done(Action::Swapped, Some(&new), Some(current)))
    }

    /// Finishes what an earlier run was about to do, or finds that it was done.
    async fn resume(
        &self,
        secret: &Secret,
        current: &str,
        change: &Change,
        intent: Swap,
        kept: &Kept<'_>,
        dry_run: bool,
    ) -> Result<Swap, Failure> {
        let (before, made) = versions(&intent)?;
        if current == before {
            return self.begin(secret, current, change, Some(made), kept, dry_run).await;
        }
        if current != made {
            if !dry_run && secret.version(STAGED) == Some(made) {
                self.take_off(secret, STAGED, made).await;
            }
            let fate = fate(secret, before, made);
            return Err(refuse::overtaken(secret, current, before, &fate));
        }
        self.holds(secret, current, change).await?;
        tracing::info!("{secret}: an earlier run made version {made} current; {RESTART}");
        Ok(Swap { dry_run, time: Timestamp::now(), ..intent })
    }

    /// Makes the version current that was so before a swap, if the one that the swap made still is.
    ///
    /// # Errors
    /// As [`Secrets::swap`].
    pub async fn undo(&self, swap: &Swap, kept: &Kept<'_>, dry_run: bool) -> Result<Swap, Failure> {
        let (before, made) = versions(swap)?;
        let earlier = kept.earlier()?;
        let (secret, current) = self.find(swap.arn.as_deref().unwrap_or(&swap.name), dry_run).await?;
        if let Earlier::Done(undone) = earlier {
            return replayed(&secret, &current, undone, dry_run);
        }
        let resumed = matches!(earlier, Earlier::Intended(_));
        let done = |action, previous: Option<&str>| Swap {
            action,
            version_id: Some(Version::Id(before.to_owned())),
            previous_version_id: previous.map(|id| Version::Id(id.to_owned())),
            dry_run,
            replayed: false,
            time: Timestamp::now(),
            ..swap.clone()
        };
        if current == before && resumed {
            tracing::info!("{secret}: an earlier run made version {before} current again; {RESTART}");
            return Ok(done(Action::Undone, Some(made)));
        }
        not_rotating(&secret, &current)?;
        if current == before {
            return Ok(done(Action::Already, None));
        }
        if current != made {
            return Err(match resumed {
                true => refuse::overtaken(&secret, &current, made, &fate(&secret, made, before)),
                false => refuse::changed_since(&secret, current, made),
            });
        }
        let content = self.content(&secret, before).await?;
        let value = text_at(&content, swap.pointer.as_ref());
        let mask = Mask::of([&content]);
        check::run(self.check.as_ref(), &content, &value, &mask, &secret).await?;
        if !dry_run {
            self.clear_old_stage(&secret, &current).await;
            if !resumed {
                kept.intend(done(Action::Undone, Some(made)), None).await?;
            }
            self.make_current(&secret, made, before).await?;
        }
        Ok(done(Action::Undone, Some(made)))
    }

    /// The secret and its current version, which nothing of a killed run is left on.
    async fn find(&self, id: &str, dry_run: bool) -> Result<(Secret, String), Failure> {
        let secret = self.api.describe(id).await.map_err(|trouble| self.named_by.refuse(trouble))?;
        let Some(current) = secret.version(CURRENT).map(str::to_owned) else {
            return Err(Reject::new("no-such-version", format!("{secret}: no version is {CURRENT}")).into());
        };
        if !dry_run && secret.version(STAGED) == Some(&current) {
            tracing::info!(
                "{secret}: {STAGED} is taken off version {current}: a run that was killed left it"
            );
            self.take_off(&secret, STAGED, &current).await;
        }
        Ok((secret, current))
    }

    async fn content(&self, secret: &Secret, version: &str) -> Result<Hidden, Failure> {
        let content = self.api.content(secret, version).await;
        let content = content.map_err(|trouble| match trouble.code.as_str() {
            // The secret itself was found.
            "ResourceNotFoundException" => trouble.reject("no-such-version"),
            _ => self.named_by.refuse(trouble),
        })?;
        content.ok_or_else(|| {
            let message =
                format!("{secret}: version {version} is binary (SecretBinary), and only text can be swapped");
            Reject::new("binary-secret", message).into()
        })
    }

    /// Whether a version is there with another content than this one.
    async fn has_other(&self, secret: &Secret, version: &str, content: &Hidden) -> Result<bool, Failure> {
        match self.api.content(secret, version).await {
            Ok(found) => Ok(found.as_ref() != Some(content)),
            Err(trouble) if trouble.code == "ResourceNotFoundException" => Ok(false),
            Err(trouble) => Err(self.named_by.refuse(trouble)),
        }
    }

    /// Refuses a run that wants another value than the one of its journal: no value stands there to be compared with.
    async fn holds(&self, secret: &Secret, version: &str, change: &Change) -> Result<(), Failure> {
        match change.of(self.content(secret, version).await?.reveal(), secret) {
            Ok(Edit::Same) => Ok(()),
            _ => Err(refuse::second_value(secret, version)),
        }
    }

    /// Moves AWSCURRENT, and finds out what became of a move that failed.
    async fn make_current(&self, secret: &Secret, from: &str, to: &str) -> Result<(), Failure> {
        if secret.version(PENDING) == Some(from) {
            // Rotations leave the label on the version they made. Behind AWSCURRENT it would look like one in progress
            // (API reference, RotateSecret), and block the next.
            self.take_off(secret, PENDING, from).await;
        }
        if let Err(trouble) = self.api.make_current(secret, from, to).await {
            if trouble.is_fatal() {
                return Err(self.named_by.refuse(trouble));
            }
            // The move may have been made and its answer lost: the next try then finds nothing to move.
            let now = self.api.describe(&secret.arn).await.ok();
            match now.as_ref().and_then(|now| now.version(CURRENT)) {
                Some(now) if now == to => {}
                Some(now) if now != from => return Err(refuse::changed_since(secret, now, from)),
                _ => return Err(self.named_by.refuse(trouble)),
            }
        }
        tracing::info!("{secret}: version {to} is current; {RESTART}");
        Ok(())
    }

    /// Says where the way back is, if the current version proves to be that of an earlier run without a journal.
    async fn say_way_back(&self, secret: &Secret, current: &str, present: &Hidden) {
        let Some(previous) = secret.version(PREVIOUS) else { return };
        let Ok(Some(old)) = self.api.content(secret, previous).await else { return };
        if version_id(&secret.arn, previous, &old, present) == current {
            tracing::warn!(
                "{secret}: an earlier run made version {current} from {previous}, which is {PREVIOUS}; should its record \
                 be lost, that is the way back. With --journal FILE a run that was killed keeps it by itself"
            );
        }
    }
}

/// The versions before a swap and after it.
fn versions(swap: &Swap) -> Result<(&str, &str), Failure> {
    match (&swap.previous_version_id, &swap.version_id) {
        (Some(Version::Id(before)), Some(Version::Id(made))) => Ok((before, made)),
        _ => Err(undo::no_versions(swap).into()),
    }
}

/// A result of the journal, if it still holds.
fn replayed(secret: &Secret, current: &str, swap: Swap, dry_run: bool) -> Result<Swap, Failure> {
    match &swap.version_id {
        Some(Version::Id(version)) if version == current => Ok(Swap { replayed: true, dry_run, ..swap }),
        _ => Err(refuse::superseded(secret, &swap, current)),
    }
}

/// What became of a move of AWSCURRENT that a run was about to make, where it is on neither version now.
fn fate(secret: &Secret, from: &str, to: &str) -> String {
    match secret.version(PREVIOUS) {
        Some(previous) if previous == to => {
            format!("the earlier run of this journal had made {to} current, from {from}")
        }
        Some(previous) if previous == from => {
            format!("the earlier run of this journal had not moved {CURRENT} from {from} to {to}")
        }
        _ => format!(
            "whether the earlier run of this journal had moved {CURRENT} from {from} to {to} is not known"
        ),
    }
}

fn not_rotating(secret: &Secret, current: &str) -> Result<(), Reject> {
    match secret.version(PENDING) {
        Some(pending) if pending != current => {
            let message = format!(
                "{secret}: a rotation is in progress, {PENDING} is on version {pending}: wait for its end, or stop it \
                 (aws secretsmanager cancel-rotate-secret) and take {PENDING} off that version"
            );
            Err(Reject::retryable("rotation-in-progress", message))
        }
        _ => Ok(()),
    }
}

/// The id of a version that a journal knows: it need not follow from anything, and from what is on disk nobody can try
/// values.
fn random_id() -> String {
    format!("{:032x}{:032x}", fastrand::u128(..), fastrand::u128(..))
}

/// The id of the version that a swap without a journal makes: the same for the same swap, so that a repeat finds it.
///
/// Ids are not secret. The hash has the old content for its key, or whoever sees the id of a short secret could try
/// values until one fits.
fn version_id(arn: &str, old: &str, present: &Hidden, content: &Hidden) -> String {
    let key = blake3::derive_key("drkit conf-swap version id", present.reveal().as_bytes());
    let mut hasher = blake3::Hasher::new_keyed(&key);
    for part in [arn, old, content.reveal()] {
        hasher.update(&part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_id_tells_swaps_apart_and_nothing_else() {
        let id =
            |arn, old, present: &str, content: &str| version_id(arn, old, &present.into(), &content.into());
        let one = id("arn", "old", "a", "b");
        assert_eq!(one, id("arn", "old", "a", "b"));
        assert!((32..=64).contains(&one.len()) && one.bytes().all(|byte| byte.is_ascii_hexdigit()), "{one}");
        for other in [
            id("arn2", "old", "a", "b"),
            id("arn", "old2", "a", "b"),
            id("arn", "old", "a2", "b"),
            id("arn", "old", "a", "b2"),
            id("arno", "ld", "a", "b"),
        ] {
            assert_ne!(one, other);
        }
    }
}
