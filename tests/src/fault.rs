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

use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpSocket;

use crate::listening::Listening;

pub use plan::{Fault, Met, Plan, Rule, Seen};
use proxy::Shared;
pub(crate) use proxy::{connect, exchange};

/// A URL where nobody listens, such as `http://127.0.0.1:34567`, until the process ends.
///
/// # Panics
/// If the system gives no port.
pub fn nowhere() -> String {
    // Bound and never listened on: connections are refused, and nobody else is given the port meanwhile.
    static HELD: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let address = socket.local_addr().expect("a bound address");
    HELD.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
    format!("http://{address}")
}

/// A running proxy, on threads of its own. It ends when it is dropped; what hangs then is cut.
pub struct Proxy {
    shared: Arc<Shared>,
    listening: Listening,
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
        let shared = Arc::new(Shared::new(authority, plan));
        let serving = Arc::clone(&shared);
        let listening = Listening::start(move |stream| proxy::serve(stream, Arc::clone(&serving)));
        Self { shared, listening }
    }

    /// Where it listens, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        self.listening.url()
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
