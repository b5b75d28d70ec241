//! `pg-rows`: a query in, its rows out as records.

mod cli;
mod failure;
mod params;
mod query;
mod rows;
mod run;
mod transaction;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
