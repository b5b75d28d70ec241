//! `stripe-events`: the events of a Stripe account, oldest first.

mod api;
mod cli;
mod key;
mod page;
mod query;
mod run;
mod walk;
mod write;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
