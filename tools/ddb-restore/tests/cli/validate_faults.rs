//! What is between the tool and the service while tables are compared.

use serde_json::{Value, json};
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::moto;

use crate::validate::{comparing, outcome, twins};

fn throttled() -> Fault {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}"#;
    Fault::Answer { status: 400, body: body.to_owned() }
}

fn items() -> Vec<Value> {
    (0..20).map(|n| json!({ "pk": { "S": format!("p{n}") }, "v": { "N": n.to_string() } })).collect()
}

#[test]
fn faults_change_nothing_in_what_is_found() {
    let twin = twins("faulty", &[("pk", "S")], &items());
    let expected = outcome(&comparing(moto::endpoint(), "faulty", &twin).run());
    let scan = |fault| Rule::new(fault).operation("Scan");
    let plans = [
        ("Answer", Plan::new(1).rule(scan(throttled()).first(12))),
        ("ResetBefore", Plan::new(1).rule(scan(Fault::ResetBefore).every(5))),
        ("ResetAfter", Plan::new(1).rule(scan(Fault::ResetAfter).every(5))),
        ("CutBody", Plan::new(1).rule(scan(Fault::CutBody).every(3))),
        ("InternalError", Plan::new(1).rule(scan(Fault::InternalError).every(4))),
    ];
    for (name, plan) in plans {
        let proxy = Proxy::start(moto::endpoint(), plan);
        let found = outcome(&comparing(proxy.url(), "faulty", &twin).args(["--concurrency", "2"]).run());
        assert!(proxy.count(name) >= 3, "{name}: {}", proxy.count(name));
        assert_eq!(found["match"], true);
        for side in ["from", "to"] {
            assert_eq!(found[side]["hash"], expected["from"]["hash"], "{name}");
            assert_eq!(found[side]["items"], 20, "{name}");
        }
    }
}

#[test]
fn a_table_that_stays_throttled_longer_than_the_sdk_tries_is_waited_for() {
    let twin = twins("busy", &[("pk", "S")], &items());
    // One page at a time of each table, so that the first of them meets at least four in a row.
    let plan = Plan::new(1).rule(Rule::new(throttled()).operation("Scan").first(8));
    let proxy = Proxy::start(moto::endpoint(), plan);
    let found = outcome(&comparing(proxy.url(), "busy", &twin).args(["--concurrency", "1"]).run());
    assert_eq!((proxy.count("Answer"), &found["match"]), (8, &json!(true)));
}

#[test]
fn what_no_other_try_can_get_ends_the_run() {
    let twin = twins("denied", &[("pk", "S")], &items());
    let body = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no scan for you"}"#;
    let fault = Fault::Answer { status: 400, body: body.to_owned() };
    let proxy = Proxy::start(moto::endpoint(), Plan::new(1).rule(Rule::new(fault).operation("Scan")));
    let output = comparing(proxy.url(), "denied", &twin).run();
    assert!(output.assert_code(1).stdout.is_empty());
    // Both tables are read at once, and either is the first to be refused.
    let told = ["denied", &twin].map(|table| format!("Scan {table}: AccessDeniedException: no scan for you"));
    assert!(told.iter().any(|told| output.stderr.contains(told)), "{}", output.stderr);
}
