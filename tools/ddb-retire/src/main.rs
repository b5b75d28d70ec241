//! `ddb-retire`: a DynamoDB table is deleted, and its archive stays.

mod act;
mod archive;
mod check;
mod cli;
mod dynamodb;
mod kept;
mod left;
mod names;
mod obstacle;
mod quiet;
mod record;
mod retire;
mod settings;
mod step;
mod way_back;
mod world;

fn main() -> std::process::ExitCode {
    common::run(retire::retire)
}
