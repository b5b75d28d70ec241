//! One request, one answer.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};
use serde_json::json;

use super::list::{Caller, Event, Events};
use super::query::{Place, Query};
use super::{LIVE_KEY, Options, Refusal, TEST_KEY, json::pretty, lock};

/// What all connections share.
#[derive(Default)]
pub(super) struct State {
    pub(super) events: Events,
    pub(super) later: VecDeque<Event>,
    pub(super) options: Options,
    pub(super) refusals: VecDeque<Refusal>,
    pub(super) requests: Vec<String>,
}

/// Answers a request, after the delay.
pub(super) async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, _) = request.into_parts();
    let (delay, number, refusal) = {
        let mut state = lock(&state);
        state.requests.push(head.uri.to_string());
        (state.options.delay, state.requests.len(), state.refusals.pop_front())
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let mut answer = Response::builder()
        .header("content-type", "application/json")
        .header("request-id", format!("req_{number}"));
    let (status, body) = match refusal {
        Some(refusal) => {
            for (name, value) in refusal.headers {
                answer = answer.header(name, value);
            }
            (refusal.status, refusal.body)
        }
        None => {
            let mut state = lock(&state);
            let told = state.tell(&head);
            if let Some(event) = state.later.pop_front() {
                state.events.add(event);
            }
            told
        }
    };
    Ok(answer.status(status).body(Full::new(body.into())).expect("an answer"))
}

impl State {
    fn tell(&self, head: &Parts) -> (u16, String) {
        let key = key(&head.headers);
        let live = match key.as_deref() {
            Some(TEST_KEY) => false,
            Some(LIVE_KEY) => true,
            _ => {
                // Stripe shows only the end of a key; a test that must not find it shows more.
                let message = format!("Invalid API Key provided: {}", key.unwrap_or_default());
                return (401, error("invalid_request_error", None, &message));
            }
        };
        let account = head.headers.get("stripe-account").and_then(|account| account.to_str().ok());
        let caller = Caller { live, account };
        let segments: Vec<_> = head.uri.path().split('/').skip(1).collect();
        match (&head.method, segments.as_slice()) {
            (&Method::GET, ["v1", "events"]) => self.list(head.uri.query().unwrap_or_default(), &caller),
            (&Method::GET, ["v1", "events", id]) => match self.events.get(id, &caller, &self.options) {
                Some(event) => (200, event.shown(&self.options).to_owned()),
                None => (404, missing("id", id)),
            },
            (method, _) => {
                let message = format!("Unrecognized request URL ({method}: {}).", head.uri.path());
                (404, error("invalid_request_error", None, &message))
            }
        }
    }

    fn list(&self, query: &str, caller: &Caller<'_>) -> (u16, String) {
        let query = match Query::read(query) {
            Ok(query) => query,
            Err(refusal) => return (400, refusal),
        };
        let param = if matches!(query.place, Place::After(_)) { "starting_after" } else { "ending_before" };
        let page = match self.events.page(&query, caller, &self.options) {
            Ok(page) => page,
            Err(id) => return (400, missing(param, id)),
        };
        let events: Vec<_> = page.events.iter().map(|event| event.shown(&self.options)).collect();
        let more = page.has_more;
        let body = if self.options.pretty {
            let events = events.join(",\n").replace('\n', "\n    ");
            format!(
                "{{\n  \"object\": \"list\",\n  \"data\": [\n    {events}\n  ],\n  \"has_more\": {more},\n  \"url\": \"/v1/events\"\n}}"
            )
        } else {
            let events = events.join(",");
            format!(r#"{{"object":"list","data":[{events}],"has_more":{more},"url":"/v1/events"}}"#)
        };
        (200, body)
    }
}

/// The key of a request: a bearer's, or the user of basic authentication.
fn key(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    match scheme {
        "Bearer" => Some(value.to_owned()),
        "Basic" => [TEST_KEY, LIVE_KEY].into_iter().find(|key| basic(key) == value).map(str::to_owned),
        _ => None,
    }
}

/// Base64 (RFC 4648) of a user without a password.
fn basic(user: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in format!("{user}:").as_bytes().chunks(3) {
        let byte = |place: usize| u32::from(part.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place > part.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

fn missing(param: &str, id: &str) -> String {
    let error = json!({"code": "resource_missing", "message": format!("No such event: '{id}'"), "param": param,
        "type": "invalid_request_error"});
    pretty(&json!({ "error": error }).to_string())
}

/// The body of a refusal.
pub(super) fn error(kind: &str, param: Option<&str>, message: &str) -> String {
    pretty(&json!({"error": {"message": message, "param": param, "type": kind}}).to_string())
}
