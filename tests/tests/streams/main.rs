//! What holds for the streams and signals of every tool, from one table.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod lies;
mod table;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use table::{ROWS, Row};
use testkit::tool::{self, Output, Tool};

/// How long a tool may take to connect.
const LIMIT: Duration = Duration::from_secs(60);
/// The signals of signal(7) that end a run.
const SIGNALS: [(&str, i32); 3] = [("HUP", 1), ("INT", 2), ("TERM", 15)];

/// The row's command line in bash, in the place of bash itself, with redirections behind it.
fn bash(row: &Row, url: &str, before: &str, redirections: &str) -> Tool {
    bash_with(row, url, table::PATIENT, before, redirections)
}

/// The same, with this patience for a server.
fn bash_with(row: &Row, url: &str, patience: &str, before: &str, redirections: &str) -> Tool {
    let mut line = format!("{before} exec {}", row.tool);
    for arg in row.args {
        let arg = if *arg == table::PATIENT { patience } else { arg };
        // No argument of the table has a quote.
        let _ = write!(line, " '{}'", arg.replace("{url}", url));
    }
    let database = url.replace("http://", "postgres://u:p@");
    Tool::bash(&format!("{line} {redirections}"))
        .env("DB_URL", format!("{database}/d?sslmode=disable&connect_timeout=600"))
        .env("TS_KEY", "key-of-nobody")
        .env("STRIPE_API_KEY", "rk_test_0000000000000000")
        .env("STRIPE_WEBHOOK_SECRET", "whsec_0000000000000000")
        .stdin(row.stdin.unwrap_or_default())
}

/// A server that takes connections and never says a word.
struct Silent {
    url: String,
    connections: Receiver<TcpStream>,
}

impl Silent {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, connections) = channel();
        // It ends with the process: nothing else lets go of a listener that waits.
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && sender.send(stream).is_ok()
            {}
        });
        Self { url, connections }
    }

    /// The next connection, which stays open as long as it is kept.
    fn connection(&self, row: &Row) -> TcpStream {
        self.connections.recv_timeout(LIMIT).unwrap_or_else(|_| panic!("{} does not connect", row.tool))
    }
}

#[test]
fn every_tool_has_a_row() {
    let rows: BTreeSet<_> = ROWS.iter().map(|row| row.tool.to_owned()).collect();
    assert_eq!(rows, tool::all().into_iter().collect());
}

/// Starts these, waits until each has connected to a server that says nothing, sends the signals and waits for all ends.
fn ends<'a>(rows: impl Iterator<Item = &'a Row>, before: &str, signals: &[&str]) -> Vec<(&'a Row, Output)> {
    let started: Vec<_> = rows
        .map(|row| {
            let server = Silent::start();
            let running = bash(row, &server.url, before, "").spawn();
            (row, server.connection(row), running)
        })
        .collect();
    for (_, _, running) in &started {
        signals.iter().for_each(|signal| running.signal(signal));
    }
    // Connections are kept until the tool has ended.
    started.into_iter().map(|(row, _connection, running)| (row, running.wait())).collect()
}

#[test]
fn a_signal_lets_go_of_what_only_waits() {
    for (name, number) in SIGNALS {
        // The first request of stripe-replay is the post itself, whose fate is open.
        let rows = ROWS.iter().filter(|row| row.tool != "stripe-replay");
        for (row, output) in ends(rows, "", &[name]) {
            assert_eq!(output.signal, Some(number), "{} after {name}: {}", row.tool, output.stderr);
            assert!(output.stderr.contains("read "), "{} after {name}: {}", row.tool, output.stderr);
        }
    }
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let rows = ROWS.iter().filter(|row| row.tool != "stripe-replay");
    for (row, output) in ends(rows, "trap '' HUP;", &["HUP", "TERM"]) {
        assert_eq!(output.signal, Some(15), "{}: {}", row.tool, output.stderr);
        // A second signal would have ended it without its last line.
        assert!(output.stderr.contains("read "), "{}: {}", row.tool, output.stderr);
    }
}

#[test]
fn what_changes_something_does_not_begin_without_a_stdout() {
    for row in ROWS.iter().filter(|row| row.changes) {
        let server = Silent::start();
        let output = bash(row, &server.url, "", ">&-").run();
        output.assert_code(2);
        assert!(output.stderr.contains("stdout is closed"), "{}: {}", row.tool, output.stderr);
    }
}

#[test]
fn a_closed_stdin_is_no_empty_input() {
    for row in ROWS.iter().filter(|row| row.stdin.is_some()) {
        let server = Silent::start();
        let output = bash(row, &server.url, "", "<&-").run();
        output.assert_code(2);
        assert!(output.stderr.contains("stdin is closed"), "{}: {}", row.tool, output.stderr);
    }
}

#[test]
fn a_low_limit_of_the_system_is_an_error_and_no_panic() {
    for row in ROWS {
        let server = Silent::start();
        let output = bash(&row, &server.url, "ulimit -n 8;", "").run();
        output.assert_code(2);
        assert!(output.stderr.contains("ulimit -n"), "{}: {}", row.tool, output.stderr);
    }
}

#[test]
fn help_that_cannot_be_written_is_an_error() {
    for tool in tool::all() {
        Tool::bash(&format!("exec {tool} --help > /dev/full")).run().assert_code(1);
        Tool::bash(&format!("exec {tool} --generate man > /dev/full")).run().assert_code(1);
        // A reader that has seen enough is none.
        Tool::new(&tool).arg("--help").stdout_broken().run().assert_code(0);
    }
}

#[test]
fn every_message_can_be_an_object() {
    for row in ROWS {
        let output = bash(&row, "http://127.0.0.1:9", "ulimit -n 8;", "--log-format json").run();
        let message: serde_json::Value = serde_json::from_str(output.stderr.trim_end())
            .unwrap_or_else(|_| panic!("{}: {}", row.tool, output.stderr));
        assert_eq!(message["level"], "error");
        assert_eq!(message["tool"], row.tool);
    }
}
