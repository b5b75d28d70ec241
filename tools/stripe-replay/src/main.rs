//! `stripe-replay`: Stripe events in, receipts of a webhook handler out.

mod cli;
mod curl;
mod event;
mod failure;
mod json;
mod known;
mod lanes;
mod notices;
mod pace;
mod receipt;
mod replay;
mod run;
mod secret;
mod send;
mod signature;
mod target;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
