//! The fast DynamoDB as a process, for benchmarks.
//!
//! Prints its URL on the first line of stdout and ends with its stdin. Arguments, both optional: `items=N` for every
//! table, `delay-ms=N` before each page.

use std::io::{Read, Write, stdin, stdout};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testkit::dynamodb::{Options, Server};

fn main() -> Result<()> {
    let mut options = Options { items: 1000, delay: Duration::ZERO };
    for arg in std::env::args().skip(1) {
        let (name, value) = arg.split_once('=').with_context(|| format!("{arg}: expected name=value"))?;
        let number: u32 = value.parse().with_context(|| format!("{arg}: expected a number"))?;
        match name {
            "items" => options.items = number as usize,
            "delay-ms" => options.delay = Duration::from_millis(number.into()),
            _ => bail!("{arg}: unknown argument"),
        }
    }
    let server = Server::start(options);
    let mut out = stdout().lock();
    writeln!(out, "{}", server.url())?;
    out.flush()?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
