//! The input while it comes, and the ends of a run before its time.

use std::time::Duration;

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::tool::Running;
use testkit::typesense;

use crate::{assert_holds, documents, people, sum};

#[test]
fn a_quiet_pipe_holds_nothing_back() {
    let (server, people) = people();
    let mut running = server.tool("ts-import").arg(&people).spawn();
    for n in 0..3 {
        running.write(documents(n..n + 1));
        let receipt = running.line().unwrap_or_default();
        assert!(receipt.contains(&format!("\"after\":{n},\"documents\":1,\"accepted\":1")), "{receipt}");
    }
    running.wait().assert_code(0);
    assert_holds(server, &people, 0..3);
}

#[test]
fn half_a_line_is_waited_for_and_what_was_before_it_is_not() {
    let (server, people) = people();
    let mut running = server.tool("ts-import").arg(&people).spawn();
    let both = documents(0..2);
    let (first, second) = both.split_at(both.len() - 7);
    running.write(first);
    assert!(running.line().is_some_and(|receipt| receipt.contains("\"documents\":1,")));
    running.write(second);
    assert!(running.line().is_some_and(|receipt| receipt.contains("\"after\":1,\"documents\":1,")));
    running.wait().assert_code(0);
    assert_holds(server, &people, 0..2);
}

#[test]
fn batches_begin_small() {
    let (server, people) = people();
    let output = server.tool("ts-import").arg(&people).stdin(documents(0..8000)).run();
    let receipts = output.assert_code(0).records();
    let sizes: Vec<_> = receipts.iter().filter_map(|receipt| receipt["documents"].as_u64()).collect();
    // How much has gathered when a batch is back depends on who was quicker, and what it may be does not.
    let most = (0..).map(|n| 1000 << n);
    assert!(sizes.len() >= 4 && sizes.iter().zip(most).all(|(size, most)| *size <= most), "{sizes:?}");
    assert_holds(server, &people, 0..8000);
}

/// A run whose first batch is in flight for two seconds, through a proxy.
fn in_flight(proxy: &Proxy, people: &str) -> Running {
    let mut running =
        typesense::tool("ts-import", proxy.url()).args(["-v", "--batch-docs", "5", people]).spawn();
    running.write(documents(0..5));
    while proxy.count("SlowBody") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    running.write(documents(5..9));
    // The reject tells that the lines before it were read.
    running.write("x\n");
    running.wait_stderr("bad-line");
    running
}

fn slow(url: &str) -> Proxy {
    let slow = Fault::SlowBody(Duration::from_millis(200));
    Proxy::start(url, Plan::new(1).rule(Rule::new(slow).method("POST").target("/documents/import").nth(1)))
}

#[test]
fn a_signal_finishes_the_batch_in_flight_and_sends_no_other() {
    let server = typesense::server();
    for (name, number) in [("INT", 2), ("TERM", 15)] {
        let (_, people) = people();
        let proxy = slow(server.url());
        let mut running = in_flight(&proxy, &people);
        running.signal(name);
        let told = running.wait_stderr("import is not certain");
        assert!(told.contains(": 4;"), "{told}");
        let output = running.wait();
        assert_eq!((output.signal, sum(&output, "accepted")), (Some(number), 5), "{}", output.stderr);
        assert_holds(server, &people, 0..5);
    }
}

#[test]
fn without_its_reader_the_batch_in_flight_is_finished_and_told_on_stderr() {
    let (server, people) = people();
    let proxy = slow(server.url());
    let mut running = in_flight(&proxy, &people);
    running.close_stdout();
    let receipt = running.wait_stderr("\"accepted\":5");
    assert!(receipt.contains("\"after\":0"), "{receipt}");
    running.wait_stderr("import is not certain: 4;");
    running.wait_stderr("stdout was closed");
    running.wait().assert_code(1);
    assert_holds(server, &people, 0..5);
}

#[test]
fn a_signal_ends_a_wait() {
    let (server, people) = people();
    let busy = Fault::Answer { status: 503, body: "{\"message\": \"Not Ready or Lagging\"}".to_owned() };
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(Rule::new(busy).target("/documents/import")));
    let mut running = typesense::tool("ts-import", proxy.url()).arg(&people).spawn();
    running.write(documents(0..5));
    running.wait_stderr("trying again");
    running.signal("INT");
    running.wait_stderr("import is not certain: 5;");
    assert_eq!(running.wait().signal, Some(2));
    assert_eq!(server.count(&people), 0);
}
