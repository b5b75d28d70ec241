//! `ts-import`: documents in, Typesense's receipts out.

mod batch;
mod cli;
mod document;
mod ending;
mod import;
mod lookup;
mod pressure;
mod receipt;
mod refused;
mod renew;
mod results;
mod resume;
mod run;
mod send;
mod shape;
mod source;
mod swap;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
