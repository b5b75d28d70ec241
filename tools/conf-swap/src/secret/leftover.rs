//! The staging label that a run leaves behind when it is killed.
//!
//! A run holds [`STAGED`] on its version from PutSecretValue until AWSCURRENT has moved, and moves AWSCURRENT by the ids of
//! the two versions. Losing the label costs a run that is still going nothing; yet it is not taken from one.

use common::aws::Trouble;
use common::reject::{Failure, Reject};
use jiff::{SignedDuration, Timestamp};

use super::Secrets;
use crate::secrets_manager::{STAGED, Secret};

/// The time of a run besides its check: requests, each with all its tries.
const REQUESTS: SignedDuration = SignedDuration::from_mins(2);
/// The time of a check where this run has none.
const CHECK: SignedDuration = SignedDuration::from_mins(1);

impl Secrets {
    /// Takes the label off a version that a killed run staged and nobody made current. `ours` are versions of this very
    /// swap: the one that it is about to stage, and one that it gives up.
    ///
    /// # Errors
    /// A reject, when the version is so young that its run may still be going.
    pub(super) async fn clear_stage(
        &self,
        secret: &Secret,
        current: &str,
        ours: &[Option<&str>],
    ) -> Result<(), Failure> {
        let Some(staged) = secret.version(STAGED).filter(|&staged| staged != current) else {
            return Ok(());
        };
        if ours.first() == Some(&Some(staged)) {
            return Ok(());
        }
        let left = if ours.contains(&Some(staged)) {
            SignedDuration::ZERO
        } else {
            self.left(secret, staged).await?
        };
        if left > SignedDuration::ZERO {
            let message = format!(
                "{secret}: another run has staged version {staged} and may still be going: nothing is changed; if it was \
                 killed, resume it with its --journal, or swap again in {} s",
                left.as_secs() + 1
            );
            return Err(Reject::retryable("swap-in-progress", message).into());
        }
        self.clear(secret, staged).await;
        Ok(())
    }

    /// The same for an undo, which stages nothing and waits for nobody who does.
    pub(super) async fn clear_old_stage(&self, secret: &Secret, current: &str) {
        let Some(staged) = secret.version(STAGED).filter(|&staged| staged != current) else { return };
        match self.left(secret, staged).await {
            Ok(left) if left <= SignedDuration::ZERO => self.clear(secret, staged).await,
            _ => tracing::debug!(
                "{secret}: {STAGED} is left on version {staged}, whose run may still be going"
            ),
        }
    }

    async fn clear(&self, secret: &Secret, staged: &str) {
        tracing::info!(
            "{secret}: {STAGED} is taken off version {staged}: a run that was killed staged it, and it is not current"
        );
        self.take_off(secret, STAGED, staged).await;
    }

    /// How long the run that staged a version may still be going, for all that the version's age can say.
    async fn left(&self, secret: &Secret, staged: &str) -> Result<SignedDuration, Failure> {
        let made = self.api.made(secret, staged).await.map_err(|trouble| self.named_by.refuse(trouble))?;
        let check = self.check.as_ref().and_then(|check| check.timeout.try_into().ok()).unwrap_or(CHECK);
        let limit = REQUESTS.saturating_add(check);
        Ok(made.map_or(SignedDuration::ZERO, |made| limit - Timestamp::now().duration_since(made)))
    }

    /// Takes a staging label off, if it can: what was asked for does not hang on it, and a next run finds it.
    pub(super) async fn take_off(&self, secret: &Secret, stage: &str, version: &str) {
        let Err(Trouble { message, .. }) = self.api.take_off(secret, stage, version).await else {
            tracing::debug!("{secret}: {stage} is taken off version {version}");
            return;
        };
        // Another run may have been faster, or have staged a version of its own.
        let now = self.api.describe(&secret.arn).await;
        match now.is_ok_and(|now| now.version(stage) != Some(version)) {
            true => tracing::debug!("{secret}: {stage} is not on version {version} any more"),
            false => tracing::warn!("{secret}: {stage} is left on version {version}: {message}"),
        }
    }
}
