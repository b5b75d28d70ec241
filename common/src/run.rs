//! The outermost layer of every tool, and the only place that knows exit codes.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{CommandFactory, Parser};
use rustix::process::{Resource, getrlimit};
use tokio_util::sync::CancellationToken;

use crate::args::{self, Generate};
use crate::flags::Flags;
use crate::help::Literals;
use crate::log::{self, Console};
use crate::progress::{self, Counts};
use crate::reject::Rejects;
use crate::signals::{self, Signals};
use crate::{generate, stdio, writes};

/// The run was aborted.
const ABORTED: u8 = 1;
/// The command line or the input's form is wrong.
const USAGE: u8 = 2;
/// The run finished, and some records were rejected.
const REJECTED: u8 = 3;

/// What [`run`] must know about a tool's `Cli`.
pub trait Tool: Parser {
    /// Whether the tool changes anything at a service. A reader that leaves early is no error for one that
    /// only reads.
    const CHANGES: bool;

    /// The flags that every tool has.
    fn common(&self) -> &args::Common;

    /// The same of this run, for a tool of which some commands only read.
    fn changes(&self) -> bool {
        Self::CHANGES
    }
}

/// What a tool's work can reach: cheap to clone, one for each run.
#[derive(Clone)]
pub struct Ctx {
    /// The tool's name.
    pub tool: &'static str,
    /// Cancelled by the first SIGINT, SIGTERM or SIGHUP: take no more work.
    pub stop: CancellationToken,
    /// What has been done so far.
    pub counts: Arc<Counts>,
    /// The command line as it was given.
    pub flags: Arc<Flags>,
    pub(crate) console: Console,
}

impl Ctx {
    /// Opens the place where dead letters go.
    ///
    /// # Errors
    /// When the `--rejects` file cannot be opened.
    pub fn rejects(&self, args: &args::Rejects) -> Result<Rejects> {
        Rejects::open(self.tool, args, self.console.clone(), Arc::clone(&self.counts))
    }

    /// Writes results that stdout no longer takes to stderr, where they say what was changed.
    ///
    /// # Errors
    /// When stderr takes nothing either.
    pub fn salvage(&self, lines: &[u8]) -> Result<()> {
        if !writes::records_matter() {
            return Ok(());
        }
        self.console.write(lines).context("cannot write a result to stderr")
    }
}

/// An error that the user mends on the command line: exit code 2.
#[derive(Debug)]
pub enum Usage {
    /// stdin is a terminal where records are expected.
    NoInput,
    /// Flags that do not go together, or a file named by one that cannot be used.
    Wrong(String),
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInput => f.write_str("records are read from stdin, and stdin is a terminal"),
            Self::Wrong(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Usage {}

/// The reader of stdout left.
#[derive(Debug)]
pub(crate) struct ClosedStdout;

impl fmt::Display for ClosedStdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stdout was closed before the run was finished")
    }
}

impl std::error::Error for ClosedStdout {}

/// Runs a tool: flags, logging, signals, summary, exit code.
///
/// 0 all done, 1 aborted, 2 usage, 3 finished with rejects, 101 a bug; after SIGINT, SIGTERM or SIGHUP what is being
/// changed is finished and recorded, and the process dies by that signal. A second signal does not wait.
pub fn run<C, W, F>(work: W) -> ExitCode
where
    C: Tool,
    W: FnOnce(C, Ctx) -> F,
    F: Future<Output = Result<()>>,
{
    let (cli, flags) = match parse::<C>() {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let tool = name::<C>();
    let args = cli.common();
    let changes = cli.changes();
    let console = Console::new(args.quiet);
    log::start(tool, args, console.clone());
    if let Err(usage) = is_ready(changes) {
        tracing::error!("{usage}");
        return ExitCode::from(USAGE);
    }
    let (counts, flags) = (Arc::new(Counts::new()), Arc::new(flags));
    let ctx = Ctx { tool, stop: CancellationToken::new(), counts, flags, console };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = runtime.context("cannot start the runtime").and_then(|runtime| {
        let ended = runtime.block_on(supervise(&ctx, work(cli, ctx.clone())));
        // What was abandoned may sit in a blocking call, and nobody waits for it.
        runtime.shutdown_background();
        ended
    });
    if let Some(bar) = ctx.console.bar() {
        bar.finish_and_clear();
    }
    match result {
        Ok(Ended { result, signal }) => {
            let code = code::<C>(result, &ctx, changes);
            match signal {
                Some(signal) => {
                    signals::die_by(signal);
                    code
                }
                None => code,
            }
        }
        Err(error) => code::<C>(Err(error), &ctx, changes),
    }
}

/// Files that a run has open beside those of its connections: queues, journals, wake-ups.
const FILES: u64 = 64;

/// Proves what every run needs before it begins, or a limit of the system would end it in the middle.
fn is_ready(changes: bool) -> Result<(), Usage> {
    if changes {
        writes::record_changes();
        if stdio::was_closed(io::stdout()) {
            return Err(Usage::Wrong(
                "stdout is closed (or /dev/null, opened for reading too), and what is changed would leave no record: give a \
                 file, or > /dev/null"
                .into(),
            ));
        }
    }
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < FILES => Err(Usage::Wrong(format!(
            "only {files} files may be open, and {FILES} are needed: raise the limit (ulimit -n)"
        ))),
        _ => Ok(()),
    }
}

struct Ended {
    result: Result<()>,
    signal: Option<i32>,
}

/// Drives the work with a signal handler and the progress display beside it.
///
/// After a signal the work has as long as something that it changes is open; what only waits or reads is dropped.
async fn supervise(ctx: &Ctx, work: impl Future<Output = Result<()>>) -> Result<Ended> {
    let mut signals = Signals::listen()?;
    let mut got = None;
    tokio::pin!(work);
    let shown = progress::show(&ctx.counts, ctx.console.bar());
    tokio::pin!(shown);
    let settled = writes::settled();
    tokio::pin!(settled);
    loop {
        tokio::select! {
            result = &mut work => return Ok(Ended { result, signal: got }),
            signal = signals.next() => {
                if got.is_some() {
                    signals::die_by(signal);
                }
                got = Some(signal);
                let first = if writes::records_matter() { ": open changes are finished first" } else { "" };
                tracing::warn!("stopping{first}; a second signal ends the run at once");
                ctx.stop.cancel();
                settled.set(writes::settled());
            }
            () = &mut settled, if got.is_some() => return Ok(Ended { result: Ok(()), signal: got }),
            () = &mut shown => {}
        }
    }
}

fn code<C: Tool>(result: Result<()>, ctx: &Ctx, changes: bool) -> ExitCode {
    let Err(error) = result else {
        tracing::info!("{}", ctx.counts);
        return if ctx.counts.rejects() > 0 { ExitCode::from(REJECTED) } else { ExitCode::SUCCESS };
    };
    if let Some(usage) = error.downcast_ref::<Usage>() {
        tracing::error!("{usage}");
        if matches!(usage, Usage::NoInput) {
            let _ = ctx.console.write(C::command().render_help().to_string().as_bytes());
        }
        return ExitCode::from(USAGE);
    }
    if error.is::<ClosedStdout>() && !changes {
        return ExitCode::SUCCESS;
    }
    tracing::error!("{error:#}");
    tracing::info!("{}", ctx.counts);
    ExitCode::from(ABORTED)
}

fn name<C: CommandFactory>() -> &'static str {
    // clap keeps names that were given as literals, and every tool's is.
    C::command().get_name().to_owned().leak()
}

fn parse<C: Tool>() -> Result<(C, Flags), ExitCode> {
    let mut examples = Literals::default();
    // The whole tree is checked before any field is read, so that --generate needs no other argument.
    let parsed = examples.set_aside(C::command()).try_get_matches().and_then(|matches| {
        match matches.get_one::<Generate>("generate") {
            Some(&what) => Ok(Err(write_generated(C::command(), what))),
            None => C::from_arg_matches(&matches).map(|cli| Ok((cli, Flags::of(&C::command(), &matches)))),
        }
    });
    parsed.unwrap_or_else(|error| {
        let printed = examples.print(&error);
        if let Err(err) = &printed
            && !error.use_stderr()
            && err.kind() != io::ErrorKind::BrokenPipe
        {
            // With stderr gone too there is nobody to report to.
            let _ =
                writeln!(stdio::Raw(io::stderr()), "{}: error: cannot write to stdout: {err}", name::<C>());
        }
        Err(match printed {
            // With stderr gone there is nobody to report to.
            _ if error.use_stderr() => ExitCode::from(USAGE),
            Err(err) if err.kind() != io::ErrorKind::BrokenPipe => ExitCode::from(ABORTED),
            _ => ExitCode::SUCCESS,
        })
    })
}

fn write_generated(command: clap::Command, what: Generate) -> ExitCode {
    let written = generate::generate(command, what).and_then(|page| io::stdout().write_all(&page));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(ABORTED) }
}
