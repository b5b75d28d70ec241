//! `ts-schema`: a file and a Typesense cluster with the same schema.

mod alias;
mod apply;
mod cli;
mod collection;
mod compare;
mod diff;
mod document;
mod export;
mod key;
mod kind;
mod known;
mod layout;
mod limit;
mod members;
mod object;
mod output;
mod release;
mod run;
mod secret;
mod swap;
mod view;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
