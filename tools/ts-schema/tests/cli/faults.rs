//! Clusters that are late, lose answers, or take something else than what was asked.

use anyhow::Result;
use testkit::fault::{Fault, Plan, Proxy, Rule, nowhere};
use testkit::typesense;

use crate::{actions, collection, file};

fn lagging() -> Fault {
    Fault::Answer { status: 503, body: r#"{"message": "Not Ready or Lagging"}"#.into() }
}

#[test]
fn a_cluster_that_is_not_ready_is_waited_for() {
    let server = typesense::server();
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(Rule::new(lagging()).method("POST").first(1)));
    let file = file(format!("[{}]", collection("late")));
    let output = typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path).run();
    assert_eq!(actions(output.assert_code(0)), ["collection late created"]);
    assert!(
        output.stderr.contains("waiting: POST /collections") && output.stderr.contains("Not Ready"),
        "{}",
        output.stderr
    );
    assert_eq!(proxy.count("Answer"), 1);
}

#[test]
fn waiting_has_an_end() {
    let server = typesense::server();
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(Rule::new(lagging()).method("POST")));
    let file = file(format!("[{}]", collection("too-late")));
    let tool = typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path);
    let output = tool.args(["--timeout", "1s"]).run();
    assert!(output.assert_code(1).stderr.contains("give a longer --timeout"), "{}", output.stderr);
}

#[test]
fn an_answer_that_was_lost_is_no_conflict() {
    let server = typesense::server();
    for (name, target, object) in [
        ("lost", "/collections", format!(r#"{{"collections":[{}]}}"#, collection("lost"))),
        (
            "key",
            "/keys",
            r#"{"keys":[{"description":"lost","actions":["*"],"collections":["*"],"value_env":"TS_LOST"}]}"#
                .to_owned(),
        ),
    ] {
        let rule = Rule::new(Fault::ResetAfter).method("POST").target(target).first(1);
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(rule));
        let file = file(&object);
        let tool = typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path);
        let output = tool.env("TS_LOST", "lostSecret").run();
        assert_eq!((output.assert_code(0).records().len(), proxy.count("ResetAfter")), (1, 1), "{name}");
    }
}

#[test]
fn a_limit_whose_answer_was_lost_is_no_conflict() {
    let server = typesense::another();
    let rule = Rule::new(Fault::ResetAfter).method("POST").target("/limits").first(1);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(rule));
    let file = file(r#"{"limits":[{"action":"block","ip_addresses":["10.0.0.1"]}]}"#);
    let output = typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path).run();
    assert_eq!(actions(output.assert_code(0)), ["limit block 10.0.0.1 created"]);
    assert_eq!(proxy.count("ResetAfter"), 1);
}

#[test]
fn a_node_that_is_gone_is_passed_over() {
    let server = typesense::server();
    let nodes = format!("{},{}", nowhere(), server.url());
    let file = file(format!("[{}]", collection("passed")));
    let output = typesense::tool("ts-schema", &nodes).arg("apply").arg(&file.path).run();
    assert_eq!(actions(output.assert_code(0)), ["collection passed created"]);
}

#[test]
fn a_full_disk_of_a_node_ends_the_run() {
    let server = typesense::server();
    let body = r#"{"message": "Rejecting write: running out of resource type: OUT_OF_DISK"}"#.to_owned();
    let plan = Plan::new(1).rule(Rule::new(Fault::Answer { status: 422, body }).method("POST"));
    let proxy = Proxy::start(server.url(), plan);
    let file = file(format!("[{}]", collection("full")));
    let output = typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path).run();
    assert!(output.assert_code(1).stderr.contains("OUT_OF_DISK"), "{}", output.stderr);
}

#[test]
fn what_came_out_otherwise_than_it_was_asked_for_is_told() -> Result<()> {
    let server = typesense::server();
    let made = r#"{"name":"other","fields":[{"name":"title","type":"string","sort":true}]}"#;
    let answer = Fault::Answer { status: 201, body: made.into() };
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(Rule::new(answer).method("POST")));
    let file = file(format!("[{}]", collection("other")));
    let output = typesense::tool("ts-schema", proxy.url()).arg("apply").arg(&file.path).run();
    let (kind, message) = crate::reject(&output);
    let expected =
        "it is made, but Typesense 0.24 made something else of it: fields.title.sort: false in the file";
    assert!(kind == "ignored" && message.contains(expected), "{kind}: {message}");
    Ok(())
}

#[test]
fn an_answer_that_is_not_understood_ends_the_run() {
    let server = typesense::server();
    let answer = Fault::Answer { status: 200, body: "<html>".into() };
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(Rule::new(answer).target("/presets")));
    let output = typesense::tool("ts-schema", proxy.url()).arg("export").run();
    assert!(
        output.assert_code(1).stderr.contains("/presets: the answer is not understood"),
        "{}",
        output.stderr
    );
    assert!(output.stdout.is_empty());
}
