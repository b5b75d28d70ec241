//! Keeps values out of what others print: a check that fails, a service that quotes what it was sent.

use common::aws::Trouble;
use serde_json::Value;

use crate::hidden::Hidden;

/// Shorter texts stand in too many words that are no secret.
const SHORTEST: usize = 4;

/// What is to be hidden, the longest first, so that no part of a long value is left when a short one is taken out.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    needles: Vec<Hidden>,
}

impl Mask {
    /// Hides these texts: each of their lines and, where a text is JSON, each string and number in it.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a Hidden>) -> Self {
        let mut found = Vec::new();
        for text in texts {
            lines(text.reveal(), &mut found);
            if let Ok(value) = serde_json::from_str(text.reveal()) {
                leaves(&value, &mut found);
            }
        }
        found.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        found.dedup();
        Self { needles: found.into_iter().map(Hidden::from).collect() }
    }

    /// A failed request, without what the service quoted of it.
    pub fn clean(&self, trouble: Trouble) -> Trouble {
        Trouble { message: self.hide(&trouble.message), ..trouble }
    }

    /// The text with `***` in place of whatever is to be hidden.
    pub fn hide(&self, text: &str) -> String {
        self.needles.iter().fold(text.to_owned(), |text, needle| text.replace(needle.reveal(), "***"))
    }
}

/// Output comes in lines, and a value may have several.
fn lines(text: &str, found: &mut Vec<String>) {
    let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST);
    found.extend(lines.map(str::to_owned));
}

fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            lines(text, found);
            // As it stands inside JSON.
            let quoted = value.to_string();
            lines(&quoted[1..quoted.len() - 1], found);
        }
        Value::Number(number) => lines(&number.to_string(), found),
        Value::Array(values) => values.iter().for_each(|value| leaves(value, found)),
        Value::Object(map) => map.values().for_each(|value| leaves(value, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hide(secret: &str, text: &str) -> String {
        Mask::of([&Hidden::from(secret)]).hide(text)
    }

    #[test]
    fn every_part_of_a_secret_is_hidden() {
        let secret =
            r#"{"host":"db.example","password":"p\"w-1","pin":123456,"port":[{"n":"line 1\nline 2"}]}"#;
        assert_eq!(hide(secret, &format!("got {secret}")), "got ***");
        assert_eq!(hide(secret, "no host \"db.example\" for p\"w-1"), "no host \"***\" for ***");
        assert_eq!(hide(secret, r#"{"password":"p\"w-1"}"#), r#"{"password":"***"}"#);
        assert_eq!(hide(secret, "pin 123456, line 2"), "pin ***, ***");
        assert_eq!(hide("hunter2hunter2", "hunter2hunter2"), "***");
    }

    #[test]
    fn the_longer_goes_first() {
        assert_eq!(hide(r#"["pass","password"]"#, "password pass"), "*** ***");
        assert_eq!(hide(r#"["a","on"]"#, "a connection"), "a connection");
    }
}
