//! The fault proxy does to a client what its plan says, and nothing else.
#![expect(clippy::expect_used, reason = "a failed step is a failed test")]

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use testkit::fault::{Fault, Plan, Proxy, Rule, nowhere};
use testkit::s3::{Options, Put, Server};

const BODY: &str = "0123456789012345678901234567890123456789";

struct Bench {
    server: Server,
    proxy: Proxy,
}

fn bench(plan: Plan) -> Bench {
    let server = Server::start(Options::default());
    server.create_bucket("b");
    server.put("b", "k", Put::bytes(BODY));
    let proxy = Proxy::start(server.url(), plan);
    Bench { server, proxy }
}

/// One request on a connection of its own: everything that came back, and how the connection ended.
fn exchange(bench: &Bench, method: &str, target: &str) -> (String, Option<ErrorKind>) {
    let address = bench.proxy.url().strip_prefix("http://").unwrap_or_default();
    let mut stream = TcpStream::connect(address).expect("the proxy accepts");
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the proxy reads");
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).err().map(|error| error.kind());
    (String::from_utf8(answer).expect("text"), end)
}

#[test]
fn without_rules_everything_passes() {
    let bench = bench(Plan::new(1));
    let (answer, end) = exchange(&bench, "GET", "/b/k");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(BODY), "{answer}");
    assert_eq!(end, None);
    let (answer, _) = exchange(&bench, "HEAD", "/b/k");
    assert!(answer.contains(&format!("content-length: {}", BODY.len())), "{answer}");
    assert_eq!((bench.proxy.requests(), bench.proxy.met().len()), (2, 0));
    let logged = bench.server.requests();
    assert_eq!(logged[0].header("host"), bench.proxy.url().strip_prefix("http://"));
}

#[test]
fn refusals_never_reach_the_server() {
    let plan = Plan::new(1)
        .rule(Rule::new(Fault::SlowDown).method("PUT"))
        .rule(Rule::new(Fault::InternalError).method("HEAD"))
        .rule(Rule::new(Fault::ErrorInside200).operation("DeleteObject"))
        .rule(Rule::new(Fault::Answer { status: 418, body: "<x/>".to_owned() }).target("teapot"));
    let bench = bench(plan);
    assert!(exchange(&bench, "PUT", "/b/k").0.contains("<Code>SlowDown</Code>"));
    assert!(exchange(&bench, "HEAD", "/b/k").0.starts_with("HTTP/1.1 500"));
    let (answer, _) = exchange(&bench, "DELETE", "/b/k");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<Code>InternalError</Code>"), "{answer}");
    assert!(exchange(&bench, "GET", "/b/teapot").0.starts_with("HTTP/1.1 418"));
    assert_eq!(bench.server.requests().len(), 0);
    let names: Vec<&str> = bench.proxy.met().iter().map(|met| met.fault).collect();
    assert_eq!(names, ["SlowDown", "InternalError", "ErrorInside200", "Answer"]);
}

#[test]
fn a_reset_comes_before_or_after_the_act() {
    let plan = Plan::new(1)
        .rule(Rule::new(Fault::ResetBefore).method("DELETE").nth(1))
        .rule(Rule::new(Fault::ResetAfter).method("DELETE").nth(1));
    let bench = bench(plan);
    assert_eq!(exchange(&bench, "DELETE", "/b/k"), (String::new(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(bench.server.count("DeleteObject"), 0);
    assert_eq!(exchange(&bench, "DELETE", "/b/k"), (String::new(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(bench.server.count("DeleteObject"), 1);
    assert!(exchange(&bench, "DELETE", "/b/k").0.starts_with("HTTP/1.1 204"));
}

#[test]
fn a_cut_body_promises_more_than_it_brings() {
    let bench = bench(Plan::new(1).rule(Rule::new(Fault::CutBody)));
    let (answer, _) = exchange(&bench, "GET", "/b/k");
    assert!(answer.contains(&format!("content-length: {}", BODY.len())), "{answer}");
    assert!(answer.ends_with(&format!("\r\n\r\n{}", &BODY[..BODY.len() / 2])), "{answer}");
    assert_eq!(bench.proxy.count("CutBody"), 1);
}

#[test]
fn a_slow_body_is_whole_in_the_end() {
    let bench = bench(Plan::new(1).rule(Rule::new(Fault::SlowBody(Duration::from_millis(1)))));
    assert!(exchange(&bench, "GET", "/b/k").0.ends_with(BODY));
    assert_eq!(bench.proxy.count("SlowBody"), 1);
}

#[test]
fn what_hangs_ends_with_the_proxy() {
    let bench = bench(Plan::new(1).rule(Rule::new(Fault::Hang)));
    let address = bench.proxy.url().strip_prefix("http://").unwrap_or_default().to_owned();
    let mut stream = TcpStream::connect(&address).expect("the proxy accepts");
    stream.write_all(b"GET /b/k HTTP/1.1\r\nHost: x\r\n\r\n").expect("the proxy reads");
    while bench.proxy.count("Hang") == 0 {
        std::thread::yield_now();
    }
    drop(bench.proxy);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    assert_eq!(bench.server.requests().len(), 0);
}

#[test]
fn every_nth_and_the_first_n_are_counted() {
    let plan = Plan::new(1)
        .rule(Rule::new(Fault::SlowDown).method("GET").first(2))
        .rule(Rule::new(Fault::InternalError).method("GET").every(3));
    let bench = bench(plan);
    let codes: Vec<String> =
        (0..8).map(|_| exchange(&bench, "GET", "/b/k").0["HTTP/1.1 ".len()..][..3].to_owned()).collect();
    assert_eq!(codes, ["503", "503", "200", "200", "500", "200", "200", "500"]);
}

#[test]
fn chance_follows_from_the_seed_and_not_from_the_order() {
    let run = |seed, order: &mut dyn Iterator<Item = u32>| {
        let bench = bench(Plan::new(seed).rule(Rule::new(Fault::SlowDown).chance(0.5)));
        for number in order {
            exchange(&bench, "GET", &format!("/b/{number}"));
        }
        let mut struck: Vec<String> = bench.proxy.met().into_iter().map(|met| met.request.target).collect();
        struck.sort();
        struck
    };
    let struck = run(7, &mut (0..40));
    assert!((5..35).contains(&struck.len()), "{struck:?}");
    assert_eq!(struck, run(7, &mut (0..40).rev()));
    assert_ne!(struck, run(8, &mut (0..40)));
}

#[test]
fn nobody_else_can_come_to_listen_where_nobody_does() {
    let url = nowhere();
    let address = url.strip_prefix("http://").unwrap_or_default();
    assert_eq!(
        TcpStream::connect(address).err().map(|error| error.kind()),
        Some(ErrorKind::ConnectionRefused)
    );
    assert_eq!(TcpListener::bind(address).err().map(|error| error.kind()), Some(ErrorKind::AddrInUse));
}
