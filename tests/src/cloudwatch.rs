//! CloudWatch as far as RDS tells it of connections: GetMetricData over the protocol that the SDK speaks, which moto does
//! not.
//!
//! An instance has the same number of connections in every minute, up to the last whole one (API reference,
//! GetMetricData: a value carries the first second of its minute).

use std::collections::HashMap;

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;

use crate::answering::{Answer, Server};

/// Seconds of one value.
const MINUTE: i64 = 60;

/// A running CloudWatch. It ends when it is dropped.
pub struct CloudWatch(Server<State>);

#[derive(Default)]
struct State {
    connections: HashMap<String, u32>,
    refusal: Option<&'static str>,
    requests: usize,
}

impl CloudWatch {
    /// Starts one that knows no instance, and so has no value of any.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start() -> Self {
        Self(Server::start(State::default(), |state, head, body| state.answer(head.uri.path(), body)))
    }

    /// Where it listens: for `AWS_ENDPOINT_URL_CLOUDWATCH`.
    pub fn url(&self) -> &str {
        self.0.url()
    }

    /// Gives an instance this many connections, now and always.
    pub fn connections(&self, instance: &str, connections: u32) {
        self.0.state().connections.insert(instance.to_owned(), connections);
    }

    /// Answers every request with this error code and status 403 from now on.
    pub fn refuse(&self, code: &'static str) {
        self.0.state().refusal = Some(code);
    }

    /// How many requests came in.
    pub fn requests(&self) -> usize {
        self.0.state().requests
    }
}

impl State {
    fn answer(&mut self, path: &str, body: &[u8]) -> Answer {
        self.requests += 1;
        let is_known = path.ends_with("/operation/GetMetricData");
        let (status, body) = match (self.refusal, Asked::read(body)) {
            (Some(code), _) => (403, error(code)),
            (None, Ok(asked)) if is_known => (200, values(&asked, &self.connections)),
            (None, _) => (400, error("ValidationError")),
        };
        let headers = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")];
        Answer::new(status, &headers, body)
    }
}

fn error(code: &str) -> Vec<u8> {
    let mut body = Encoder::new(Vec::new());
    body.map(2).str("__type").str(code).str("message").str("not allowed here");
    body.into_writer()
}

/// A request: an id and an instance for each query, and the time that is asked for in seconds since 1970.
#[derive(Default)]
struct Asked {
    queries: Vec<(String, String)>,
    start: i64,
    end: i64,
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, DeserializeError> {
        let mut asked = Self::default();
        let mut body = Decoder::new(body);
        map(&mut body, &mut |key, body| {
            match key {
                "StartTime" => asked.start = body.timestamp()?.secs(),
                "EndTime" => asked.end = body.timestamp()?.secs(),
                "MetricDataQueries" => list(body, &mut |body| {
                    let (mut id, mut instance) = (String::new(), String::new());
                    query(body, &mut id, &mut instance)?;
                    asked.queries.push((id, instance));
                    Ok(())
                })?,
                _ => body.skip()?,
            }
            Ok(())
        })?;
        Ok(asked)
    }
}

/// Reads what is nested in a query down to the value of its dimension.
fn query(body: &mut Decoder<'_>, id: &mut String, instance: &mut String) -> Result<(), DeserializeError> {
    map(body, &mut |key, body| match key {
        "Id" => body.string().map(|read| *id = read),
        "MetricStat" | "Metric" => query(body, id, instance),
        "Dimensions" => list(body, &mut |body| query(body, id, instance)),
        "Value" => body.string().map(|read| *instance = read),
        _ => body.skip(),
    })
}

fn map(
    body: &mut Decoder<'_>,
    read: &mut dyn FnMut(&str, &mut Decoder<'_>) -> Result<(), DeserializeError>,
) -> Result<(), DeserializeError> {
    let mut left = body.map()?;
    while goes_on(body, &mut left)? {
        let key = body.string()?;
        read(&key, body)?;
    }
    Ok(())
}

fn list(
    body: &mut Decoder<'_>,
    read: &mut dyn FnMut(&mut Decoder<'_>) -> Result<(), DeserializeError>,
) -> Result<(), DeserializeError> {
    let mut left = body.list()?;
    while goes_on(body, &mut left)? {
        read(body)?;
    }
    Ok(())
}

/// Whether a map or list has another entry: it says before how many there are, or has a mark at its end.
fn goes_on(body: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DeserializeError> {
    match left {
        Some(0) => Ok(false),
        Some(left) => {
            *left -= 1;
            Ok(true)
        }
        None if body.datatype()? == Type::Break => body.skip().map(|()| false),
        None => Ok(true),
    }
}

fn values(asked: &Asked, connections: &HashMap<String, u32>) -> Vec<u8> {
    let mut body = Encoder::new(Vec::new());
    body.map(1).str("MetricDataResults").array(asked.queries.len());
    for (id, instance) in &asked.queries {
        let first = asked.start.div_euclid(MINUTE) * MINUTE;
        let minutes = (first..=asked.end - MINUTE).step_by(60);
        let known = connections.get(instance);
        let minutes: Vec<i64> = minutes.filter(|_| known.is_some()).collect();
        body.map(4).str("Id").str(id).str("StatusCode").str("Complete");
        body.str("Timestamps").array(minutes.len());
        for &minute in &minutes {
            body.timestamp(&DateTime::from_secs(minute));
        }
        body.str("Values").array(minutes.len());
        for _ in &minutes {
            body.double(known.copied().unwrap_or_default().into());
        }
    }
    body.into_writer()
}
