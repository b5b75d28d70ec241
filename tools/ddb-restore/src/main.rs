//! `ddb-restore`: a DynamoDB table as it was at a point in time, with the settings that a restore leaves behind.

mod cli;
mod clients;
mod compare;
mod explain;
mod flip;
mod global;
mod overrides;
mod ready;
mod record;
mod restore;
mod run;
mod settings;
mod source;
mod target;
mod validate;
mod window;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
