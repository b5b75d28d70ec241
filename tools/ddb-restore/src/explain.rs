//! What to do about the errors of DynamoDB.

use anyhow::{Result, anyhow};
use common::aws::Trouble;
use common::wait::Look;

/// The end of the run, with what to do about it where that is known.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    match remedy(&trouble.code) {
        Some(remedy) => anyhow!("{} ({remedy})", trouble.message),
        None => trouble.into(),
    }
}

/// What to do about an error. The codes are those of the API's service model.
pub fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDenied" | "AccessDeniedException" => "the README lists the permissions that are needed",
        "InvalidRestoreTimeException" => "give an --at within the window, or none for the latest",
        "LimitExceededException" => {
            "too much is being created, restored or changed in this account: run the same command again later"
        }
        "PointInTimeRecoveryUnavailableException" => "point-in-time recovery of the source is off",
        "TableInUseException" | "ResourceInUseException" => {
            "the table is being changed: run the same command again when it is ACTIVE"
        }
        "TableNotFoundException" => "check --from, --region and --profile",
        _ => return None,
    })
}

/// A look that failed: what may pass is looked at again, the rest ends the run.
///
/// # Errors
/// What does not pass.
pub fn missed<T>(trouble: Trouble) -> Result<Look<T>> {
    if trouble.is_retryable() { Ok(Look::Missed(trouble.message)) } else { Err(explained(trouble)) }
}
