//! A swap in Secrets Manager: the new version is staged, checked, and made current only where the old one still is.

use common::aws::Trouble;
use common::reject::{Failure, Reject};
use jiff::Timestamp;

use crate::change::{Change, Edit, text_at};
use crate::check::{self, Check};
use crate::hidden::Hidden;
use crate::mask::Mask;
use crate::output::{Action, RESTART, Store, Swap, Version};
use crate::refuse::{self, NamedBy};
use crate::secrets_manager::{CURRENT, PENDING, STAGED, Secret, SecretsManager};
use crate::undo;

/// Swaps in secrets.
#[derive(Debug)]
pub struct Secrets {
    pub api: SecretsManager,
    pub named_by: NamedBy,
    pub check: Option<Check>,
}

impl Secrets {
    /// Makes the change in the current version.
    ///
    /// # Errors
    /// A reject, after which what was current still is, or the end of the run, which the same swap can take up again.
    pub async fn swap(&self, id: &str, change: &Change, dry_run: bool) -> Result<Swap, Failure> {
        let (secret, old) = self.find(id).await?;
        let present = self.content(&secret, &old).await?;
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
            time: Timestamp::now(),
        };
        let content = match change.of(present.reveal(), &secret)? {
            Edit::Same => return Ok(done(Action::Already, Some(&old), None)),
            Edit::New(content) => content,
        };
        let mask = Mask::of([&present, &content, &change.value]);
        if dry_run {
            check::run(self.check.as_ref(), &content, &change.value, &mask, &secret).await?;
            return Ok(done(Action::Swapped, None, Some(&old)));
        }
        let new = version_id(&secret.arn, &old, &present, &content);
        let staged = self.api.stage(&secret, &new, &content).await;
        staged.map_err(|trouble| self.named_by.refuse(mask.clean(trouble)))?;
        tracing::info!("{secret}: version {new} is staged as {STAGED}, {old} is current");
        if let Err(failure) = check::run(self.check.as_ref(), &content, &change.value, &mask, &secret).await {
            self.take_off(&secret, STAGED, &new).await;
            return Err(failure);
        }
        let made = self.make_current(&secret, &old, &new).await;
        // What may still succeed is left staged for the next run.
        if !matches!(&made, Err(Failure::Fatal(_)))
            && !matches!(&made, Err(Failure::Reject(why)) if why.retryable)
        {
            self.take_off(&secret, STAGED, &new).await;
        }
        made?;
        Ok(done(Action::Swapped, Some(&new), Some(&old)))
    }

    /// Makes the version current that was so before a swap, if the one that the swap made still is.
    ///
    /// # Errors
    /// As [`Secrets::swap`].
    pub async fn undo(&self, swap: &Swap, dry_run: bool) -> Result<Swap, Failure> {
        let (Some(Version::Id(made)), Some(Version::Id(before))) =
            (&swap.version_id, &swap.previous_version_id)
        else {
            return Err(undo::no_versions(swap).into());
        };
        let (secret, current) = self.find(swap.arn.as_deref().unwrap_or(&swap.name)).await?;
        let done = |action, previous: Option<&String>| Swap {
            action,
            version_id: Some(Version::Id(before.clone())),
            previous_version_id: previous.cloned().map(Version::Id),
            dry_run,
            time: Timestamp::now(),
            ..swap.clone()
        };
        if current == *before {
            return Ok(done(Action::Already, None));
        }
        if current != *made {
            return Err(refuse::changed_since(&secret, current, made));
        }
        let content = self.content(&secret, before).await?;
        let value = text_at(&content, swap.pointer.as_ref());
        let mask = Mask::of([&content]);
        check::run(self.check.as_ref(), &content, &value, &mask, &secret).await?;
        if !dry_run {
            self.make_current(&secret, made, before).await?;
        }
        Ok(done(Action::Undone, Some(made)))
    }

    /// The secret and its current version, with no rotation in progress.
    async fn find(&self, id: &str) -> Result<(Secret, String), Failure> {
        let secret = self.api.describe(id).await.map_err(|trouble| self.named_by.refuse(trouble))?;
        let Some(current) = secret.version(CURRENT).map(str::to_owned) else {
            return Err(Reject::new("no-such-version", format!("{secret}: no version is {CURRENT}")).into());
        };
        match secret.version(PENDING) {
            Some(pending) if pending != current => {
                let message = format!(
                    "{secret}: a rotation is in progress, {PENDING} is on version {pending}: wait for its end, or \
                     stop it (aws secretsmanager cancel-rotate-secret) and take {PENDING} off that version"
                );
                Err(Reject::retryable("rotation-in-progress", message).into())
            }
            _ => Ok((secret, current)),
        }
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

    /// Takes a staging label off, if it can: what was asked for does not hang on it, and a next run goes on with it.
    async fn take_off(&self, secret: &Secret, stage: &str, version: &str) {
        match self.api.take_off(secret, stage, version).await {
            Ok(()) => tracing::debug!("{secret}: {stage} is taken off version {version}"),
            Err(Trouble { message, .. }) => {
                tracing::warn!("{secret}: {stage} is left on version {version}: {message}")
            }
        }
    }
}

/// The id of the version that a swap makes: the same for the same swap, so that a repeat finds it.
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
