//! The python of the sandbox, and the scripts that it runs as servers.

use std::path::Path;
use std::process::{Command, Stdio};

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
