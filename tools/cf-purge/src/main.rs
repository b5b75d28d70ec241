//! `cf-purge`: records in, CloudFront invalidations out.

mod batch;
mod cli;
mod cloudfront;
mod covered;
mod fold;
mod gather;
mod input;
mod kept;
mod paths;
mod price;
mod purge;
mod receipt;
mod resume;
mod send;
mod wait;

fn main() -> std::process::ExitCode {
    common::run(purge::purge)
}
