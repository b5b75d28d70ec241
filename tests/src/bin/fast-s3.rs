//! The fast S3 as a process, for benchmarks and for the shell.
//!
//! Prints its URL on the first line of stdout and ends with its stdin. Arguments, all optional, in any order:
//! `bucket=NAME` makes an empty versioned bucket; `keys=N versions=N markers-every=N folder=N prefix=TEXT`
//! make the bucket `synthetic`; `latency-ms=N`.

use std::io::{Read, Write, stdin, stdout};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testkit::s3::{Options, Server, Synthetic};

fn main() -> Result<()> {
    let mut options = Options { log: false, ..Options::default() };
    let mut synthetic = Synthetic { keys: 0, ..Synthetic::default() };
    let mut buckets = Vec::new();
    for arg in std::env::args().skip(1) {
        let (name, value) = arg.split_once('=').with_context(|| format!("{arg}: expected name=value"))?;
        let number = || value.parse::<u64>().with_context(|| format!("{arg}: expected a number"));
        match name {
            "bucket" => buckets.push(value.to_owned()),
            "keys" => synthetic.keys = number()?,
            "versions" => synthetic.versions_per_key = number()?,
            "markers-every" => synthetic.markers_every = number()?,
            "folder" => synthetic.folder_size = number()?,
            "prefix" => synthetic.prefix = value.to_owned(),
            "latency-ms" => options.latency = Duration::from_millis(number()?),
            _ => bail!("{arg}: unknown argument"),
        }
    }
    if synthetic.keys > 0 {
        options.synthetic = Some(synthetic);
    }
    let server = Server::start(options);
    for bucket in &buckets {
        server.create_bucket(bucket);
    }
    let mut out = stdout().lock();
    writeln!(out, "{}", server.url())?;
    out.flush()?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
