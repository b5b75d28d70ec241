//! Flags that mean the same in every tool. A tool flattens the groups it needs into its `Cli`.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::time::length;

/// Flags of every tool.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Say more on stderr; twice also shows what the service client does
    #[arg(short, long, action = clap::ArgAction::Count, global = true, display_order = 900)]
    pub verbose: u8,

    /// Say nothing on stderr but errors and rejects
    #[arg(short, long, conflicts_with = "verbose", global = true, display_order = 901)]
    pub quiet: bool,

    /// How messages on stderr are written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", global = true, display_order = 902)]
    pub log_format: LogFormat,

    /// Write the man page or a shell's completions to stdout
    #[arg(long, value_enum, hide = true, exclusive = true)]
    pub generate: Option<Generate>,
}

/// The form of the messages on stderr.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// `tool: message`, one line each
    #[default]
    Text,
    /// One JSON object per line: `{"time","level","tool","message"}`
    Json,
}

/// What `--generate` writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Generate {
    /// The man page, as roff
    Man,
    /// Completions for bash
    Bash,
    /// Completions for zsh
    Zsh,
    /// Completions for fish
    Fish,
}

/// How long requests may take and how often they are sent.
#[derive(Args, Clone, Copy, Debug)]
pub struct Requests {
    /// Give up an address that cannot be connected to within TIME [default: 4s; 10s for a login to PostgreSQL]
    #[arg(long, value_name = "TIME", value_parser = length, display_order = 710)]
    pub connect_timeout: Option<Duration>,

    /// Give up a request whose answer does not begin, or is silent, for TIME
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "30s", display_order = 711)]
    pub read_timeout: Duration,

    /// Send a request at most N times
    #[arg(long, value_name = "N", default_value = "8", display_order = 712)]
    pub attempts: NonZeroU32,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            connect_timeout: None,
            read_timeout: Duration::from_secs(30),
            attempts: NonZeroU32::MIN.saturating_add(7),
        }
    }
}

/// Where records that failed go, and how many may.
#[derive(Args, Clone, Debug, Default)]
pub struct Rejects {
    /// Append records that failed to FILE instead of writing them to stderr
    #[arg(long, value_name = "FILE", display_order = 800)]
    pub rejects: Option<PathBuf>,

    /// Abort the run once more than N records failed
    #[arg(long, value_name = "N", display_order = 801)]
    pub max_rejects: Option<u64>,
}
