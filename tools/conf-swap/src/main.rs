//! `conf-swap`: one value in, the way back out.

mod change;
mod check;
mod cli;
mod given;
mod hidden;
mod input;
mod kept;
mod mask;
mod output;
mod parameter;
mod pointer;
mod refuse;
mod run;
mod secret;
mod secrets_manager;
mod ssm;
mod undo;

fn main() -> std::process::ExitCode {
    common::run(run::run)
}
