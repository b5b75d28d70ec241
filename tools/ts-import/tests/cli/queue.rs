//! Back-pressure: queues that are long are waited for before anything is sent.

use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::typesense;

use crate::{assert_holds, documents, people};

fn queued(writes: u32) -> Rule {
    let body = format!("{{\"committed_index\":1,\"queued_writes\":{writes},\"state\":\"LEADER\"}}");
    Rule::new(Fault::Answer { status: 200, body }).target("/status")
}

#[test]
fn nothing_is_sent_while_a_queue_is_long() {
    let (server, people) = people();
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(queued(251).first(2)));
    let mut running = typesense::tool("ts-import", proxy.url()).arg(&people).stdin(documents(0..3)).spawn();
    let told = running.wait_stderr("waiting");
    assert!(told.contains("has 251 writes in its queue, more than 250"), "{told}");
    let output = running.wait();
    output.assert_code(0);
    assert_eq!(proxy.count("Answer"), 2);
    assert!(output.records()[0]["ms"].as_u64() >= Some(2000), "{}", output.text());
    assert_holds(server, &people, 0..3);
}

#[test]
fn the_limit_can_be_another() {
    let (server, people) = people();
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(queued(251)));
    let run = |flags: &[&str]| {
        typesense::tool("ts-import", proxy.url()).args(flags).arg(&people).stdin(documents(0..3)).run()
    };
    let output = run(&["--max-queued-writes", "250", "--timeout", "2s"]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("more than 250 writes in its queue for 2s (--timeout)"),
        "{}",
        output.stderr
    );
    assert_eq!(server.count(&people), 0);
    run(&["--max-queued-writes", "251"]).assert_code(0);
    assert_holds(server, &people, 0..3);
}

#[test]
fn the_queue_of_every_node_counts() {
    let (server, people) = people();
    let follower = Proxy::start(server.url(), Plan::new(1).rule(queued(1000).first(1)));
    let urls = format!("{},{}", server.url(), follower.url());
    let mut running = typesense::tool("ts-import", &urls).arg(&people).stdin(documents(0..3)).spawn();
    let told = running.wait_stderr("waiting");
    assert!(told.contains(follower.url()), "{told}");
    running.wait().assert_code(0);
    assert_holds(server, &people, 0..3);
}
