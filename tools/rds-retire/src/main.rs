//! `rds-retire`: an Aurora cluster is deleted, and the ways back to it stay.

mod act;
mod check;
mod cli;
mod cluster;
mod from_snapshot;
mod kept;
mod names;
mod obstacle;
mod quiet;
mod rds;
mod record;
mod retire;
mod step;
mod tags;
mod way_back;

fn main() -> std::process::ExitCode {
    common::run(retire::retire)
}
