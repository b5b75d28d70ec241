//! `pg-validate-hash`: tables of a database in, their hashes out, compared with those of another copy.

mod baseline;
mod board;
mod choose;
mod cli;
mod compare;
mod find;
mod objects;
mod record;
mod run;
mod scan;
mod select;
mod session;
mod shape;
mod side;
mod tables;
mod worker;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
