//! Runs the real binary of a tool and looks at what it did.
//!
//! ```no_run
//! use testkit::tool::Tool;
//!
//! let output = Tool::new("s3-versions")
//!     .args(["--all", "s3://photos/"])
//!     .endpoint("http://127.0.0.1:5000")
//!     .run();
//! output.assert_code(0);
//! assert_eq!(output.records().len(), 3);
//! ```

mod output;
mod running;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

pub use output::Output;
pub use running::Running;

/// How long a tool may run before the test is failed.
const LIMIT: Duration = Duration::from_secs(120);

/// A command line to run, with the environment that every test shares.
///
/// Nothing of the caller's AWS configuration reaches the tool: every `AWS_*` variable is taken away, `HOME`
/// is an empty folder, the credentials are `test`/`test` and the region is `us-east-1`.
pub struct Tool {
    program: PathBuf,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    stdin: Option<Vec<u8>>,
    stdout: Target,
    cwd: Option<PathBuf>,
    limit: Duration,
}

enum Target {
    Capture,
    File(PathBuf),
    Broken,
}

/// The names of all tools of the project.
///
/// # Panics
/// If their folder cannot be read.
pub fn all() -> Vec<String> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tools"));
    let tools = std::fs::read_dir(folder).expect("the tools");
    tools.map(|tool| tool.expect("a tool").file_name().to_string_lossy().into_owned()).collect()
}

impl Tool {
    /// The binary `name` of this workspace, from the folder that cargo built the running test into.
    ///
    /// # Panics
    /// If the binary was not built: a test of another package needs `cargo build --workspace --bins` first.
    pub fn new(name: &str) -> Self {
        Self::of(find(name))
    }

    /// bash with this script, in which the tools are found by their names and a pipeline fails with any of its
    /// parts.
    ///
    /// # Panics
    /// If the path of the running test is not known, or has a colon.
    pub fn bash(script: &str) -> Self {
        let test = env::current_exe().expect("the path of the running test");
        let binaries = test.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
        let old = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(std::iter::once(binaries).chain(env::split_paths(&old)));
        Self::of("bash".into())
            .args(["-euo", "pipefail", "-c", script])
            .env("PATH", path.expect("a folder without a colon in its name"))
    }

    fn of(program: PathBuf) -> Self {
        Self {
            program,
            args: Vec::new(),
            env: Vec::new(),
            stdin: None,
            stdout: Target::Capture,
            cwd: None,
            limit: LIMIT,
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable in the environment of the tool.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Takes a variable away, such as `AWS_REGION` or the credentials that [`Tool`] sets by itself.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), None));
        self
    }

    /// Points every AWS service at the server at `url`.
    pub fn endpoint(self, url: &str) -> Self {
        self.env("AWS_ENDPOINT_URL", url)
    }

    /// Bytes for stdin, which ends after them. Without this, [`Tool::run`] gives an empty stdin and
    /// [`Tool::spawn`] leaves it open for [`Running::write`].
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Sends stdout to a file or device such as `/dev/full`; the output then has an empty `stdout`.
    pub fn stdout_to(mut self, path: impl Into<PathBuf>) -> Self {
        self.stdout = Target::File(path.into());
        self
    }

    /// Gives the tool a stdout whose reader has already left.
    pub fn stdout_broken(mut self) -> Self {
        self.stdout = Target::Broken;
        self
    }

    /// The folder to run in.
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cwd = Some(folder.into());
        self
    }

    /// Another run-time limit than 120 seconds.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the tool to its end.
    ///
    /// # Panics
    /// If it cannot be started, or is still running at the limit; it is killed then.
    pub fn run(mut self) -> Output {
        self.stdin.get_or_insert_default();
        self.spawn().wait()
    }

    /// Starts the tool, for tests that feed it bit by bit, send signals or close its stdout early.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn spawn(self) -> Running {
        let home = TempDir::new().expect("a temporary folder for HOME");
        // Whoever runs the tests in the background has some signals ignored, and tools would keep them so.
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP,INT,QUIT,TERM").arg(&self.program).args(&self.args);
        clean(&mut command, home.path());
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = &self.cwd {
            command.current_dir(folder);
        }
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(match &self.stdout {
            Target::Capture => Stdio::piped(),
            Target::File(path) => OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
                .into(),
            Target::Broken => {
                let (reader, writer) = std::io::pipe().expect("a pipe");
                drop(reader);
                writer.into()
            }
        });
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        // The command still owns its copy of a stdout given by handle.
        drop(command);
        Running::new(child, self.stdin, self.limit, home)
    }
}

/// Takes the caller's configuration out of the environment of a tool.
pub(crate) fn clean(command: &mut Command, home: &Path) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["AWS_", "STRIPE_", "TS_", "XDG_"].iter().any(|prefix| text.starts_with(prefix))
            || text == "RUST_LOG"
        {
            command.env_remove(&name);
        }
    }
    command
        .env("HOME", home)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
}

/// Cargo puts test executables into `deps/`, below the folder of the binaries.
pub(crate) fn find(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of the running test");
    test.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace --bins` first"))
}
