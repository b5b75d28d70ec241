//! Makes versions of S3 objects current again, as they were, and never deletes one.

mod bucket;
mod cli;
mod content;
mod copy;
mod customer_key;
mod decide;
mod extras;
mod guard;
mod headers;
mod input;
mod look;
mod marker;
mod multipart;
mod output;
mod parts;
mod recent;
mod refuse;
mod restore;
mod resume;
mod run;
mod thaw;
mod throttle;
mod undo;
mod verify;

use std::process::ExitCode;

fn main() -> ExitCode {
    common::run(run::run)
}
