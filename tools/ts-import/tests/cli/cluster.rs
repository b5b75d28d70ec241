//! Three nodes, of which one vanishes.

use testkit::fault::nowhere;
use testkit::typesense;

use crate::{FIELDS, assert_holds, documents, sum};

#[test]
fn a_node_that_is_killed_in_the_middle_loses_nothing() {
    let cluster = typesense::cluster();
    let people = cluster.collection("people", FIELDS);
    let leader = cluster.leader();
    // The leader first, so that it is in use.
    let mut urls = cluster.urls().to_vec();
    urls.rotate_left(leader);
    let tool = typesense::tool("ts-import", &urls.join(","));
    let mut running = tool.args(["--batch-docs", "500", &people]).spawn();
    running.write(documents(0..4000));
    assert!(running.line().is_some_and(|receipt| receipt.contains("\"accepted\":500")));
    cluster.kill(leader);
    running.write(documents(4000..6000));
    running.wait_stderr("trying again");
    let output = running.wait();
    output.assert_code(0);
    assert!(sum(&output, "requests") > sum(&output, "documents") / 500, "{}", output.text());
    assert!(output.stderr.contains("read 6000, done 6000, rejected 0"), "{}", output.stderr);
    // With all nodes back, each of them has everything.
    cluster.start_again(leader);
    assert_holds(&cluster, &people, 0..6000);
    let again = cluster.tool("ts-import").arg(&people).stdin(documents(0..6000)).run();
    again.assert_code(0);
    assert_holds(&cluster, &people, 0..6000);
}

#[test]
fn the_first_node_may_be_away_from_the_start() {
    let server = typesense::server();
    let people = server.collection("people", FIELDS);
    let urls = format!("{},{}", nowhere(), server.url());
    let output = typesense::tool("ts-import", &urls).arg(&people).stdin(documents(0..10)).run();
    output.assert_code(0);
    assert!(!output.stderr.contains("trying again"), "{}", output.stderr);
    assert_holds(server, &people, 0..10);
}
