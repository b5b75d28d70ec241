//! Messages on stderr: one writer for all of them, so that no line is torn by another or by the bar.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::args::{self, LogFormat};
use crate::secret;
use crate::stdio::Raw;

/// stderr, with the progress bar that may be drawn on it.
#[derive(Clone)]
pub(crate) struct Console {
    bar: Option<ProgressBar>,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Self {
        let wanted = !quiet && io::stderr().is_terminal();
        let bar = wanted.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::default_spinner());
            bar
        });
        Self { bar }
    }

    pub(crate) fn bar(&self) -> Option<&ProgressBar> {
        self.bar.as_ref()
    }

    /// Writes whole lines in one call.
    pub(crate) fn write(&self, lines: &[u8]) -> io::Result<()> {
        let write = || {
            // The lock keeps lines whole; a stream that is non-blocking is waited for.
            let stderr = io::stderr().lock();
            Raw(&stderr).write_all(lines)
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

struct Messages {
    tool: &'static str,
    level: Level,
    foreign: Level,
    format: LogFormat,
    console: Console,
}

/// Sends events of the tool to stderr at the level the flags ask for, those of libraries one step later.
pub(crate) fn start(tool: &'static str, args: &args::Common, console: Console) {
    let (level, foreign) = match (args.quiet, args.verbose) {
        (true, _) => (Level::ERROR, Level::ERROR),
        (_, 0) => (Level::INFO, Level::ERROR),
        (_, 1) => (Level::DEBUG, Level::WARN),
        // The service clients' own debug level prints request headers, and those hold secrets.
        (_, _) => (Level::TRACE, Level::INFO),
    };
    let messages = Messages { tool, level, foreign, format: args.log_format, console };
    // Fails only where a subscriber is set already, and then that one speaks.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(messages));
}

#[derive(Serialize)]
struct JsonMessage<'a> {
    time: Timestamp,
    level: &'a str,
    tool: &'a str,
    message: &'a str,
}

impl Messages {
    fn wants(&self, target: &str, level: Level) -> bool {
        let root = target.split("::").next().unwrap_or(target);
        let own = root == "common" || root == self.tool.replace('-', "_");
        level <= if own { self.level } else { self.foreign }
    }

    fn line(&self, level: Level, message: &str) -> Vec<u8> {
        let mut line = match self.format {
            LogFormat::Text => {
                let label = match level {
                    Level::ERROR => "error: ",
                    Level::WARN => "warning: ",
                    _ => "",
                };
                format!("{}: {label}{message}", self.tool).into_bytes()
            }
            LogFormat::Json => {
                let level = level.as_str().to_ascii_lowercase();
                let message = JsonMessage { time: Timestamp::now(), level: &level, tool: self.tool, message };
                serde_json::to_vec(&message).unwrap_or_default()
            }
        };
        line.push(b'\n');
        line
    }
}

impl<S: Subscriber> Layer<S> for Messages {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && self.wants(metadata.target(), *metadata.level())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        // A message is one line whatever a service put into it.
        let message: String =
            text.0.chars().map(|letter| if is_shown(letter) { letter } else { ' ' }).collect();
        let message = secret::masked(&message);
        // There is nowhere left to say that stderr is gone.
        let _ = self.console.write(&self.line(*event.metadata().level(), &message));
    }
}

/// Whether a terminal shows a character as itself: no control, and none that turns the direction of what follows.
pub(crate) fn is_shown(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The fields of an event as one text: the message, then `name=value`.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
