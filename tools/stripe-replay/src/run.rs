//! What a run is made of.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use common::http;
use common::input::{Item, JsonLines};
use common::pipe::{self, Items, Out, Source};
use common::receipts::Receipts;
use common::reject::Rejects;
use common::{Ctx, Reject};

use crate::cli::{Cli, Order};
use crate::curl;
use crate::event::Event;
use crate::json::Json;
use crate::known::Known;
use crate::notices::Notices;
use crate::pace::Pace;
use crate::replay::Replay;
use crate::secret::Secrets;
use crate::send::Sender;
use crate::signature::Signer;

type Events = Box<dyn Iterator<Item = io::Result<Item>> + Send>;

/// Replays the events on stdin.
///
/// # Errors
/// Whatever ends the run: see the tool's exit code 1.
pub async fn run(cli: Cli, ctx: Ctx) -> Result<()> {
    if cli.print_curl {
        return print_curl(cli, ctx).await;
    }
    let secrets = Secrets::read(cli.secret_file.as_deref())?;
    let source = source(cli.from_json)?;
    // Before the file of the rejects: where the journal is another file, nothing is made.
    let open = |path: &PathBuf| Known::open(path, &cli.to, cli.dry_run, &ctx);
    let known = cli.journal.as_ref().map(open).transpose()?;
    let rejects = ctx.rejects(&cli.rejects)?;
    // Also an error of its own ends the waits of this run.
    let mut within = ctx.clone();
    within.stop = ctx.stop.child_token();
    let sender = match cli.dry_run {
        true => None,
        false => Some(Arc::new(sender(&cli, secrets, within.clone())?)),
    };
    let out = Out::start()?;
    let replay = Replay {
        sender,
        known,
        order: cli.order,
        live: cli.live,
        concurrency: cli.concurrency,
        max_consecutive_failures: cli.max_consecutive_failures,
        notices: Notices::new(cli.expect_api_version, cli.order != Order::None),
        rejects,
        receipts: Receipts::new(within.clone(), out.lines().clone()),
        ctx: within,
    };
    let result = replay.run(Items::read(source, cli.concurrency)?).await;
    out.end(result).await
}

fn sender(cli: &Cli, secrets: Secrets, ctx: Ctx) -> Result<Sender> {
    let client = http::client(cli.timeout);
    // A proxy would carry plain http off this machine.
    let client = if cli.to.is_loopback() { client.no_proxy() } else { client };
    Ok(Sender {
        client: client.build().context("cannot make an HTTP client")?,
        target: cli.to.clone(),
        signer: Signer::new(&secrets),
        secrets,
        pace: Pace::new(cli.rate),
        timeout: cli.timeout,
        attempts: cli.attempts,
        ctx,
    })
}

fn source(from_json: bool) -> Result<Source<Events>> {
    pipe::stdin(|stdin| -> Events {
        match from_json {
            true => Box::new(Json::new(stdin)),
            false => Box::new(JsonLines::new(stdin)),
        }
    })
}

/// Writes the call of the first event that could be sent.
async fn print_curl(cli: Cli, ctx: Ctx) -> Result<()> {
    let mut items = Items::read(source(cli.from_json)?, cli.concurrency)?;
    let rejects = ctx.rejects(&cli.rejects)?;
    let out = Out::start()?;
    loop {
        let item = tokio::select! {
            () = ctx.stop.cancelled() => None,
            item = items.next() => item,
        };
        let Some(item) = item else { break };
        ctx.counts.read(1);
        if let Some(event) = first(item.context("cannot read the input")?, &cli, &rejects)? {
            let command = curl::command(&cli.to, cli.timeout, event.record.as_str());
            // A reader that left shows at the end of the output.
            let _ = out.lines().send(command.into_bytes()).await;
            ctx.counts.done(1);
            break;
        }
    }
    out.finish().await
}

fn first(item: Item, cli: &Cli, rejects: &Rejects) -> Result<Option<Event>> {
    let record = match item {
        Item::Record(record) => record,
        Item::Line(bad) => {
            rejects.write(&Reject::from(&bad), &Item::Line(bad))?;
            return Ok(None);
        }
    };
    match Event::of(record, cli.order, cli.live) {
        Ok(event) => Ok(Some(event)),
        Err((reject, record)) => {
            rejects.write(&reject, &Item::Record(record))?;
            Ok(None)
        }
    }
}
