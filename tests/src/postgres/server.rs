//! One server, run by `scripts/postgres_server.py`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::tls::Certificates;
use super::{address, execute, with_address};
use crate::sandbox::{self, Script};

/// The password of every role that the test bench makes: nothing that a tool writes may contain it.
pub const PASSWORD: &str = "canary5ecretOfDrkit";

/// A running server. It is gone when this is dropped, or when the test process ends however it does.
///
/// Its user `drkit` is a superuser. Where the build of the server has TLS (version 15 most often has, the newest from
/// PyPI has not; see [`super::Front`]), its user `tlsonly` is let in by TLS alone.
pub struct Server {
    url: String,
    script: Script,
    certificates: Certificates,
    databases: AtomicU32,
}

impl Server {
    /// Starts the binaries of a folder, or those of the sandbox.
    pub(super) fn start(binaries: Option<&PathBuf>) -> Self {
        let certificates = Certificates::new(&["localhost", "127.0.0.1"]);
        let mut command = sandbox::server("postgres_server.py");
        command.env("PGPASSWORD", PASSWORD).arg("--certificate").arg(certificates.folder());
        if let Some(folder) = binaries {
            command.arg("--bin").arg(folder);
        }
        let (script, url) = Script::start(&mut command);
        execute(&url, &format!("create role tlsonly superuser login password '{PASSWORD}'"));
        Self { url, script, certificates, databases: AtomicU32::new(1) }
    }

    /// The URL of its database `postgres`, `postgres://drkit:...@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of a new, empty database.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        execute(&self.url, &format!("create database {name}"));
        let (server, _) = self.url.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{name}")
    }

    /// The same URL for the user `tlsonly`.
    pub fn tls_only(&self, url: &str) -> String {
        let (host, port) = self.host_and_port();
        with_address(url, &host, port).replacen("drkit:", "tlsonly:", 1)
    }

    /// The certificate of the authority that signed the server's own, for `localhost` and `127.0.0.1`.
    pub fn ca_file(&self) -> &Path {
        self.certificates.ca_file()
    }

    /// Ends all sessions, with the message that an administrator did it, and the server.
    ///
    /// # Panics
    /// If it does not end.
    pub fn stop(&self) {
        self.script.order("stop");
    }

    /// Lets all of the server's processes vanish, as when its machine goes.
    ///
    /// # Panics
    /// If they do not.
    pub fn kill(&self) {
        self.script.order("kill");
    }

    /// Starts it again after [`Server::stop`] or [`Server::kill`], with the same data at the same address.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        self.script.order("start");
    }

    /// Ends all sessions and starts the server again.
    ///
    /// # Panics
    /// As its two parts.
    pub fn restart(&self) {
        self.stop();
        self.start_again();
    }

    fn host_and_port(&self) -> (String, u16) {
        let address = address(&self.url);
        let (host, port) = address.split_once(':').expect("a host and a port");
        (host.to_owned(), port.parse().expect("a port"))
    }
}
