//! The fake Stripe and a webhook handler as a process, for benchmarks and for the shell.
//!
//! Prints two URLs, each on a line of stdout, and ends with its stdin: that of the API, and that of the handler, which
//! accepts every POST and answers a GET with their number. Arguments, both optional: `events=N`, named `evt_1` to
//! `evt_N` from the oldest on, about a quarter as many objects; `delay-ms=N` before each answer of the API.

use std::io::{Read, Write, stdin, stdout};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hyper::Method;
use testkit::answering::{Answer, Server};
use testkit::stripe::{Options, Stripe, ago, event};

fn main() -> Result<()> {
    let (mut events, mut options) = (0, Options::default());
    for arg in std::env::args().skip(1) {
        let (name, value) = arg.split_once('=').with_context(|| format!("{arg}: expected name=value"))?;
        let number: u32 = value.parse().with_context(|| format!("{arg}: expected a number"))?;
        match name {
            "events" => events = i64::from(number),
            "delay-ms" => options.delay = Duration::from_millis(number.into()),
            _ => bail!("{arg}: unknown argument"),
        }
    }
    let stripe = Stripe::start();
    stripe.set(options);
    for n in 1..=events {
        // Ten in each second.
        let text = event(&format!("evt_{n}"), ago(60 + (events - n) / 10), "invoice.paid");
        stripe.add(text.replace("\"in_1\"", &format!("\"in_{}\"", n % (events / 4).max(1))));
    }
    let handler = Server::start(0_u64, |accepted: &mut u64, head, _body| match head.method {
        Method::POST => {
            *accepted += 1;
            Answer::new(200, &[], "")
        }
        _ => Answer::new(200, &[], accepted.to_string()),
    });
    let mut out = stdout().lock();
    writeln!(out, "{}\n{}", stripe.url(), handler.url())?;
    out.flush()?;
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
