//! What Typesense refuses, in words: a document's reject, or the end of the run.

use anyhow::anyhow;
use common::Reject;
use common::http::{Trouble, is_retryable};

use crate::document::named;
use crate::results::Failure;

/// What Typesense said about a document, as a reject; `hint` follows its words.
pub fn reject(failure: &Failure, text: &str, hint: &str) -> Reject {
    let Failure { code, error } = failure;
    let kind = match code {
        400 => "bad-document",
        404 => "not-found",
        409 => "already-exists",
        _ if is_retryable(*code) => "unavailable",
        _ => "refused",
    };
    let message = format!("{}: {code} {error}{hint}", named(text));
    Reject { kind, message, retryable: is_retryable(*code) }
}

/// Typesense's words where it has no disk, no memory, or orders not to write (core_api.cpp of 0.24.1).
pub fn is_about_space(words: &str) -> bool {
    words.contains("running out of resource") || words.contains("Skipping writes")
}

/// The end of a run for that reason.
pub fn out_of_space(words: &str) -> anyhow::Error {
    anyhow!(
        "Typesense takes no more writes: {words}; give its nodes room, then give the same input again (--journal goes on where it was)"
    )
}

/// What ends a run, and what to do about it.
pub fn explained(trouble: Trouble) -> anyhow::Error {
    let Trouble { status, words, message } = trouble;
    match status {
        Some(401 | 403) => anyhow!(
            "{message}; check TS_KEY or --key-file: the key needs documents:import and collections:get for this collection"
        ),
        Some(404) => anyhow!("{message}; there is no such collection: make it first, or check the name"),
        Some(422) => out_of_space(&words),
        _ => anyhow!(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reject_says_whose_fault_it_is() {
        let reject = |code| {
            let failure = Failure { code, error: "words".to_owned() };
            let reject = reject(&failure, "{\"id\":\"7\"}", "; a hint");
            (reject.kind, reject.retryable, reject.message)
        };
        assert_eq!(reject(400), ("bad-document", false, "document \"7\": 400 words; a hint".to_owned()));
        assert_eq!(reject(503), ("unavailable", true, "document \"7\": 503 words; a hint".to_owned()));
        assert_eq!((reject(404).0, reject(413).0), ("not-found", "refused"));
        assert_eq!(reject(409).2, "document \"7\": 409 words; a hint");
    }
}
