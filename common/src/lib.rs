//! What two or more drkit tools share: the contract of `drkit-records(7)`, in code.
//!
//! A tool is `run::run` around one async function. That function reads records through [`pipe::each`]
//! or writes them through [`pipe::Out`]; it ends the run with `?` or turns one record away with a
//! [`reject::Reject`]. Exit codes, signals, logging and the closing summary belong to [`run`] alone.

pub mod args;
#[cfg(feature = "aws")]
pub mod aws;
pub mod claims;
#[cfg(feature = "cloudwatch")]
pub mod cloudwatch;
mod csv_rows;
pub mod dead_letter;
#[cfg(feature = "digest")]
pub mod digest;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(any(feature = "aws", feature = "http"))]
mod error;
pub mod flags;
mod generate;
mod help;
#[cfg(feature = "http")]
pub mod http;
pub mod input;
pub mod journal;
mod log;
pub mod members;
#[cfg(feature = "digest")]
pub mod pace;
#[cfg(any(feature = "aws", feature = "http"))]
mod patience;
#[cfg(feature = "pg")]
pub mod pg;
pub mod pipe;
pub mod progress;
#[cfg(feature = "raw")]
pub mod raw;
pub mod receipts;
pub mod record;
pub mod reject;
pub mod retry;
pub mod run;
#[cfg(feature = "s3")]
pub mod s3;
pub mod secret;
pub mod shell;
mod signals;
mod stdio;
mod stdout;
pub mod time;
#[cfg(feature = "typesense")]
pub mod typesense;
pub mod wait;
pub mod writes;

pub use record::Record;
pub use reject::{Failure, Reject};
pub use run::{Ctx, Tool, Usage, run};
