//! `cf-purge`: records in, CloudFront invalidations out.

mod batch;
mod cli;
mod cloudfront;
mod fold;
mod gather;
mod input;
mod paths;
mod price;
mod purge;
mod receipt;
mod send;
mod wait;

fn main() -> std::process::ExitCode {
    common::run(purge::purge)
}
