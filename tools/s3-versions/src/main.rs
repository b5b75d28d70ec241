//! Lists the versions and delete markers of an S3 bucket as records, and what brings keys back to an instant.

mod at;
mod cli;
mod inventory;
mod keys;
mod keys_input;
mod run;
mod select;
mod versioning;
mod view;
mod walk;

use std::process::ExitCode;

fn main() -> ExitCode {
    common::run(run::run)
}
