//! What a tool left behind.

use serde_json::Value;

/// The end of a run: how it ended and all that it wrote.
#[derive(Debug)]
pub struct Output {
    /// The exit code, absent if a signal ended the run.
    pub code: Option<i32>,
    /// The number of the signal that ended the run.
    pub signal: Option<i32>,
    /// All of stdout that was not read before, byte for byte.
    pub stdout: Vec<u8>,
    /// All of stderr; bytes that are no UTF-8 are replaced.
    pub stderr: String,
}

impl Output {
    /// stdout as text.
    ///
    /// # Panics
    /// If it is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout in UTF-8")
    }

    /// The records on stdout, one for each line.
    ///
    /// # Panics
    /// If a line is no JSON.
    pub fn records(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("no record ({error}): {line}"))
            })
            .collect()
    }

    /// The rejects on stderr: its JSON lines that have an `error` key. Other lines are messages and left out.
    pub fn rejects(&self) -> Vec<Value> {
        self.stderr
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|value| value.get("error").is_some())
            .collect()
    }

    /// Fails the test unless the tool ended with this exit code, and shows stderr then.
    ///
    /// # Panics
    /// If the code differs or a signal ended the run.
    #[track_caller]
    pub fn assert_code(&self, code: i32) -> &Self {
        assert!(
            self.code == Some(code),
            "expected exit code {code}, got {:?} (signal {:?})\n--- stderr\n{}--- stdout, first 2000 bytes\n{}",
            self.code,
            self.signal,
            self.stderr,
            String::from_utf8_lossy(&self.stdout[..self.stdout.len().min(2000)]),
        );
        self
    }
}
