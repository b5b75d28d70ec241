//! A seeded proxy that puts faults between a tool and any HTTP server.
//!
//! ```
//! use testkit::fault::{Fault, Plan, Proxy, Rule};
//! use testkit::s3::{Options, Server};
//!
//! let server = Server::start(Options::default());
//! let plan = Plan::new(42)
//!     .rule(Rule::new(Fault::ResetAfter).operation("CopyObject").nth(2))
//!     .rule(Rule::new(Fault::SlowDown).method("PUT").chance(0.2));
//! let proxy = Proxy::start(server.url(), plan);
//! // Run a tool against proxy.url(), then make sure that it met what it was to survive:
//! assert_eq!(proxy.count("ResetAfter"), 0);
//! ```

mod body;
mod plan;
mod proxy;

use std::net::TcpListener;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::runtime;
use tokio::sync::oneshot;

pub use plan::{Fault, Met, Plan, Rule, Seen};
use proxy::Shared;

/// A running proxy, on threads of its own. It ends when it is dropped; what hangs then is cut.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy on a free loopback port in front of the server at `upstream`, an `http://host:port`
    /// URL.
    ///
    /// The `Host` header goes on unchanged, so signatures stay valid.
    ///
    /// # Panics
    /// If the system gives no port or thread, or `upstream` is no such URL.
    pub fn start(upstream: &str, plan: Plan) -> Self {
        let authority =
            upstream.strip_prefix("http://").expect("an http:// URL").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let shared = Arc::new(Shared::new(authority, plan));
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
                proxy::serve(listener, serving, stopped).await;
            });
        });
        Self { url, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every fault so far, in the order in which they were decided.
    pub fn met(&self) -> Vec<Met> {
        self.shared.decider.lock().unwrap_or_else(PoisonError::into_inner).met.clone()
    }

    /// How many faults of this name there were, such as `SlowDown`.
    pub fn count(&self, fault: &str) -> usize {
        self.met().iter().filter(|met| met.fault == fault).count()
    }

    /// How many requests came in, faulty or not.
    pub fn requests(&self) -> u64 {
        self.shared.decider.lock().unwrap_or_else(PoisonError::into_inner).requests
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed already and must not become a second one here.
            let _ = thread.join();
        }
    }
}
