//! Servers that lie: whatever comes, a tool ends with an error, in bounded time and memory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use testkit::tool::Running;

use crate::table::{ROWS, Row};

/// What a server says to every request.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// A head with this status, and a body without an end.
    Endless(u16),
    /// The same, a byte at a time.
    Dripping(u16),
    /// A whole page of a proxy's, with success.
    Page,
    /// A body that breaks off.
    Cut,
    /// Another place.
    Elsewhere,
    /// An answer that is none of HTTP.
    Noise,
}

impl Lie {
    fn is_success(self) -> bool {
        matches!(self, Self::Endless(200) | Self::Dripping(200) | Self::Page | Self::Cut)
    }
}

/// A server on threads that end with the process, and its address.
fn server(lie: Lie) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            // A client that leaves ends the answer.
            thread::spawn(move || answer(lie, &stream));
        }
    });
    url
}

fn answer(lie: Lie, mut stream: &TcpStream) -> std::io::Result<()> {
    let lines = BufReader::new(stream).lines();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let head =
        |status: u16, more: &str| format!("HTTP/1.1 {status} S\r\ncontent-type: text/html\r\n{more}\r\n");
    match lie {
        Lie::Endless(status) => {
            stream.write_all(head(status, "transfer-encoding: chunked\r\n").as_bytes())?;
            let part = [b"10000\r\n".as_slice(), &[b'x'; 1 << 16], b"\r\n"].concat();
            loop {
                stream.write_all(&part)?;
            }
        }
        Lie::Dripping(status) => {
            stream.write_all(head(status, "content-length: 1000000\r\n").as_bytes())?;
            loop {
                stream.write_all(b"<")?;
                // The pace of the lie; nothing waits for it.
                thread::sleep(Duration::from_millis(50));
            }
        }
        Lie::Page => {
            stream.write_all((head(200, "content-length: 20\r\n") + "<html>Sign in</html>").as_bytes())
        }
        Lie::Cut => stream.write_all((head(200, "content-length: 1000\r\n") + "<?xml ").as_bytes()),
        Lie::Elsewhere => {
            stream.write_all(head(302, "location: http://127.0.0.1:9/\r\ncontent-length: 0\r\n").as_bytes())
        }
        Lie::Noise => stream.write_all(b"220 mail.example ESMTP\r\n"),
    }
}

/// The row's tool in front of such a server, in two gigabytes of addresses.
fn start(row: &Row, lie: Lie) -> Running {
    crate::bash_with(row, &server(lie), "1s", "ulimit -v 2000000;", "").spawn()
}

fn ends_with_an_error(lie: Lie) {
    // PostgreSQL's protocol has no bodies; its login is bounded by itself.
    let rows = ROWS.iter().filter(|row| !row.tool.starts_with("pg-"));
    let started: Vec<_> = rows.map(|row| (row, start(row, lie))).collect();
    for (row, running) in started {
        let output = running.wait();
        if row.tool == "stripe-replay" && lie.is_success() {
            // For a webhook, the status is all that an answer says.
            output.assert_code(0);
            continue;
        }
        let failed = matches!(output.code, Some(1 | 3));
        assert!(failed, "{} before {lie:?}: {:?} {}", row.tool, output.code, output.stderr);
        assert!(output.stdout.is_empty(), "{} before {lie:?}: {}", row.tool, output.text());
        for line in output.stderr.lines() {
            assert!(line.len() < 1500, "{} before {lie:?}: {line}", row.tool);
        }
    }
}

#[test]
fn an_endless_answer_fills_no_memory() {
    ends_with_an_error(Lie::Endless(200));
}

#[test]
fn an_endless_refusal_fills_no_memory() {
    ends_with_an_error(Lie::Endless(500));
}

#[test]
fn a_dripping_answer_holds_nobody() {
    ends_with_an_error(Lie::Dripping(200));
}

#[test]
fn a_dripping_refusal_holds_nobody() {
    ends_with_an_error(Lie::Dripping(500));
}

#[test]
fn a_page_of_a_proxy_is_no_answer() {
    ends_with_an_error(Lie::Page);
}

#[test]
fn a_cut_answer_is_no_answer() {
    ends_with_an_error(Lie::Cut);
}

#[test]
fn a_redirect_is_not_followed() {
    ends_with_an_error(Lie::Elsewhere);
}

#[test]
fn noise_is_no_answer() {
    ends_with_an_error(Lie::Noise);
}
