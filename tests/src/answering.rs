//! A small HTTP server for fakes: what it knows, and one function that answers whole requests from it.
//!
//! ```
//! use testkit::answering::{Answer, Server};
//!
//! let server = Server::start(0, |count: &mut u32, head, _body| {
//!     *count += 1;
//!     match head.uri.path() {
//!         "/health" => Answer::new(200, &[("content-type", "application/json")], r#"{"ok":true}"#),
//!         _ => Answer::new(404, &[], ""),
//!     }
//! });
//! // Run a tool against server.url(), then look at what it brought about:
//! assert_eq!(*server.state(), 0);
//! ```

use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::listening::Listening;

/// How long [`Server::wait_until`] waits.
const LIMIT: Duration = Duration::from_secs(120);

/// What is said to a request.
pub struct Answer(Option<Response<Full<Bytes>>>);

impl Answer {
    /// A whole answer.
    ///
    /// # Panics
    /// If the status or a header is none that HTTP has.
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let start = Response::builder().status(status);
        let answer = headers.iter().fold(start, |answer, (name, value)| answer.header(*name, *value));
        Self(Some(answer.body(Full::new(body.into())).expect("a valid status and valid headers")))
    }

    /// None, ever: the connection stays open until the client leaves.
    pub fn never() -> Self {
        Self(None)
    }
}

/// A running server, on threads of its own. It ends when it is dropped.
pub struct Server<S> {
    shared: Arc<Shared<S>>,
    listening: Listening,
}

/// The state, and what tells of its changes.
struct Shared<S> {
    state: Mutex<S>,
    changed: Condvar,
}

impl<S> Shared<S> {
    fn state(&self) -> MutexGuard<'_, S> {
        // A panic of the answering function has cost its client the connection, which its test has to notice.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Send + 'static> Server<S> {
    /// Starts a server on a free loopback port; it accepts connections when this returns. Requests are answered one
    /// at a time; one whose body breaks off is not answered.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start(state: S, answer: impl Fn(&mut S, &Parts, &[u8]) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let serving = Arc::clone(&shared);
        let answer = Arc::new(answer);
        let listening = Listening::start(move |stream| {
            let (shared, answer) = (Arc::clone(&serving), Arc::clone(&answer));
            serve(stream, move |request| respond(Arc::clone(&shared), Arc::clone(&answer), request))
        });
        Self { shared, listening }
    }

    /// Where it listens, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        self.listening.url()
    }

    /// All that it knows, to be set up, looked at or changed; nothing is answered meanwhile.
    pub fn state(&self) -> MutexGuard<'_, S> {
        self.shared.state()
    }

    /// Waits until a request has brought this about: false if none has within two minutes.
    #[must_use]
    pub fn wait_until(&self, mut is_reached: impl FnMut(&S) -> bool) -> bool {
        let changed = &self.shared.changed;
        let waited = changed.wait_timeout_while(self.state(), LIMIT, |state| !is_reached(state));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

async fn respond<S>(
    shared: Arc<Shared<S>>,
    answer: Arc<impl Fn(&mut S, &Parts, &[u8]) -> Answer>,
    request: hyper::Request<Incoming>,
) -> hyper::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let Answer(answer) = answer(&mut shared.state(), &head, &body);
    shared.changed.notify_all();
    match answer {
        Some(answer) => Ok(answer),
        None => pending().await,
    }
}

/// Serves one client until it leaves.
pub(crate) async fn serve<F, E>(stream: TcpStream, answer: impl Fn(hyper::Request<Incoming>) -> F)
where
    F: Future<Output = Result<Response<Full<Bytes>>, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    // The error is that of a client which left.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}
