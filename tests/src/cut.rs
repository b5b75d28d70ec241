//! A proxy in front of PostgreSQL, or of anything else on TCP, that cuts and holds what the server sends.
//!
//! ```no_run
//! use testkit::cut::Cut;
//! use testkit::postgres;
//!
//! let cut = Cut::start(&postgres::database());
//! cut.after(10_000);
//! // A tool that reads from cut.url() loses its connection after the first 10,000 bytes of the answers.
//! ```

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::listening::Listening;
use crate::postgres::{address, with_address};

/// A running proxy. It ends when it is dropped, and its connections with it.
pub struct Cut {
    url: String,
    listening: Listening,
    orders: watch::Sender<Orders>,
}

#[derive(Clone, Copy, Default)]
struct Orders {
    /// Bytes that one connection gets from the server, counted from its start.
    limit: Option<u64>,
    held: bool,
}

impl Cut {
    /// Passes everything on to the server of a URL `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start(url: &str) -> Self {
        let upstream = address(url);
        let (orders, seen) = watch::channel(Orders::default());
        let listening = Listening::start(move |client| {
            let (upstream, seen) = (upstream.clone(), seen.clone());
            async move {
                // Whichever side leaves, the other is cut: there is nobody to tell.
                let _ = serve(client, &upstream, seen).await;
            }
        });
        Self { url: url.to_owned(), listening, orders }
    }

    /// The URL of the same database behind this proxy.
    pub fn url(&self) -> String {
        let address = self.listening.address();
        with_address(&self.url, &address.ip().to_string(), address.port())
    }

    /// Cuts each connection, also those that are open, when the server has sent so many bytes on it.
    pub fn after(&self, bytes: u64) {
        self.orders.send_modify(|orders| orders.limit = Some(bytes));
    }

    /// Cuts no more connections.
    pub fn heal(&self) {
        self.orders.send_modify(|orders| orders.limit = None);
    }

    /// Holds what the server sends, on every connection, or lets it go on.
    pub fn hold(&self, held: bool) {
        self.orders.send_modify(|orders| orders.held = held);
    }
}

async fn serve(client: TcpStream, upstream: &str, seen: watch::Receiver<Orders>) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    tokio::select! {
        copied = tokio::io::copy(&mut from_client, &mut to_server) => copied.map(drop),
        passed = pass(from_server, &mut to_client, seen) => passed,
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    to: &mut (impl AsyncWriteExt + Unpin),
    mut seen: watch::Receiver<Orders>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    let mut passed = 0;
    loop {
        let orders = *seen.borrow_and_update();
        let left = orders.limit.map_or(u64::MAX, |limit| limit.saturating_sub(passed));
        if left == 0 {
            return Ok(());
        }
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        tokio::select! {
            changed = seen.changed() => if changed.is_err() {
                return Ok(());
            },
            read = from.read(&mut buffer[..room]), if !orders.held => {
                let length = read?;
                if length == 0 {
                    return Ok(());
                }
                to.write_all(&buffer[..length]).await?;
                passed += length as u64;
            }
        }
    }
}
