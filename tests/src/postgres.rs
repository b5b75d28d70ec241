//! PostgreSQL for tests: a server of the newest version for each test process, started at the first call and gone with
//! the process, and one of the machine's own if it is a PostgreSQL 15.
//!
//! ```no_run
//! use testkit::postgres;
//!
//! let url = postgres::database();
//! postgres::execute(&url, "create table t (id int primary key); insert into t values (1)");
//! assert_eq!(postgres::value(&url, "select count(*) from t"), "1");
//! ```
//!
//! A test has a database to itself and roles not at all: these belong to the whole server, so give them names that no
//! other test of the process uses.

mod installed;
mod rehearsal;
mod server;
mod session;
mod tls;

use std::sync::OnceLock;

pub use rehearsal::{rehearse, rehearse_with};
pub use server::{PASSWORD, Server};
pub use session::{Rows, Session};
pub use tls::Front;

/// The server that the tests of this process share, of version 18.
///
/// # Panics
/// If the sandbox cannot be made or the server does not start.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(another)
}

/// A server of version 18 for one test alone, which stops, kills or restarts it. It is gone when it is dropped.
///
/// # Panics
/// As [`server`].
pub fn another() -> Server {
    Server::start(None)
}

/// A server of version 15 for the tests of this process, where this machine has the binaries.
///
/// # Panics
/// If they are there and do not start.
pub fn version_15() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| installed::binaries("15").map(|folder| Server::start(Some(&folder)))).as_ref()
}

/// Every shared server that this machine can have, for tests of what versions do differently.
///
/// # Panics
/// As [`server`] and [`version_15`].
pub fn servers() -> Vec<&'static Server> {
    std::iter::once(server()).chain(version_15()).collect()
}

/// The URL of a new, empty database on [`server`], with the superuser `drkit` and his [`PASSWORD`].
///
/// # Panics
/// As [`server`].
pub fn database() -> String {
    server().database()
}

/// Runs statements, separated by semicolons. They are one transaction unless they say otherwise.
///
/// # Panics
/// If the server refuses.
#[track_caller]
pub fn execute(url: &str, sql: &str) {
    query(url, sql);
}

/// The rows of the last statement that has any, as text.
///
/// # Panics
/// If the server refuses.
#[track_caller]
pub fn query(url: &str, sql: &str) -> Rows {
    attempt(url, sql).unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

/// The only column of the only row.
///
/// # Panics
/// If the server refuses, or there is not exactly one value, or it is null.
#[track_caller]
pub fn value(url: &str, sql: &str) -> String {
    let rows = query(url, sql);
    match &rows[..] {
        [row] if row.len() == 1 => row[0].clone().unwrap_or_else(|| panic!("null from {sql}")),
        _ => panic!("not one value from {sql}: {rows:?}"),
    }
}

/// As [`query`], for what the server may refuse.
///
/// # Errors
/// The server's message, or why it cannot be reached.
pub fn attempt(url: &str, sql: &str) -> Result<Rows, String> {
    Session::open(url)?.query(sql)
}

/// The URL of the same database behind another address, such as that of a proxy.
pub(crate) fn with_address(url: &str, host: &str, port: u16) -> String {
    let (before, rest) = url.rsplit_once('@').expect("a URL with a password");
    let database = rest.split_once('/').map_or("", |(_, database)| database);
    format!("{before}@{host}:{port}/{database}")
}

/// The `host:port` of a URL.
pub(crate) fn address(url: &str) -> String {
    let rest = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}
