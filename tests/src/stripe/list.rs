//! The events, and pages of them.

use serde_json::Value;

use super::json::pretty;
use super::query::{Place, Query};
use super::{Options, ago};

/// Seconds for which events are kept.
const KEPT: i64 = 30 * 24 * 60 * 60;

/// An event.
#[derive(Debug)]
pub(super) struct Event {
    id: String,
    created: i64,
    kind: String,
    live: bool,
    delivered: bool,
    account: Option<String>,
    text: String,
    pretty: String,
}

impl Event {
    pub(super) fn read(text: String, account: Option<String>) -> Self {
        let event: Value = serde_json::from_str(&text).expect("an event in JSON");
        let word = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: word("id"),
            created: event["created"].as_i64().expect("an event with its time"),
            kind: word("type"),
            live: event["livemode"] == true,
            delivered: event["pending_webhooks"].as_i64().unwrap_or_default() == 0,
            account,
            pretty: pretty(&text),
            text,
        }
    }

    /// Its own text, indented or as it was given.
    pub(super) fn shown(&self, options: &Options) -> &str {
        if options.pretty { &self.pretty } else { &self.text }
    }
}

/// Who asks.
pub(super) struct Caller<'a> {
    pub(super) live: bool,
    pub(super) account: Option<&'a str>,
}

/// A page, newest first.
pub(super) struct Page<'a> {
    pub(super) events: Vec<&'a Event>,
    pub(super) has_more: bool,
}

/// All events, oldest first.
#[derive(Debug, Default)]
pub(super) struct Events(Vec<Event>);

impl Events {
    pub(super) fn add(&mut self, event: Event) {
        let place = self.0.partition_point(|other| other.created <= event.created);
        self.0.insert(place, event);
    }

    /// The event of this id, unless it is too old or another's.
    pub(super) fn get(&self, id: &str, caller: &Caller<'_>, options: &Options) -> Option<&Event> {
        self.place(id, caller, options).map(|place| &self.0[place])
    }

    fn place(&self, id: &str, caller: &Caller<'_>, options: &Options) -> Option<usize> {
        self.0.iter().rposition(|event| event.id == id && is_shown(event, caller, options))
    }

    /// A page, or the id of a cursor that is not there.
    pub(super) fn page<'a>(
        &'a self,
        query: &'a Query,
        caller: &Caller<'_>,
        options: &Options,
    ) -> Result<Page<'a>, &'a str> {
        let place = |id: &'a str| self.place(id, caller, options).ok_or(id);
        let taken = |event: &&Event| {
            is_shown(event, caller, options) && query.takes(event.created, &event.kind, event.delivered)
        };
        let limit = query.limit.min(options.page);
        let (events, has_more) = match &query.place {
            Place::Top => first(self.0.iter().rev().filter(taken), limit),
            Place::After(id) => first(self.0[..place(id)?].iter().rev().filter(taken), limit),
            Place::Before(id) => {
                let start = place(id)? + usize::from(!options.repeats);
                let (mut events, has_more) = first(self.0[start..].iter().filter(taken), limit);
                events.reverse();
                (events, has_more)
            }
        };
        Ok(Page { events, has_more })
    }
}

/// The first so many, and whether there is another one.
fn first<'a>(mut events: impl Iterator<Item = &'a Event>, limit: usize) -> (Vec<&'a Event>, bool) {
    let taken = events.by_ref().take(limit).collect();
    (taken, events.next().is_some())
}

fn is_shown(event: &Event, caller: &Caller<'_>, options: &Options) -> bool {
    event.created > ago(KEPT)
        && (options.mixed || event.live == caller.live)
        && event.account.as_deref() == caller.account
}
