//! CloudWatch as far as RDS tells it of connections: GetMetricData over the protocol that the SDK speaks, which moto does
//! not.
//!
//! An instance has the same number of connections in every minute, up to the last whole one (API reference,
//! GetMetricData: a value carries the first second of its minute).

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::listening::Listening;

/// Seconds of one value.
const MINUTE: i64 = 60;

/// A running CloudWatch. It ends when it is dropped.
pub struct CloudWatch {
    state: Arc<Mutex<State>>,
    listening: Listening,
}

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
        let state = Arc::<Mutex<State>>::default();
        let serving = Arc::clone(&state);
        Self { state, listening: Listening::start(move |stream| serve(stream, Arc::clone(&serving))) }
    }

    /// Where it listens: for `AWS_ENDPOINT_URL_CLOUDWATCH`.
    pub fn url(&self) -> &str {
        self.listening.url()
    }

    /// Gives an instance this many connections, now and always.
    pub fn connections(&self, instance: &str, connections: u32) {
        lock(&self.state).connections.insert(instance.to_owned(), connections);
    }

    /// Answers every request with this error code and status 403 from now on.
    pub fn refuse(&self, code: &'static str) {
        lock(&self.state).refusal = Some(code);
    }

    /// How many requests came in.
    pub fn requests(&self) -> usize {
        lock(&self.state).requests
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let answer = service_fn(move |request| answer(Arc::clone(&state), request));
    // The error is that of a client which left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_known = request.uri().path().ends_with("/operation/GetMetricData");
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut state = lock(&state);
    state.requests += 1;
    let (status, body) = match (state.refusal, Asked::read(&body)) {
        (Some(code), _) => (403, error(code)),
        (None, Ok(asked)) if is_known => (200, values(&asked, &state.connections)),
        (None, _) => (400, error("ValidationError")),
    };
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/cbor")
        .header("smithy-protocol", "rpc-v2-cbor")
        .body(Full::new(body.into()));
    Ok(answer.expect("an answer"))
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
