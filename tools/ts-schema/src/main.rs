//! `ts-schema`: a file and a Typesense cluster with the same schema.

mod alias;
mod apply;
mod cli;
mod compare;
mod diff;
mod document;
mod export;
mod kept;
mod key;
mod kind;
mod layout;
mod limit;
mod object;
mod output;
mod run;
mod secret;
mod swap;
mod view;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
