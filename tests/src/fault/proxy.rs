//! Takes requests, lets the plan decide, and forwards what it lets through.

use std::future::{pending, poll_fn};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::body::Answer;
use super::plan::{Decider, Fault, Plan, Seen};
use crate::s3;

/// What all connections share.
pub(super) struct Shared {
    upstream: String,
    pub(super) decider: Mutex<Decider>,
}

impl Shared {
    pub(super) fn new(upstream: String, plan: Plan) -> Self {
        Self { upstream, decider: Mutex::new(Decider::new(plan)) }
    }
}

/// One client. Its requests follow one another, so one connection to the server behind is enough.
struct Connection {
    shared: Arc<Shared>,
    upstream: tokio::sync::Mutex<Option<client::SendRequest<Full<Bytes>>>>,
    reset: AtomicBool,
}

/// Serves one client until it leaves.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let state = Arc::new(Connection {
        shared,
        upstream: tokio::sync::Mutex::new(None),
        reset: AtomicBool::new(false),
    });
    let serving = Arc::clone(&state);
    let answer = service_fn(move |request| {
        let serving = Arc::clone(&serving);
        Box::pin(async move { serving.answer(request).await })
    });
    let mut connection = server::Builder::new().serve_connection(TokioIo::new(stream), answer);
    // The error is either our own fault, or that of a client which left.
    let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let stream = connection.into_parts().io.into_inner();
    if state.reset.load(Ordering::Relaxed) {
        // Closing then sends RST in place of FIN.
        let _ = stream.set_zero_linger();
    }
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Answer>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let seen = Seen {
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            operation: operation(&parts, &body),
        };
        let fault = self.shared.decider.lock().unwrap_or_else(PoisonError::into_inner).decide(&seen);
        match fault {
            None => self.forward(parts, body).await.map(|answer| answer.map(Answer::whole)),
            Some(Fault::SlowDown) => Ok(refusal(503, &error("SlowDown", "Please reduce your request rate."))),
            Some(Fault::InternalError) => Ok(refusal(500, &internal_error())),
            Some(Fault::ErrorInside200) => Ok(refusal(200, &internal_error())),
            Some(Fault::Answer { status, body }) => Ok(refusal(status, &body)),
            Some(Fault::ResetBefore) => Err(self.reset()),
            Some(Fault::ResetAfter) => {
                self.forward(parts, body).await?;
                Err(self.reset())
            }
            Some(Fault::CutBody) => {
                let answer = self.forward(parts, body).await?;
                let empty = answer.body().is_empty();
                Ok(answer.map(if empty { Answer::whole } else { Answer::cut }))
            }
            Some(Fault::SlowBody(pause)) => {
                Ok(self.forward(parts, body).await?.map(|bytes| Answer::slow(bytes, pause)))
            }
            Some(Fault::Hang) => pending().await,
        }
    }

    fn reset(&self) -> io::Error {
        self.reset.store(true, Ordering::Relaxed);
        io::Error::other("reset by plan")
    }

    /// Sends the request on, over the connection that this client's requests have.
    async fn forward(&self, parts: Parts, body: Bytes) -> io::Result<Response<Bytes>> {
        let mut upstream = self.upstream.lock().await;
        let usable = match upstream.as_mut() {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            *upstream = Some(connect(&self.shared.upstream).await?);
        }
        let sender = upstream.as_mut().ok_or_else(|| io::Error::other("no connection"))?;
        exchange(sender, parts, body).await
    }
}

/// A connection to the server at `host:port`, which ends by itself as soon as the sender is dropped.
pub(crate) async fn connect(upstream: &str) -> io::Result<client::SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(upstream).await?;
    let _ = stream.set_nodelay(true);
    let (sender, connection) = client::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Sends a request on, with its headers as they are but for those that belong to the connection, and takes the whole
/// answer.
pub(crate) async fn exchange(
    sender: &mut client::SendRequest<Full<Bytes>>,
    mut parts: Parts,
    body: Bytes,
) -> io::Result<Response<Bytes>> {
    for name in [CONNECTION, EXPECT, TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    let is_head = parts.method == hyper::Method::HEAD;
    let answer =
        sender.send_request(Request::from_parts(parts, Full::new(body))).await.map_err(io::Error::other)?;
    let (mut head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    head.headers.remove(CONNECTION);
    head.headers.remove(TRANSFER_ENCODING);
    if !is_head {
        // The body says its own length, also where it came in chunks.
        head.headers.remove(CONTENT_LENGTH);
    }
    Ok(Response::from_parts(head, body))
}

/// A service of the Query protocol names its operation in the body, one of the JSON protocols in a header; the rest are
/// taken for S3.
fn operation(parts: &Parts, body: &[u8]) -> String {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let action = std::str::from_utf8(body).ok().and_then(|body| body.strip_prefix("Action="));
    let named = action
        .and_then(|rest| rest.split('&').next())
        .or_else(|| target.and_then(|target| target.rsplit('.').next()));
    named.unwrap_or_else(|| s3::operation(parts)).to_owned()
}

fn refusal(status: u16, document: &str) -> Response<Answer> {
    Response::builder()
        .status(status)
        .header("content-type", "application/xml")
        .body(Answer::whole(Bytes::from(document.to_owned())))
        .expect("a valid status")
}

fn internal_error() -> String {
    error("InternalError", "We encountered an internal error. Please try again.")
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message><RequestId>FAULT</RequestId></Error>"
    )
}
