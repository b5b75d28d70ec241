//! The lines of Typesense's answer to an import: one for each document, in the order in which they were sent.

use std::borrow::Cow;

use serde::Deserialize;

/// Most results are this and nothing else.
const SUCCESS: &[u8] = b"{\"success\":true}";
/// The most of Typesense's words about one document, in bytes.
const WORDS: usize = 1000;

/// What Typesense says about one document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// It is imported.
    Success,
    /// It is not.
    Failure(Failure),
}

/// Why a document is not imported.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, serde::Serialize)]
pub struct Failure {
    /// Typesense's code, from the statuses of HTTP.
    pub code: u16,
    /// Typesense's words, cut if they are many.
    pub error: String,
}

/// A line that is about the request and not about a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broken(pub String);

/// The part of a line that has come so far.
#[derive(Debug, Default)]
pub struct Results {
    rest: Vec<u8>,
}

impl Results {
    /// Reads on, and calls `each` for each result that is whole.
    ///
    /// # Errors
    /// A line is no result.
    pub fn read(&mut self, mut bytes: &[u8], each: &mut impl FnMut(Told)) -> Result<(), Broken> {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, after) = (&bytes[..end], &bytes[end + 1..]);
            if self.rest.is_empty() {
                tell(line, each)?;
            } else {
                self.rest.extend_from_slice(line);
                tell(&std::mem::take(&mut self.rest), each)?;
            }
            bytes = after;
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads the last line, which has no end, after an answer that is whole.
    ///
    /// # Errors
    /// It is no result.
    pub fn finish(self, each: &mut impl FnMut(Told)) -> Result<(), Broken> {
        tell(&self.rest, each)
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    success: Option<bool>,
    code: Option<u16>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

fn tell(line: &[u8], each: &mut impl FnMut(Told)) -> Result<(), Broken> {
    if line == SUCCESS {
        each(Told::Success);
        return Ok(());
    }
    // Some versions put an empty line between two parts of the answer (release notes of 26.0).
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(());
    }
    let parsed: Line<'_> =
        serde_json::from_slice(line).map_err(|_| Broken(shown(&String::from_utf8_lossy(line))))?;
    match parsed {
        Line { success: Some(true), .. } => each(Told::Success),
        Line { success: Some(false), code, error, .. } => {
            let error = shown(error.as_deref().unwrap_or("without a reason"));
            each(Told::Failure(Failure { code: code.unwrap_or(500), error }));
        }
        Line { success: None, message, .. } => {
            let words = message.unwrap_or_else(|| String::from_utf8_lossy(line));
            return Err(Broken(shown(&words)));
        }
    }
    Ok(())
}

/// One line of bounded length.
fn shown(text: &str) -> String {
    let end = (0..=WORDS.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text[..end].replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(parts: &[&[u8]]) -> Result<Vec<Told>, Broken> {
        let (mut told, mut results) = (Vec::new(), Results::default());
        for part in parts {
            results.read(part, &mut |one| told.push(one))?;
        }
        results.finish(&mut |one| told.push(one))?;
        Ok(told)
    }

    fn failure(code: u16, error: &str) -> Told {
        Told::Failure(Failure { code, error: error.to_owned() })
    }

    const ANSWER: &str = "{\"success\":true}\n{\"code\":400,\"document\":\"{\\\"id\\\":1}\",\"error\":\"a \\\"b\\\"\",\"success\":false}\n\n{\"id\":\"3\",\"success\":true}\n{\"success\":true}";

    fn expected() -> Vec<Told> {
        vec![Told::Success, failure(400, "a \"b\""), Told::Success, Told::Success]
    }

    proptest! {
        #[test]
        fn results_are_the_same_however_they_come(cuts in prop::collection::vec(0..ANSWER.len(), 0..9)) {
            let mut cuts = cuts;
            cuts.extend([0, ANSWER.len()]);
            cuts.sort_unstable();
            let parts: Vec<_> = cuts.windows(2).map(|cut| &ANSWER.as_bytes()[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&parts), Ok(expected()));
        }
    }

    #[test]
    fn a_line_about_the_request_is_no_result() {
        let words = "Rejecting write: running out of resource type: OUT_OF_DISK";
        let answer = format!("{{\"success\":true}}\n{{\"message\": \"{words}\"}}");
        assert_eq!(read(&[answer.as_bytes()]), Err(Broken(words.to_owned())));
        assert_eq!(read(&[b"<html>"]), Err(Broken("<html>".to_owned())));
    }

    #[test]
    fn long_words_are_cut() {
        let line = format!("{{\"code\":400,\"error\":\"{}\",\"success\":false}}", "é".repeat(WORDS));
        let told = read(&[line.as_bytes()]).unwrap();
        assert_eq!(told, [failure(400, &"é".repeat(WORDS / 2))]);
    }
}
