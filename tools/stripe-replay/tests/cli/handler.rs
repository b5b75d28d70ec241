//! A webhook handler that answers as a test wants, and remembers every call.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use testkit::tool::Tool;
use tokio::sync::{oneshot, watch};

use crate::SECRET;

/// A call, as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: String,
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub at: Instant,
    /// Calls for the same event before this one.
    pub nth: usize,
}

/// What is done with a call.
pub enum Say {
    /// An empty answer.
    Status(u16),
    /// An answer with headers and words.
    Words(u16, &'static [(&'static str, &'static str)], String),
    /// An empty answer after a while.
    Slow(Duration, u16),
    /// An empty answer once [`Handler::release`] is called.
    Held(u16),
    /// The connection is closed instead.
    Reset,
}

/// What the handler knows.
#[derive(Default)]
pub struct State {
    pub calls: Vec<Call>,
    /// `+evt_1` for each call and `-evt_1` for each answer, as they came about.
    pub log: Vec<String>,
    pub connections: usize,
    in_flight: usize,
    /// The most calls that were open at once.
    pub most_in_flight: usize,
}

impl State {
    /// The events that were called for, in order, each as often as it was.
    pub fn ids(&self) -> Vec<String> {
        self.calls.iter().map(|call| call.id.clone()).collect()
    }
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    rule: Box<dyn Fn(&Call) -> Say + Send + Sync>,
    released: watch::Sender<bool>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running handler; it ends when it is dropped.
pub struct Handler {
    pub url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Handler {
    /// One that does this with each call.
    pub fn start(rule: impl Fn(&Call) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let url = format!("http://{}/webhooks/stripe", listener.local_addr().expect("an address"));
        let (released, _) = watch::channel(false);
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            rule: Box::new(rule),
            released,
        });
        let serving = Arc::clone(&shared);
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let thread = thread::spawn(move || runtime.block_on(serve(listener, serving, stopped)));
        Self { url, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// One that accepts everything.
    pub fn accepting() -> Self {
        Self::start(|_| Say::Status(200))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// Answers the calls that are held, and those that would be.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Waits until this is so.
    pub fn wait_until(&self, mut is_so: impl FnMut(&State) -> bool) {
        let limit = Duration::from_secs(60);
        let waited = self.shared.changed.wait_timeout_while(self.state(), limit, |state| !is_so(state));
        let (state, time) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!time.timed_out(), "it never came to that: {:?}", state.log);
    }

    /// The tool with this handler as its target.
    pub fn tool(&self) -> Tool {
        Tool::new("stripe-replay").args(["--to", &self.url]).env("STRIPE_WEBHOOK_SECRET", SECRET)
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic in there has failed its test already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
    loop {
        let stream = tokio::select! {
            _ = &mut stopped => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let _ = stream.set_nodelay(true);
        shared.lock().connections += 1;
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let event: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let id = event["id"].as_str().unwrap_or_default().to_owned();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let said = {
        let mut state = shared.lock();
        let nth = state.calls.iter().filter(|call| call.id == id).count();
        let call = Call {
            id: id.clone(),
            method: head.method.to_string(),
            path: head.uri.to_string(),
            headers: headers.collect(),
            body,
            at: Instant::now(),
            nth,
        };
        let said = (shared.rule)(&call);
        state.calls.push(call);
        state.log.push(format!("+{id}"));
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        said
    };
    shared.changed.notify_all();
    let (status, headers, words) = match said {
        Say::Status(status) => (status, &[][..], String::new()),
        Say::Words(status, headers, words) => (status, headers, words),
        Say::Slow(time, status) => {
            tokio::time::sleep(time).await;
            (status, &[][..], String::new())
        }
        Say::Held(status) => {
            // Only the end of the handler closes the channel, and nobody waits for an answer then.
            let _ = shared.released.subscribe().wait_for(|released| *released).await;
            (status, &[][..], String::new())
        }
        Say::Reset => (0, &[][..], String::new()),
    };
    {
        let mut state = shared.lock();
        state.log.push(format!("-{id}"));
        state.in_flight -= 1;
    }
    shared.changed.notify_all();
    if status == 0 {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    let start = Response::builder().status(status);
    let response = headers.iter().fold(start, |response, (name, value)| response.header(*name, *value));
    response.body(Full::new(Bytes::from(words))).map_err(io::Error::other)
}
