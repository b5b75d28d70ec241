//! What is asked for while tables are compared, by a fake that writes it down and can be as large as it likes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use testkit::answering::{Answer, Server};
use testkit::tool::Output;

use crate::validate::{comparing, outcome};

/// Read capacity units that every item takes.
const EACH: f64 = 0.5;

#[derive(Default)]
struct State {
    /// The numbers of each table's items.
    tables: BTreeMap<&'static str, Vec<usize>>,
    scans: Vec<Value>,
    /// Whether scans are never answered.
    hangs: bool,
}

fn server(from: impl Iterator<Item = usize>, to: impl Iterator<Item = usize>) -> Server<State> {
    let tables = BTreeMap::from([("old", from.collect()), ("new", to.collect())]);
    Server::start(State { tables, ..State::default() }, |state, head, body| {
        let target = head.headers["x-amz-target"].to_str().unwrap();
        state.answer(target, serde_json::from_slice(body).unwrap())
    })
}

impl State {
    fn answer(&mut self, target: &str, input: Value) -> Answer {
        let body = if target.ends_with("DescribeTable") {
            json!({ "Table": {
                "TableName": input["TableName"],
                "KeySchema": [{ "AttributeName": "n", "KeyType": "HASH" }],
                "AttributeDefinitions": [{ "AttributeName": "n", "AttributeType": "N" }],
            }})
        } else {
            let page = self.page(&input);
            self.scans.push(input);
            if self.hangs {
                return Answer::never();
            }
            page
        };
        Answer::new(200, &[("content-type", "application/x-amz-json-1.0")], body.to_string())
    }

    fn page(&self, input: &Value) -> Value {
        let number = |name: &str| usize::try_from(input[name].as_u64().unwrap_or(1_000_000)).unwrap();
        let (segment, segments) = (number("Segment"), number("TotalSegments"));
        let after = input["ExclusiveStartKey"]["n"]["N"].as_str().map(|n| n.parse::<usize>().unwrap());
        let all = &self.tables[input["TableName"].as_str().unwrap()];
        let mut rest =
            all.iter().filter(|n| **n % segments == segment && after.is_none_or(|after| **n > after));
        let items: Vec<usize> = rest.by_ref().take(number("Limit").min(500)).copied().collect();
        let key = |n: usize| json!({ "n": { "N": n.to_string() } });
        let units = items.len() as f64 * EACH;
        let mut page = json!({
            "Items": items.iter().map(|n| key(*n)).collect::<Vec<_>>(), "Count": items.len(), "ScannedCount": items.len(),
            "ConsumedCapacity": { "TableName": "t", "CapacityUnits": units },
        });
        if let Some(last) = items.last().filter(|_| rest.next().is_some()) {
            page["LastEvaluatedKey"] = key(*last);
        }
        page
    }
}

fn compare(server: &Server<State>, flags: &[&str]) -> Output {
    comparing(server.url(), "old", "new").args(flags).run()
}

#[test]
fn every_segment_of_both_tables_is_read_consistently_and_once() {
    let server = server(0..2000, 0..2000);
    let found = outcome(&compare(&server, &["--concurrency", "2"]));
    assert_eq!((&found["match"], &found["to"]["items"]), (&json!(true), &json!(2000)));
    assert_eq!(found["to"]["consumed_rcu"], 1000.0);
    let state = server.state();
    for scan in &state.scans {
        assert_eq!((&scan["ConsistentRead"], &scan["TotalSegments"]), (&json!(true), &json!(8)), "{scan}");
        assert_eq!(scan["Limit"], Value::Null, "{scan}");
    }
    for name in ["old", "new"] {
        let scans = state.scans.iter().filter(|scan| scan["TableName"] == name);
        let segments: Vec<_> = scans.map(|scan| scan["Segment"].as_u64().unwrap()).collect();
        assert_eq!(segments.len(), 8);
        assert_eq!(segments.into_iter().collect::<BTreeSet<_>>(), (0..8).collect());
    }
}

#[test]
fn rcu_keeps_each_page_to_its_share_of_a_second() {
    let server = server(0..60, 0..60);
    let found = outcome(&compare(&server, &["--concurrency", "2", "--rcu", "20"]));
    assert_eq!((&found["match"], &found["from"]["items"]), (&json!(true), &json!(60)));
    let state = server.state();
    let limits: Vec<u64> = state.scans.iter().map(|scan| scan["Limit"].as_u64().unwrap()).collect();
    // Nothing is known before the first page; then an item takes half a unit, of which a page may take ten.
    assert_eq!(limits[0], 1);
    assert!(limits.iter().all(|limit| [1, 20].contains(limit)), "{limits:?}");
    assert!(limits.contains(&20), "{limits:?}");
    let units = state.scans.len() as f64;
    assert_eq!(found["from"]["pages"].as_f64().unwrap() + found["to"]["pages"].as_f64().unwrap(), units);
}

#[test]
fn what_differs_is_named_by_two_scans_however_much_it_is() {
    let server = server(0..6000, 300..6000);
    let output = compare(&server, &["--concurrency", "1", "--diff", "--max-diff", "300"]);
    let rejects = output.assert_code(3).rejects();
    let missing = rejects.iter().filter(|reject| reject["error"]["kind"] == "item-missing");
    let keys: BTreeSet<usize> =
        missing.map(|reject| reject["record"]["key"]["n"]["N"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(keys, (0..300).collect());
    assert_eq!(rejects.len(), 301);
    let message = rejects[300]["error"]["message"].as_str().unwrap();
    assert!(message.contains("new differs from old: 5700 items, and 6000 in old"), "{message}");
    // Three pages in each of four segments of two tables, twice.
    assert_eq!(server.state().scans.len(), 48);
}

#[test]
fn more_than_max_diff_are_counted_and_not_half_named() {
    let server = server(0..5000, 10_000..15_000);
    let output = compare(&server, &["--diff", "--max-diff", "10"]);
    let rejects = output.assert_code(3).rejects();
    assert_eq!(rejects.len(), 1);
    let message = rejects[0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("more items differ than --max-diff 10 can name"), "{message}");
}

#[test]
fn an_interrupt_ends_a_comparison_that_waits() {
    let server = server(0..10, 0..10);
    server.state().hangs = true;
    let running = comparing(server.url(), "old", "new").spawn();
    assert!(server.wait_until(|state| !state.scans.is_empty()));
    running.signal("INT");
    let output = running.wait();
    assert_eq!(output.signal, Some(2));
    assert!(output.stdout.is_empty());
}
