//! The fast S3 as a process, for benchmarks and for the shell.
//!
//! Prints its URL on the first line of stdout and ends with its stdin. Each line there is answered with one of JSON: the
//! number of requests by operation since the line before, with those that came too fast as `SlowDown`. Arguments, all optional, in any order:
//! `bucket=NAME` makes an empty versioned bucket; `keys=N shape=NAME versions=N fat=N markers-every=N folder=N
//! prefix=TEXT` make the bucket `synthetic`; `latency-ms=N requests-per-second=N`.

use std::io::{Write, stdin, stdout};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;
use testkit::s3::{Options, Server, Synthetic};

fn main() -> Result<()> {
    let mut options = Options { log: false, ..Options::default() };
    let mut synthetic = Synthetic { keys: 0, ..Synthetic::default() };
    let mut buckets = Vec::new();
    for arg in std::env::args().skip(1) {
        let (name, value) = arg.split_once('=').with_context(|| format!("{arg}: expected name=value"))?;
        let wrong = || format!("{arg}: expected a number");
        let number = || value.parse::<u64>().with_context(wrong);
        match name {
            "bucket" => buckets.push(value.to_owned()),
            "keys" => synthetic.keys = number()?,
            "shape" => synthetic.shape = value.parse().with_context(|| arg.clone())?,
            "fat" => synthetic.fat = number()?,
            "versions" => synthetic.versions_per_key = number()?,
            "markers-every" => synthetic.markers_every = number()?,
            "folder" => synthetic.folder_size = number()?,
            "prefix" => synthetic.prefix = value.to_owned(),
            "requests-per-second" => options.requests_per_second = Some(value.parse().with_context(wrong)?),
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
    for line in stdin().lines() {
        line?;
        writeln!(out, "{}", json!(server.take_counts()))?;
        out.flush()?;
    }
    Ok(())
}
