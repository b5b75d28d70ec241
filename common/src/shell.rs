//! Commands as text that a shell can run.

/// A command that is written down, a word at a time.
pub struct Command(String);

impl Command {
    /// One that begins with these words.
    pub fn new(words: &str) -> Self {
        Self(words.to_owned())
    }

    /// Adds an option with its value, where there is one.
    pub fn option(&mut self, name: &str, value: Option<impl ToString>) {
        self.options(name, value.map(|value| value.to_string()).filter(|value| !value.is_empty()));
    }

    /// Adds an option with all of its values, where there are any.
    pub fn options<S: AsRef<str>>(&mut self, name: &str, values: impl IntoIterator<Item = S>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            self.0.push(' ');
            self.0.push_str(name);
        }
        for value in values {
            self.0.push(' ');
            self.0.push_str(&quoted(value.as_ref()));
        }
    }

    /// Adds a word as it is.
    pub fn word(&mut self, word: &str) {
        self.0.push(' ');
        self.0.push_str(&quoted(word));
    }

    /// Adds a flag, where it is wanted.
    pub fn flag(&mut self, name: &str, wanted: bool) {
        if wanted {
            self.0.push(' ');
            self.0.push_str(name);
        }
    }

    /// The whole line.
    pub fn into_line(self) -> String {
        self.0
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:=,@+-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_one_word_for_a_shell() {
        for (word, expected) in
            [("plain-1", "plain-1"), ("", "''"), ("it's", r"'it'\''s'"), ("a b", "'a b'"), ("$x", "'$x'")]
        {
            assert_eq!(quoted(word), expected);
        }
    }
}
