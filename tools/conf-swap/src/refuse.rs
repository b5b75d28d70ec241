//! Why a record is turned away, and when that is the end of the run.

use std::fmt::Display;

use anyhow::anyhow;
use common::aws::Trouble;
use common::reject::{Failure, Reject};

use crate::output::{Action, Swap, Version};

/// Who named the secret or parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NamedBy {
    /// The command line: no record can succeed where it is missing or denied.
    CommandLine,
    /// Each record its own.
    Record,
}

/// The kind of a failed request, for the reject of its record.
fn kind(trouble: &Trouble) -> &'static str {
    match trouble.code.as_str() {
        "ResourceNotFoundException" | "ParameterNotFound" => "not-found",
        "ParameterVersionNotFound" => "no-such-version",
        code if code.contains("AccessDenied") => "access-denied",
        code if is_throttle(code) => "throttled",
        _ if trouble.is_retryable() => "unavailable",
        _ => "refused",
    }
}

/// `TooManyUpdates` is Parameter Store's word for a parameter that is being written by others.
fn is_throttle(code: &str) -> bool {
    code.contains("Throttl") || code == "TooManyUpdates"
}

impl NamedBy {
    /// The end of a record whose request failed; the end of the run where no other can succeed.
    pub fn refuse(self, trouble: Trouble) -> Failure {
        let kind = kind(&trouble);
        match (self, kind) {
            (Self::CommandLine, "not-found" | "access-denied") => Failure::Fatal(explained(trouble)),
            (_, "throttled") => Reject::retryable(kind, trouble.message).into(),
            (_, "refused") if trouble.code == "ParameterMaxVersionLimitExceeded" => {
                Reject::new(kind, explained(trouble).to_string()).into()
            }
            _ => trouble.reject(kind),
        }
    }
}

/// An error with what to do about it, where that is known.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    let remedy = match kind(&trouble) {
        "not-found" => "check the name, --region and whose account it is in",
        "access-denied" => "see the permissions in the README",
        _ if trouble.code == "ParameterMaxVersionLimitExceeded" => "move the label off the oldest version",
        _ => return trouble.into(),
    };
    anyhow!("{} ({remedy})", trouble.message)
}

/// Somebody else changed it after it was read, or after the swap that is to be undone.
pub fn changed_since(place: &impl Display, now: impl Display, expected: impl Display) -> Failure {
    let message =
        format!("{place}: version {now} is current, not {expected}: somebody changed it, look at it first");
    Reject::new("changed-since", message).into()
}

/// The same, found by the run that resumes: `fate` is what became of the act itself.
pub fn overtaken(place: &impl Display, now: impl Display, expected: impl Display, fate: &str) -> Failure {
    let message = format!(
        "{place}: version {now} is current, not {expected}: somebody changed it, look at it first; {fate}"
    );
    Reject::new("changed-since", message).into()
}

/// A result in the journal does not hold any more.
pub fn superseded(place: &impl Display, swap: &Swap, now: impl Display) -> Failure {
    let did = match swap.action {
        Action::Already => "found current",
        Action::Swapped | Action::Undone => "made current",
    };
    let version = swap.version_id.as_ref().map(Version::to_string).unwrap_or_default();
    let message = format!(
        "{place}: version {now} is current, and not {version}, which the run of this journal {did} at {}: look who \
         changed it; another --journal FILE does it again",
        swap.time
    );
    Reject::new("superseded", message).into()
}

/// The run that is resumed wrote another value than the one that is given now.
pub fn second_value(place: &impl Display, version: impl Display) -> Failure {
    let message = format!(
        "{place}: version {version}, which the run of this journal made current, holds another value than is given \
         now, and one run writes one value: give that one, or another --journal FILE for another swap"
    );
    Reject::new("second-value", message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(named_by: NamedBy, code: &str, status: Option<u16>) -> Result<(&'static str, bool), String> {
        let trouble = Trouble { code: code.into(), message: format!("GetParameter /a: {code}"), status };
        match named_by.refuse(trouble) {
            Failure::Reject(reject) => Ok((reject.kind, reject.retryable)),
            Failure::Fatal(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_code_has_one_kind_whoever_named_the_thing() {
        for by in [NamedBy::CommandLine, NamedBy::Record] {
            for (code, status, expected) in [
                ("ThrottlingException", 400, ("throttled", true)),
                ("TooManyUpdates", 400, ("throttled", true)),
                ("InternalServerError", 500, ("unavailable", true)),
                ("ParameterVersionNotFound", 400, ("no-such-version", false)),
                ("DecryptionFailure", 400, ("refused", false)),
            ] {
                assert_eq!(refused(by, code, Some(status)), Ok(expected), "{code}");
            }
            assert!(refused(by, "ExpiredTokenException", Some(400)).is_err());
            assert!(refused(by, "Unreachable", None).is_err());
        }
    }

    #[test]
    fn what_the_command_line_names_must_be_there_and_what_a_record_names_may_be_gone() {
        for (code, kind) in [
            ("ResourceNotFoundException", "not-found"),
            ("ParameterNotFound", "not-found"),
            ("AccessDeniedException", "access-denied"),
        ] {
            assert_eq!(refused(NamedBy::Record, code, Some(400)), Ok((kind, false)));
            let error = refused(NamedBy::CommandLine, code, Some(400)).unwrap_err();
            assert!(error.starts_with(&format!("GetParameter /a: {code} (")), "{error}");
        }
    }
}
