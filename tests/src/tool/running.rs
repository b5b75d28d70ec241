//! A tool that is still running.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Output;

/// A started tool. Dropping it kills the tool.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    writer: Option<JoinHandle<()>>,
    stderr: Stderr,
    watchdog: Option<Watchdog>,
    deadline: Instant,
    _home: TempDir,
}

struct Stderr {
    lines: Receiver<String>,
    seen: String,
}

struct Watchdog {
    done: Sender<()>,
    thread: JoinHandle<bool>,
}

impl Running {
    pub(super) fn new(mut child: Child, input: Option<Vec<u8>>, limit: Duration, home: TempDir) -> Self {
        let mut stdin = child.stdin.take();
        let stdout = child.stdout.take().map(BufReader::new);
        let stderr = Stderr::new(child.stderr.take().expect("stderr is piped"));
        // A pipe holds 64 KiB: a tool that answers while it reads would block for ever on a writer in this
        // thread.
        let writer = input.map(|bytes| {
            let pipe = stdin.take().expect("stdin is piped");
            thread::spawn(move || feed(pipe, &bytes))
        });
        let watchdog = Some(Watchdog::new(child.id(), limit));
        let deadline = Instant::now() + limit;
        Self { child, stdin, stdout, writer, stderr, watchdog, deadline, _home: home }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the tool has come to its end.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("the tool can be waited for").is_some()
    }

    /// Sends a signal by its short name: `INT`, `TERM`, `KILL`, `STOP`.
    ///
    /// # Panics
    /// If there is no such signal, or no such process any more.
    pub fn signal(&self, name: &str) {
        assert!(kill(self.child.id(), name), "signal {name} could not be sent to {}", self.child.id());
    }

    /// Writes to stdin and flushes. Only for a tool that was started without [`super::Tool::stdin`].
    ///
    /// # Panics
    /// If stdin is closed or the tool does not read it any more.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let pipe = self.stdin.as_mut().expect("stdin is open");
        pipe.write_all(bytes.as_ref()).and_then(|()| pipe.flush()).expect("the tool reads its stdin");
    }

    /// Ends the input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line of stdout without its newline, as soon as the tool has written it; nothing at the end.
    ///
    /// # Panics
    /// If stdout is not captured, is closed or is not UTF-8.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let stdout = self.stdout.as_mut().expect("stdout is captured");
        let length = stdout.read_line(&mut line).expect("stdout in UTF-8");
        (length > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    /// Closes the reading end of stdout, as `head` does when it has seen enough.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Waits until stderr has a line with this text in it, and returns that line.
    ///
    /// # Panics
    /// If stderr ends or the run-time limit comes first.
    pub fn wait_stderr(&mut self, text: &str) -> String {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            match self.stderr.next(left) {
                Some(line) if line.contains(text) => return line,
                Some(_) => {}
                None => panic!("no {text:?} on stderr:\n{}", self.stderr.seen),
            }
        }
    }

    /// Ends the input and waits for the end of the tool.
    ///
    /// # Panics
    /// If it is still running at the run-time limit; it is killed then.
    pub fn wait(mut self) -> Output {
        self.stdin = None;
        let mut stdout = Vec::new();
        if let Some(pipe) = &mut self.stdout {
            pipe.read_to_end(&mut stdout).expect("stdout can be read");
        }
        let status = self.child.wait().expect("the tool can be waited for");
        let killed = self.watchdog.take().is_some_and(Watchdog::stop);
        if let Some(writer) = self.writer.take() {
            writer.join().expect("stdin was written");
        }
        let stderr = self.stderr.rest();
        assert!(!killed, "the tool was still running at the limit and was killed\n--- stderr\n{stderr}");
        Output { code: status.code(), signal: status.signal(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a tool that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.stop();
        }
    }
}

impl Stderr {
    fn new(pipe: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = Vec::new();
            while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Self { lines, seen: String::new() }
    }

    fn next(&mut self, limit: Duration) -> Option<String> {
        let line = self.lines.recv_timeout(limit).ok()?;
        self.seen.push_str(&line);
        Some(line)
    }

    fn rest(&mut self) -> String {
        let mut all = std::mem::take(&mut self.seen);
        all.extend(self.lines.iter());
        all
    }
}

impl Watchdog {
    fn new(pid: u32, limit: Duration) -> Self {
        let (done, ended) = channel();
        let thread = thread::spawn(move || {
            let hung = ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            hung && kill(pid, "KILL")
        });
        Self { done, thread }
    }

    /// Whether the tool had to be killed.
    fn stop(self) -> bool {
        drop(self.done);
        self.thread.join().unwrap_or(false)
    }
}

/// A tool may end without reading all of its input; only other failures are a fault of the bench.
fn feed(mut pipe: ChildStdin, bytes: &[u8]) {
    if let Err(error) = pipe.write_all(bytes) {
        assert!(error.kind() == ErrorKind::BrokenPipe, "stdin could not be written: {error}");
    }
}

/// The shell's own `kill` saves a dependency for one system call.
fn kill(pid: u32, signal: &str) -> bool {
    Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "kill", signal, &pid.to_string()])
        .status()
        .is_ok_and(|status| status.success())
}
