//! `ts-import`: documents in, Typesense's receipts out.

mod batch;
mod cli;
mod document;
mod ending;
mod import;
mod pressure;
mod receipt;
mod renew;
mod results;
mod resume;
mod run;
mod send;
mod shape;
mod source;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
