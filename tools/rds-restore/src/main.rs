//! `rds-restore`: an Aurora cluster as it was, with the settings that a restore would lose.

mod choose;
mod cli;
mod explain;
mod later;
mod login;
mod mark;
mod overrides;
mod plan;
mod rds;
mod record;
mod restore;
mod source;
mod states;
mod steps;
mod window;

fn main() -> std::process::ExitCode {
    common::run(restore::restore)
}
