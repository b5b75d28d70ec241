//! Stripe's events as its API lists them: newest first, in pages, with cursors in both directions.
//!
//! | rule | source |
//! |---|---|
//! | `limit` from 1 to 100, 10 unless given; `starting_after` or `ending_before`; `has_more` | API reference, "Pagination" |
//! | `created[gt|gte|lt|lte]`, `type` with `*`, up to 20 `types[]`, `delivery_success` | API reference, "List all events" |
//! | events are listed and retrieved for 30 days | API reference, "List all events" |
//! | an id that is not there is `resource_missing`: 400 as a cursor, 404 as a path | API reference, "Errors" |
//! | a key sees the events of its mode, `Stripe-Account` those of a connected account | API reference, "Authentication", "Connected accounts" |
//! | `Stripe-Should-Retry` says whether a refused request may be sent again | the source of Stripe's own clients |
//!
//! Events of one second are listed in the order in which they were added, the last one first.

mod answer;
mod json;
mod list;
mod query;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::answering::serve;
use crate::listening::Listening;
use crate::tool::Tool;
use answer::State;
use list::Event;

/// A key of test mode that the server knows.
pub const TEST_KEY: &str = "sk_test_drkit";
/// A key of live mode that the server knows.
pub const LIVE_KEY: &str = "rk_live_drkit";

/// How the server answers. It can be changed while the server runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The most events of a page, whatever `limit` asks for.
    pub page: usize,
    /// Time before every answer.
    pub delay: Duration,
    /// Whether answers are indented, as Stripe's are.
    pub pretty: bool,
    /// Whether a key sees the events of both modes, which Stripe never shows.
    pub mixed: bool,
    /// Whether a page before a cursor has the event of the cursor too, which Stripe's never has.
    pub repeats: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { page: 100, delay: Duration::ZERO, pretty: true, mixed: false, repeats: false }
    }
}

/// An answer in place of the one that was asked for.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// Headers such as `("stripe-should-retry", "true")`.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: String,
}

impl Refusal {
    /// A refusal in Stripe's form, with this message.
    pub fn new(status: u16, message: &str) -> Self {
        Self { status, headers: Vec::new(), body: answer::error("api_error", None, message) }
    }

    /// The same with one more header.
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// A running server. It ends when it is dropped.
pub struct Stripe {
    state: Arc<Mutex<State>>,
    listening: Listening,
}

impl Stripe {
    /// Starts a server without events.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let serving = Arc::clone(&state);
        let listening = Listening::start(move |stream| {
            let state = Arc::clone(&serving);
            serve(stream, move |request| answer::answer(Arc::clone(&state), request))
        });
        Self { state, listening }
    }

    /// Where it listens, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        self.listening.url()
    }

    /// A command line of a tool that talks to this server in test mode.
    ///
    /// # Panics
    /// If the tool was not built.
    pub fn tool(&self, name: &str) -> Tool {
        Tool::new(name).env("STRIPE_API_KEY", TEST_KEY).env("STRIPE_API_BASE", self.url())
    }

    /// Adds an event, of which every byte is kept. Its `created` says where it goes; `pending_webhooks` that are not 0
    /// make one that was not delivered.
    ///
    /// # Panics
    /// If it is no object with an `id` and a `created`.
    pub fn add(&self, event: impl Into<String>) {
        lock(&self.state).events.add(Event::read(event.into(), None));
    }

    /// Adds an event of a connected account.
    ///
    /// # Panics
    /// As [`Stripe::add`].
    pub fn add_to(&self, account: &str, event: impl Into<String>) {
        lock(&self.state).events.add(Event::read(event.into(), Some(account.to_owned())));
    }

    /// Answers so from now on.
    pub fn set(&self, options: Options) {
        lock(&self.state).options = options;
    }

    /// Refuses the next request that no other refusal is waiting for.
    pub fn refuse(&self, refusal: Refusal) {
        lock(&self.state).refusals.push_back(refusal);
    }

    /// Adds these events, one after each of the requests that come from now on: a list that grows while it is read.
    ///
    /// # Panics
    /// As [`Stripe::add`].
    pub fn add_later(&self, events: impl IntoIterator<Item = String>) {
        let events = events.into_iter().map(|event| Event::read(event, None));
        lock(&self.state).later.extend(events);
    }

    /// Path and query of every request so far, as they were sent.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }
}

/// The text of an event, which has the form of Stripe's.
pub fn event(id: &str, created: i64, kind: &str) -> String {
    format!(
        r#"{{"id":"{id}","object":"event","api_version":"2026-10-29.clover","created":{created},"data":{{"object":{{"id":"in_1","object":"invoice","amount":1.10,"big":123456789012345678901234567890,"note":"caf\u00e9 \"x\": [1, 2]\n"}}}},"livemode":false,"pending_webhooks":0,"request":{{"id":null,"idempotency_key":null}},"type":"{kind}"}}"#
    )
}

/// This many seconds ago, in seconds since 1970.
pub fn ago(seconds: i64) -> i64 {
    Timestamp::now().as_second() - seconds
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
