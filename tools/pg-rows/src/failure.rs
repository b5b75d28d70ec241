//! What a server's refusal means for the run, and its words.

use anyhow::{Error, anyhow};
use common::{Failure, Reject, pg};
use tokio_postgres::error::SqlState;

use crate::transaction::LOCK_TIMEOUT;

/// A failed run of the query with one set of parameters, after so many of its rows were written.
pub fn of_set(error: Error, rows: u64) -> Failure {
    let Some(code) = error.downcast_ref::<tokio_postgres::Error>().and_then(|error| error.code().cloned())
    else {
        return Failure::Fatal(error);
    };
    let Some((kind, retryable)) = kind(&code) else { return Failure::Fatal(error) };
    let before = if rows > 0 { format!("; {rows} of its rows were written before") } else { String::new() };
    Reject { kind, retryable, message: format!("{:#}{before}", explained(error)) }.into()
}

/// The reject that an SQLSTATE means, and whether another try may succeed; none where the next set would fail too.
/// From "PostgreSQL Error Codes", an appendix of its documentation.
fn kind(code: &SqlState) -> Option<(&'static str, bool)> {
    match code.code() {
        "57014" => Some(("cancelled", true)),
        "55P03" => Some(("locked", true)),
        code if code.starts_with("40") => Some(("conflict", true)),
        // A value, a constraint, more than one row, a function's own RAISE.
        code if ["22", "23", "21", "P0"].iter().any(|class| code.starts_with(class)) => {
            Some(("query-failed", false))
        }
        _ => None,
    }
}

/// The error of a statement in one line, with what can be done about it; any other error as it is.
pub fn explained(error: Error) -> Error {
    let Some(answer) = error.downcast_ref::<tokio_postgres::Error>() else { return error };
    let words = pg::describe(answer);
    match answer.code() {
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => anyhow!("{words} (give --read-write)"),
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => {
            anyhow!("{words} (another session held a lock for {LOCK_TIMEOUT})")
        }
        Some(code) if *code == SqlState::QUERY_CANCELED && words.contains("statement timeout") => {
            anyhow!("{words} (give a longer --timeout)")
        }
        _ => anyhow!(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_another_set_may_escape_is_a_reject() {
        for (code, expected) in [
            ("22P02", Some(("query-failed", false))),
            ("22012", Some(("query-failed", false))),
            ("P0001", Some(("query-failed", false))),
            ("21000", Some(("query-failed", false))),
            ("40001", Some(("conflict", true))),
            ("55P03", Some(("locked", true))),
            ("57014", Some(("cancelled", true))),
            ("42501", None),
            ("25006", None),
            ("53200", None),
            ("57P01", None),
            ("XX000", None),
        ] {
            assert_eq!(kind(&SqlState::from_code(code)), expected, "{code}");
        }
    }
}
