//! The command line, read into ready types.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use common::args;
use common::time::{instant_or_ago, length};
use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::HeaderValue;

/// The variable of --api-base.
pub const API_BASE: &str = "STRIPE_API_BASE";

/// Write the events of a Stripe account since one of them, oldest first
///
/// Each event is one JSON object on one line, as Stripe sent it but for white space: numbers, escapes and the order of
/// fields are Stripe's. Events leave as they are read, in constant memory however many there are.
///
/// The key is in STRIPE_API_KEY, or in the file that --key-file names.
#[derive(Debug, Parser)]
#[command(name = "stripe-events", version, after_long_help = AFTER)]
pub struct Cli {
    /// The last event that was processed, or the time from which on events are wanted (a span such as 2h counts back)
    ///
    /// The event itself is not written again. Of a time its whole second is taken, since Stripe keeps no parts of one.
    #[arg(long, value_name = "EVENT|TIME", value_parser = since)]
    pub since: Since,

    /// Leave out what was created at this time or later
    #[arg(long, value_name = "TIME", value_parser = instant_or_ago)]
    pub until: Option<Timestamp>,

    /// Only events of this type; can be repeated. One type alone can have * in it
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    pub types: Vec<String>,

    /// The events of this connected account (acct_...)
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    pub account: Option<HeaderValue>,

    /// Only events that a webhook endpoint has not taken, or not yet
    ///
    /// Leaves out what a handler acknowledged and then lost: not for use after a database was restored.
    #[arg(long)]
    pub undelivered: bool,

    /// Go on with new events as they come, until a signal
    #[arg(long, conflicts_with = "until")]
    pub follow: bool,

    /// Time between two looks for new events
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "5s", requires = "follow")]
    pub interval: Duration,

    /// Read the API key from the first line of FILE instead of taking it from STRIPE_API_KEY
    #[arg(long, value_name = "FILE", display_order = 701)]
    pub key_file: Option<PathBuf>,

    /// Read live events: needed for a key of live mode, refused for one of test mode
    #[arg(long, display_order = 702)]
    pub live: bool,

    /// Where Stripe's API is [default: STRIPE_API_BASE, or https://api.stripe.com]
    #[arg(long, value_name = "URL", value_parser = base, display_order = 703)]
    pub api_base: Option<Url>,

    /// Give up when a page has not come for this long, whatever was tried
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "5m")]
    pub timeout: Duration,

    #[command(flatten)]
    pub common: args::Common,
}

impl common::Tool for Cli {
    const CHANGES: bool = false;

    fn common(&self) -> &args::Common {
        &self.common
    }
}

/// Where the stream begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Since {
    /// After this event.
    Event(String),
    /// At this time.
    Time(Timestamp),
}

fn since(text: &str) -> Result<Since, String> {
    match text.strip_prefix("evt_") {
        Some(rest) if is_word(rest) => Ok(Since::Event(text.to_owned())),
        Some(_) => Err("the id of an event is evt_ with letters and digits after it".to_owned()),
        None => instant_or_ago(text).map(Since::Time),
    }
}

fn kind(text: &str) -> Result<String, String> {
    let is_one = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._*".contains(&byte));
    (is_one && !text.is_empty())
        .then(|| text.to_owned())
        .ok_or("a type is one as in invoice.paid or invoice.*".into())
}

fn account(text: &str) -> Result<HeaderValue, String> {
    let is_one = text.strip_prefix("acct_").is_some_and(is_word);
    let value = is_one.then(|| HeaderValue::from_str(text).ok()).flatten();
    value.ok_or("a connected account is acct_ with letters and digits after it".into())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Reads where the API is: without TLS only on this machine, since the key goes there.
pub fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "it is no URL, as in https://api.stripe.com".to_owned())?;
    let is_plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !is_plain || !url.username().is_empty() || url.password().is_some() {
        return Err("it is https://HOST or https://HOST:PORT, and nothing else".to_owned());
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_here =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback());
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => {
            Err("it is https://..., or http:// on this machine: the key would go over the network".to_owned())
        }
    }
}

const AFTER: &str = "\
Examples:
  Everything since the last event that was processed:
    stripe-events --since evt_1SWqkLFJ4nK2 > events.jsonl

  Invoices of three hours, each to the end of its second:
    stripe-events --since 3h --until 10m --type 'invoice.*' > invoices.jsonl

  A connected account, from a time on:
    stripe-events --since 2h --account acct_1SGYxh2 > events.jsonl

  Go on where a file of events ends:
    stripe-events --since \"$(tail -n 1 processed.jsonl | jq -r .id)\" \\
      >> processed.jsonl

  Only what no endpoint has acknowledged:
    stripe-events --since 2h --undelivered > undelivered.jsonl

  The first event since then, though it may be yet to come:
    stripe-events --since 2h --follow --interval 2s | head -n 1

Where it begins and ends:
  An event is the safe place to begin at: the output goes on right after it. A time is floored to
  its second, so that events of that second that were processed come again. Without --follow the
  output ends with the newest event at that moment; with it, only a signal or a closed stdout ends
  it. When a run breaks off, give the last event that it wrote to --since.

Retention:
  Stripe lists events for 30 days. An event or a time before that is an error, since what is in
  between could not be had: compare the objects themselves then.

Exit codes:
  0 all written, or stdout was closed; 1 aborted, and stderr says after which event; 2 usage; 101 a
  bug. SIGINT and SIGTERM: what was read is written, then death by the signal.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_an_event_or_a_time() {
        assert_eq!(since("evt_1A_b"), Ok(Since::Event("evt_1A_b".to_owned())));
        let time = "2026-11-20T10:00:00Z".parse().unwrap();
        assert_eq!(since("2026-11-20T10:00Z"), Ok(Since::Time(time)));
        assert_eq!(since("2026-11-20T10:00:00+00:00"), Ok(Since::Time(time)));
        for wrong in ["evt_", "evt_a/b", "evt_a&limit=1", "2026-11-20T10:00", "in_1", ""] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_key_goes_to_no_other_machine_without_tls() {
        for right in
            ["https://api.stripe.com", "http://127.0.0.1:12111/", "http://localhost:1", "http://[::1]:1"]
        {
            assert!(base(right).is_ok(), "{right}");
        }
        for wrong in [
            "http://api.stripe.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://a/v1",
            "https://a?b",
            "https://secret@a",
            "api.stripe.com",
            "",
        ] {
            let why = base(wrong).unwrap_err();
            assert!(!why.contains("secret"), "{wrong}");
        }
    }

    #[test]
    fn types_and_accounts_are_words() {
        assert!(kind("invoice.*").is_ok() && kind("v1.billing_portal.session").is_ok());
        assert!(account("acct_1A").is_ok());
        for wrong in ["", "a b", "a&b", "a\n"] {
            assert!(kind(wrong).is_err() && account(wrong).is_err(), "{wrong}");
        }
        assert!(account("evt_1").is_err() && account("acct_").is_err());
    }
}
