//! Makes versions of S3 objects current again, as they were, and never deletes one.

mod batch;
mod bucket;
mod cli;
mod decide;
mod input;
mod intent;
mod look;
mod output;
mod refuse;
mod replayed;
mod restore;
mod resume;
mod run;
mod undo;
mod version;
mod work;
mod write;

use std::process::ExitCode;

fn main() -> ExitCode {
    common::run(run::run)
}
