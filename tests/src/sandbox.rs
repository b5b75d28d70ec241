//! The python of the sandbox, and the scripts that it runs as servers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A running script of `scripts/`, which is a server. It ends when this is dropped.
pub(crate) struct Script {
    child: Child,
    pipes: Mutex<Pipes>,
}

struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Script {
    /// Starts what [`server`] gives, and returns with it what it says first: where it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub(crate) fn start(command: &mut Command) -> (Self, String) {
        let mut child = command.spawn().expect("the sandbox's python starts");
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut said = String::new();
        stdout.read_line(&mut said).expect("the server's script says its address");
        let said = said.trim().to_owned();
        assert!(!said.is_empty(), "the server did not start: {:?}", command.get_args());
        (Self { child, pipes: Mutex::new(Pipes { stdin, stdout }) }, said)
    }

    /// Lets the script do something, such as `stop`, and waits until it is done.
    ///
    /// # Panics
    /// If it does not do that.
    pub(crate) fn order(&self, order: &str) {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let stdin = pipes.stdin.as_mut().expect("open until the end");
        writeln!(stdin, "{order}").expect("the server's script reads its orders");
        let mut answer = String::new();
        pipes.stdout.read_line(&mut answer).expect("the server's script answers");
        assert_eq!(answer.trim(), "ok", "the server did not {order}");
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner).stdin = None;
        // It fails only for a script that has ended already.
        let _ = self.child.wait();
    }
}

/// A script of `scripts/` as a server that ends with its stdin: the kernel closes that pipe however the test process
/// dies, so that no server outlives it.
///
/// # Panics
/// If the virtual environment cannot be made.
pub(crate) fn server(script: &str) -> Command {
    // Waits for one that another process is making, and does nothing where it is ready.
    let made = Command::new(root().join("scripts/sandbox")).arg("venv").status();
    assert!(made.is_ok_and(|status| status.success()), "`scripts/sandbox venv` failed");
    let mut command = Command::new(root().join("target/sandbox/venv/bin/python"));
    command
        .arg(root().join("scripts").join(script))
        .arg("--until-eof")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
