//! The command line, read into ready types.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use common::args;
use common::time::length;

use crate::target::Target;

/// Post Stripe events to a webhook handler again
///
/// Reads events as Stripe's API gives them, one JSON object a line and oldest first, and posts each to the handler with
/// a fresh `Stripe-Signature`. Each event that the handler has answered with 2xx is a record on stdout: the receipt.
///
/// The secret of the endpoint is in STRIPE_WEBHOOK_SECRET. While a secret is rolled, give both, with a comma between
/// them: each call is then signed with both.
#[derive(Debug, Parser)]
#[command(name = "stripe-replay", version, after_long_help = AFTER)]
pub struct Cli {
    /// The handler: https://HOST/PATH, or http:// on this machine
    #[arg(long, value_name = "URL")]
    pub to: Target,

    /// Read the secrets from FILE, with commas or white space between them, instead of STRIPE_WEBHOOK_SECRET
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,

    /// Send live events too, which are rejected without this
    #[arg(long)]
    pub live: bool,

    /// Which events are sent one after the other, in the order of the input
    #[arg(long, value_enum, default_value_t, value_name = "ORDER")]
    pub order: Order,

    /// Keep what was answered with 2xx in FILE, and never send it again
    ///
    /// A run that was killed is resumed by the same line with the same input. The file belongs to one handler; any other
    /// file is refused and not changed. A dry run reads it and writes nothing.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,

    /// Read JSON in any layout: arrays, lists of the API, objects over several lines
    #[arg(long)]
    pub from_json: bool,

    /// Warn of events of another API version
    #[arg(long, value_name = "VERSION")]
    pub expect_api_version: Option<String>,

    /// The most calls at once
    #[arg(long, value_name = "N", default_value = "16")]
    pub concurrency: NonZeroUsize,

    /// The most calls in a second
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,

    /// How long one call may take
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "30s")]
    pub timeout: Duration,

    /// How often an event is sent before it is rejected
    #[arg(long, value_name = "N", default_value = "5")]
    pub attempts: NonZeroU32,

    /// Stop once N events have failed with none accepted between them
    #[arg(long, value_name = "N", default_value = "20")]
    pub max_consecutive_failures: NonZeroU32,

    /// Write the call for the first event as a curl command, and send nothing
    ///
    /// The signature in it is a placeholder. Nothing of the secret is needed or shown.
    #[arg(long, conflicts_with_all = ["dry_run", "journal"])]
    pub print_curl: bool,

    /// Read and check everything, and send nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub rejects: args::Rejects,

    #[command(flatten)]
    pub common: args::Common,
}

impl common::Tool for Cli {
    const CHANGES: bool = true;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

/// What waits for what.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Order {
    /// An event waits for earlier ones of its object; after one that failed, later ones of the object are rejected
    #[default]
    Object,
    /// Every event waits for the one before it; one that failed ends the run
    Global,
    /// No event waits
    None,
}

const AFTER: &str = "\
Examples:
  Everything since the last event that was handled; the same line resumes it:
    stripe-events --since evt_123 |
      stripe-replay --to https://app.example.com/webhooks/stripe \\
        --journal replay.jsonl > receipts.jsonl

  Check first, then send gently what a file holds:
    stripe-replay --to https://app.example.com/webhooks/stripe --dry-run \\
      < events.jsonl
    stripe-replay --to https://app.example.com/webhooks/stripe --rate 5 \\
      --rejects failed.jsonl < events.jsonl

  Send again what failed, once the handler is repaired:
    stripe-replay --to https://app.example.com/webhooks/stripe < failed.jsonl

  A page that the Stripe CLI has saved:
    stripe-replay --to https://app.example.com/webhooks/stripe --from-json \\
      < page.json

  See the call:
    stripe-replay --to https://app.example.com/webhooks/stripe --print-curl \\
      < events.jsonl

Delivery:
  An event is sent at least once. It is done with the first answer of 2xx; its journal line and its
  receipt come after that. A call whose answer is lost is sent again; Stripe itself may be sending
  the same event too. The handler must recognise events by their id, as Stripe demands of every
  handler.

  Sent again, with growing waits: after no answer, 408, 409, 425, 429 and 5xx. Retry-After holds all
  calls back; one above 5 minutes rejects the event. Redirects are not followed, as Stripe follows
  none.

Journal:
  That an event is about to be sent is on disk before its first call, and its receipt before the
  next event of its object is sent. After a crash the next run sends what has no receipt.
  \"resent\":true says that an earlier run had begun the event without an answer of 2xx, so that the
  handler may have had it before; \"attempts\" counts the calls of one run alone.

  A receipt of an earlier run is repeated with \"replayed\":true. A handler cannot be asked whether it
  still has an event, hence \"checked\":false beside it: where the handler has lost events since,
  such as by a restore of its database, send them again with a new journal.

  When the journal cannot be written, as on a full disk, the run ends with 1, nothing more is sent,
  and what was accepted is on stdout (or stderr) all the same. The same line resumes it later.

Order:
  With object, an event waits for those before it that have the same data.object.id and account; an
  object without an id goes by its type. When one fails, later ones of its object are rejected as
  blocked, so that none is handled before it; the rejects, in their order, are the input of the next
  run. A rejected event that can never succeed must be taken out of them, or sent with --order none.
  Between objects, such as an invoice and its subscription, there is no order: use global for that.

Bodies:
  The body is the event as it was read, byte for byte; with --from-json, without white space
  between its parts. The API gives an event in the account's default API version, which may differ
  from that of the endpoint: see --expect-api-version.

Exit codes:
  0 all done, 1 aborted, 2 usage, 3 finished but some records were rejected, 101 a bug. On
  SIGINT or SIGTERM nothing more is sent, calls in flight end first, and what was only read ahead
  is left to the next run with the same input and journal.";
