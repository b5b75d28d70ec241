//! Answers that do not come, are cut, or refuse, and a server that goes away: nothing is lost, and nothing is twice.

use std::time::Duration;

use serde_json::json;
use testkit::fault::{Fault, Plan, Proxy, Rule, nowhere};
use testkit::tool::Tool;
use testkit::typesense::{self, Server};

use crate::{FIELDS, assert_holds, assert_secret, documents, kinds, people, sum};

/// A rule for the imports alone.
fn imports(fault: Fault) -> Rule {
    Rule::new(fault).method("POST").target("/documents/import")
}

fn answer(status: u16, body: &str) -> Fault {
    Fault::Answer { status, body: body.to_owned() }
}

fn through(proxy: &Proxy) -> Tool {
    typesense::tool("ts-import", proxy.url())
}

#[test]
fn an_answer_cut_in_the_middle_is_followed_by_the_rest() {
    let (server, people) = people();
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(Fault::CutBody).nth(2)));
    let input = documents(0..3000);
    let output = through(&proxy).args(["--batch-docs", "1000", &people]).stdin(input).run();
    assert_eq!(sum(output.assert_code(0), "accepted"), 3000);
    assert_eq!(proxy.count("CutBody"), 1);
    assert_eq!(output.records()[1]["requests"], 2);
    assert!(output.stderr.contains("trying again"), "{}", output.stderr);
    assert_holds(server, &people, 0..3000);
}

#[test]
fn a_document_made_by_a_request_whose_answer_was_lost_is_rejected_with_that_hint() {
    let (server, people) = people();
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(Fault::ResetAfter).nth(1)));
    let output = through(&proxy).args(["--action", "create", &people]).stdin(documents(0..3)).run();
    assert_eq!(kinds(output.assert_code(3)), ["already-exists"; 3]);
    assert!(output.stderr.contains("this run's own, whose answer was lost"), "{}", output.stderr);
    assert_holds(server, &people, 0..3);
}

#[test]
fn a_connection_that_is_reset_is_made_again() {
    let (server, people) = people();
    let plan = Plan::new(1).rule(imports(Fault::ResetBefore).nth(1)).rule(imports(Fault::ResetAfter).nth(1));
    let proxy = Proxy::start(server.url(), plan);
    let output = through(&proxy).arg(&people).stdin(documents(0..50)).run();
    assert_eq!(sum(output.assert_code(0), "accepted"), 50);
    assert_eq!((proxy.count("ResetBefore"), proxy.count("ResetAfter")), (1, 1));
    assert_holds(server, &people, 0..50);
}

#[test]
fn a_cluster_that_lags_is_waited_for() {
    let (server, people) = people();
    let busy = answer(503, r#"{"message": "Not Ready or Lagging"}"#);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(busy).nth(1)));
    let output = through(&proxy).arg(&people).stdin(documents(0..10)).run();
    output.assert_code(0);
    assert!(output.stderr.contains("503: Not Ready or Lagging; trying again"), "{}", output.stderr);
    let waited = output.records()[0]["ms"].as_u64().unwrap_or(0);
    assert!(waited >= 10_000, "{waited} ms");
    assert_holds(server, &people, 0..10);
}

#[test]
fn waiting_has_an_end() {
    let (server, people) = people();
    let busy = answer(503, r#"{"message": "Not Ready or Lagging"}"#);
    for (fault, words) in
        [(busy, "Not Ready or Lagging"), (Fault::Hang, "timed out"), (Fault::ResetBefore, "")]
    {
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(fault)));
        let output = through(&proxy).args(["--timeout", "2s", &people]).stdin(documents(0..10)).run();
        output.assert_code(1);
        assert!(output.stderr.contains("nothing has got on for 2s (--timeout)"), "{}", output.stderr);
        assert!(output.stderr.contains(words), "{}", output.stderr);
        assert!(output.stderr.contains("import is not certain: 10"), "{}", output.stderr);
    }
    assert_eq!(server.count(&people), 0);
}

#[test]
fn out_of_disk_ends_the_run_at_once() {
    let (server, people) = people();
    let words = "Rejecting write: running out of resource type: OUT_OF_DISK";
    let inside = format!("{{\"success\":true}}\n{{\"message\": \"{words}\"}}");
    for fault in [answer(422, &json!({"message": words}).to_string()), answer(200, &inside)] {
        let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(fault).nth(2)));
        let output = through(&proxy).args(["--batch-docs", "10", &people]).stdin(documents(0..30)).run();
        output.assert_code(1);
        let errors: Vec<_> = output.stderr.lines().filter(|line| line.contains("error: ")).collect();
        assert!(matches!(errors[..], [line] if line.contains(words) && line.contains("room")), "{errors:?}");
        assert_eq!((sum(&output, "accepted"), proxy.count("Answer")), (10, 1));
        assert!(output.stderr.contains("import is not certain: 20"), "{}", output.stderr);
    }
    server.tool("ts-import").arg(&people).stdin(documents(0..30)).run().assert_code(0);
    assert_holds(server, &people, 0..30);
}

#[test]
fn documents_that_may_succeed_later_are_tried_again_alone() {
    let (server, people) = people();
    let told = |code: u16| {
        format!("{{\"code\":{code},\"document\":\"{{}}\",\"error\":\"later\",\"success\":false}}\n")
    };
    let first = format!("{0}{1}{0}{2}", "{\"success\":true}\n", told(503), told(429));
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(answer(200, &first)).nth(1)));
    let output = through(&proxy).arg(&people).stdin(documents(0..4)).run();
    assert_eq!(sum(output.assert_code(0), "accepted"), 4);
    assert_eq!(output.records()[0]["requests"], 2);
    // The first answer was made up: only what was sent again is there.
    let ids: Vec<_> = server.documents(&people).iter().map(|document| document["id"].clone()).collect();
    assert_eq!(ids, ["00001", "00003"]);
}

#[test]
fn documents_that_never_succeed_are_rejected_as_retryable() {
    let (server, people) = people();
    let told = "{\"code\":408,\"document\":\"{}\",\"error\":\"embedding timed out\",\"success\":false}";
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(answer(200, told))));
    let output = through(&proxy).arg(&people).stdin(documents(7..8)).run();
    let rejects = output.assert_code(3).rejects();
    let error = json!({
        "tool": "ts-import",
        "kind": "unavailable",
        "message": "document \"00007\": 408 embedding timed out",
        "retryable": true,
    });
    assert_eq!((rejects.len(), &rejects[0]["error"]), (1, &error));
    assert_eq!(proxy.count("Answer"), 5);
}

#[test]
fn a_bad_document_is_never_tried_again() {
    let (server, people) = people();
    let proxy = Proxy::start(server.url(), Plan::new(1));
    let before = "{\"id\":\"1\"}\n".repeat(20);
    let output = through(&proxy).arg(&people).stdin(before).run();
    assert_eq!((kinds(output.assert_code(3)).len(), sum(&output, "requests")), (20, 1));
}

#[test]
fn more_results_than_documents_end_the_run() {
    let (server, people) = people();
    let told = "{\"success\":true}\n{\"success\":true}";
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(answer(200, told))));
    let output = through(&proxy).arg(&people).stdin(documents(0..1)).run();
    assert!(output.assert_code(1).stderr.contains("more results than"), "{}", output.stderr);
}

#[test]
fn a_wrong_key_and_an_unknown_collection_are_told_before_anything_is_read() {
    let (server, people) = people();
    for (key, collection, words) in [
        ("wrong", people.as_str(), "check TS_KEY or --key-file"),
        (typesense::KEY, "nobody", "no such collection"),
    ] {
        let mut running = server.tool("ts-import").env("TS_KEY", key).arg(collection).spawn();
        let line = running.wait_stderr("error: ");
        assert!(line.contains(words) && line.contains(collection), "{line}");
        let output = running.wait();
        output.assert_code(1);
        assert_secret(&output);
    }
}

#[test]
fn a_key_for_imports_alone_is_enough() {
    let (server, people) = people();
    let actions = json!({
        "description": "import",
        "actions": ["documents:import", "collections:get"],
        "collections": [people],
        "value": "onlyImports",
    });
    assert_eq!(server.request("POST", "/keys", actions.to_string()).0, 201);
    let output = server
        .tool("ts-import")
        .env("TS_KEY", "onlyImports")
        .args(["-v", &people])
        .stdin(documents(0..3))
        .run();
    assert!(output.assert_code(0).stderr.contains("queues are not watched"), "{}", output.stderr);
    assert_holds(server, &people, 0..3);
}

#[test]
fn a_key_that_is_taken_away_ends_the_run() {
    let (server, people) = people();
    let refusal = answer(401, r#"{"message": "Forbidden"}"#);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(imports(refusal).nth(2)));
    let output = through(&proxy).args(["--batch-docs", "5", &people]).stdin(documents(0..20)).run();
    assert!(output.assert_code(1).stderr.contains("check TS_KEY"), "{}", output.stderr);
    assert_eq!(sum(&output, "accepted"), 5);
}

#[test]
fn a_node_that_is_silent_and_does_not_say_that_it_is_there_is_left() {
    let (server, people) = people();
    let plan =
        Plan::new(1).rule(imports(Fault::Hang)).rule(Rule::new(Fault::Hang).target("/health").matching({
            let asked = std::sync::atomic::AtomicU32::new(0);
            // The first time, to find out at the start that the node is there.
            move |_| asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0
        }));
    let proxy = Proxy::start(server.url(), plan);
    let urls = format!("{},{}", proxy.url(), server.url());
    let output = typesense::tool("ts-import", &urls).arg(&people).stdin(documents(0..10)).run();
    assert_eq!(sum(output.assert_code(0), "requests"), 2);
    assert!(proxy.count("Hang") >= 2);
    assert_holds(server, &people, 0..10);
}

#[test]
fn a_server_that_is_restarted_in_the_middle_is_waited_for() {
    let server: Server = typesense::another();
    let people = server.collection("people", FIELDS);
    let mut running = server.tool("ts-import").args(["--batch-docs", "500", &people]).spawn();
    running.write(documents(0..1000));
    assert!(running.line().is_some_and(|receipt| receipt.contains("\"accepted\":500")));
    server.kill(0);
    running.write(documents(1000..2000));
    running.wait_stderr("trying again");
    server.start_again(0);
    let output = running.wait();
    output.assert_code(0);
    assert_holds(&server, &people, 0..2000);
    assert!(sum(&output, "requests") > sum(&output, "documents") / 500, "{}", output.text());
    assert!(output.stderr.contains("read 2000, done 2000, rejected 0"), "{}", output.stderr);
}

#[test]
fn without_a_server_the_run_ends_at_once() {
    let url = nowhere();
    let tool = typesense::tool("ts-import", &url).limit(Duration::from_secs(60));
    let output = tool.arg("people").stdin(documents(0..1)).run();
    output.assert_code(1);
    assert!(
        output.stderr.contains("no Typesense node answers") && output.stderr.contains(&url),
        "{}",
        output.stderr
    );
}
