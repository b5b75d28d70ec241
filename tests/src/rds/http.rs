//! HTTP in front of the operations.

use super::fields::Fields;
use super::operation::carry_out;
use super::refusal::Refusal;
use super::state::{Hang, Logged, State};
use crate::answering::Answer;

/// Carries out one request of the Query protocol, whose form is the body.
pub(super) fn answer(state: &mut State, body: &[u8]) -> Answer {
    let request = Fields::of_form(&String::from_utf8_lossy(body));
    let operation = request.get("Action").unwrap_or_default().to_owned();
    let hangs = state.hangs.get(&operation).copied();
    let result = match state.refusal(&operation) {
        Some(refusal) => Err(refusal),
        None if hangs == Some(Hang::Before) => Ok(Fields::default()),
        None => carry_out(state, &operation, &request),
    };
    let refused = result.as_ref().err().map(|refusal| refusal.code);
    state.log.push(Logged { operation: operation.clone(), request, refused });
    if hangs.is_some() && result.is_ok() { Answer::never() } else { reply(&operation, result) }
}

fn reply(operation: &str, result: Result<Fields, Refusal>) -> Answer {
    let (status, document) = match result {
        Ok(members) => (200, document(operation, &members)),
        Err(refusal) => (refusal.status, refusal.document()),
    };
    Answer::new(status, &[("content-type", "text/xml")], document)
}

/// The result comes first, and is there even if it is empty: clients look for it in that place.
fn document(operation: &str, members: &Fields) -> String {
    let name = format!("{operation}Result");
    let mut result = String::new();
    members.write(&name, &mut result);
    if result.is_empty() {
        result = format!("<{name}/>");
    }
    let metadata = "<ResponseMetadata><RequestId>TESTKIT</RequestId></ResponseMetadata>";
    format!("<{operation}Response>{result}{metadata}</{operation}Response>")
}
