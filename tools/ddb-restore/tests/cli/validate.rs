//! Two tables in moto, and what is told of them.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use serde_json::{Value, json};
use testkit::tool::{Output, Tool};
use testkit::{client, moto};

/// The tool that compares two tables of the server at `url`.
pub fn comparing(url: &str, from: &str, to: &str) -> Tool {
    Tool::new("ddb-restore").args(["--validate-only", "--from", from, "--to", to]).endpoint(url)
}

fn compare(from: &str, to: &str, flags: &[&str]) -> Output {
    comparing(moto::endpoint(), from, to).args(flags).run()
}

/// The answer to the comparison in the only record on stdout.
#[track_caller]
pub fn outcome(output: &Output) -> Value {
    let records = output.assert_code(0).records();
    assert_eq!(records.len(), 1, "{}", output.text());
    records[0]["validate"].clone()
}

fn value(json: &Value) -> AttributeValue {
    let (kind, content) = json.as_object().unwrap().iter().next().unwrap();
    let text = |json: &Value| json.as_str().unwrap().to_owned();
    let texts = || content.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let blob = |text: String| Blob::new(aws_smithy_types::base64::decode(text).unwrap());
    match kind.as_str() {
        "S" => AttributeValue::S(text(content)),
        "N" => AttributeValue::N(text(content)),
        "B" => AttributeValue::B(blob(text(content))),
        "SS" => AttributeValue::Ss(texts()),
        "NS" => AttributeValue::Ns(texts()),
        "BS" => AttributeValue::Bs(texts().into_iter().map(blob).collect()),
        "L" => AttributeValue::L(content.as_array().unwrap().iter().map(value).collect()),
        "M" => AttributeValue::M(item(content)),
        "BOOL" => AttributeValue::Bool(content.as_bool().unwrap()),
        "NULL" => AttributeValue::Null(true),
        other => panic!("no type {other}"),
    }
}

fn item(json: &Value) -> HashMap<String, AttributeValue> {
    json.as_object().unwrap().iter().map(|(name, json)| (name.clone(), value(json))).collect()
}

/// Makes a table with these items, whose key is given by names and types, the partition key first.
pub fn table(name: &str, key: &[(&str, &str)], items: &[Value]) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = Client::new(&client::sdk(moto::endpoint()));
        let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for ((name, kind), role) in key.iter().zip([KeyType::Hash, KeyType::Range]) {
            let kind = ScalarAttributeType::from(*kind);
            let of = AttributeDefinition::builder().attribute_name(*name).attribute_type(kind).build();
            let element = KeySchemaElement::builder().attribute_name(*name).key_type(role).build();
            request = request.attribute_definitions(of.unwrap()).key_schema(element.unwrap());
        }
        request.send().await.unwrap();
        for json in items {
            client.put_item().table_name(name).set_item(Some(item(json))).send().await.unwrap();
        }
    });
}

/// Makes a table and one that is equal to it, and returns the other's name.
pub fn twins(name: &str, key: &[(&str, &str)], items: &[Value]) -> String {
    let twin = format!("{name}-twin");
    table(name, key, items);
    table(&twin, key, items);
    twin
}

const KEY: [(&str, &str); 2] = [("pk", "S"), ("sk", "N")];

fn numbered(n: usize) -> Value {
    json!({ "pk": { "S": format!("p{}", n % 7) }, "sk": { "N": n.to_string() }, "v": { "S": "same" } })
}

#[test]
fn tables_are_equal_whatever_the_order_of_sets_and_the_spelling_of_numbers() {
    let item = |number: &str, one: &str, other: &str, numbers: [&str; 2]| {
        json!({
            "pk": { "S": "é \"quoted\"\n" }, "sk": { "N": number }, "b": { "B": "AP8=" }, "t": { "BOOL": true },
            "z": { "NULL": true }, "ss": { "SS": [one, other] }, "ns": { "NS": numbers }, "bs": { "BS": ["Ag==", "AQI="] },
            "l": { "L": [{ "N": number }, { "L": [] }, { "BOOL": false }] },
            "m": { "M": { "y": { "S": "1" }, "x": { "M": { "deep": { "N": number } } } } },
        })
    };
    let more = (0..40).map(numbered);
    let with = |first: Value| std::iter::once(first).chain(more.clone()).collect::<Vec<_>>();
    table("spelled-a", &KEY, &with(item("1", "a", "b", ["10", "-2.5"])));
    let mut turned = with(item("1.0", "b", "a", ["-25E-1", "1E1"]));
    turned.reverse();
    table("spelled-b", &KEY, &turned);
    let outcome = outcome(&compare("spelled-a", "spelled-b", &["--concurrency", "3"]));
    assert_eq!(outcome["match"], true);
    assert_eq!(outcome["from"]["items"], 41);
    assert_eq!(outcome["from"]["hash"], outcome["to"]["hash"]);
    assert_eq!(outcome["from"]["pages"], 12);
    assert!(outcome["to"]["consumed_rcu"].as_f64().unwrap() > 0.0, "{outcome}");
}

#[test]
fn the_hash_is_the_one_that_the_recipe_gives() {
    let items = [
        json!({ "pk": { "S": "a" }, "n": { "N": "1" } }),
        json!({ "pk": { "S": "b" }, "n": { "N": "2.50" } }),
    ];
    let twin = twins("recipe", &KEY[..1], &items);
    let outcome = outcome(&compare("recipe", &twin, &[]));
    // From the Python that the unit tests of the canonical form have.
    let expected = "363379f68da1695d925fbeb38e1475c53420b6aeebd0e3b56c75e511a20773a0";
    assert_eq!(outcome["to"]["hash"], expected);
    assert_eq!(outcome["algorithm"], "ddbvh1");
}

fn differing(name: &str) -> (String, String) {
    let (from, to) = (format!("{name}-from"), format!("{name}-to"));
    let mut items: Vec<Value> = (0..30).map(numbered).collect();
    table(&from, &KEY, &items);
    items.remove(11);
    items[3] =
        json!({ "pk": { "S": "p3" }, "sk": { "N": "3" }, "v": { "S": "other" }, "w": { "NULL": true } });
    items.push(json!({ "pk": { "S": "new" }, "sk": { "N": "0.50" } }));
    table(&to, &KEY, &items);
    (from, to)
}

#[test]
fn a_difference_is_a_reject_with_both_sides() {
    let (from, to) = differing("plain");
    let output = compare(&from, &to, &[]);
    assert!(output.assert_code(3).stdout.is_empty());
    let rejects = output.rejects();
    assert_eq!(rejects.len(), 1, "{}", output.stderr);
    assert_eq!(rejects[0]["error"]["kind"], "differs");
    let message = rejects[0]["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("plain-to differs from plain-from: both have 30 items"), "{message}");
    assert!(message.contains("--diff"), "{message}");
    let outcome = &rejects[0]["record"]["validate"];
    assert_eq!(outcome["match"], false);
    assert_ne!(outcome["from"]["hash"], outcome["to"]["hash"]);
}

#[test]
fn what_differs_is_named_by_its_key() {
    let (from, to) = differing("named");
    let output = compare(&from, &to, &["--diff"]);
    assert!(output.assert_code(3).stdout.is_empty());
    let told: Vec<_> = output
        .rejects()
        .into_iter()
        .map(|reject| (reject["error"]["kind"].as_str().unwrap().to_owned(), reject["record"].clone()))
        .collect();
    let record = |key: Value, change: &str| json!({ "from": from, "to": to, "key": key, "change": change });
    let mut changed = record(json!({ "pk": { "S": "p3" }, "sk": { "N": "3" } }), "changed");
    changed["attributes"] = json!(["v", "w"]);
    let missing = record(json!({ "pk": { "S": "p4" }, "sk": { "N": "11" } }), "missing");
    assert_eq!(told.len(), 4, "{}", output.stderr);
    for expected in [("item-changed", changed), ("item-missing", missing)] {
        assert!(told.contains(&(expected.0.into(), expected.1)), "{}", output.stderr);
    }
    let extra = &told.iter().find(|(kind, _)| kind == "item-extra").unwrap().1;
    assert_eq!((&extra["key"]["pk"], &extra["change"]), (&json!({ "S": "new" }), &json!("extra")));
    assert_eq!(told[3].0, "differs");
}

#[test]
fn max_rejects_ends_the_naming() {
    let (from, to) = differing("many");
    let output = compare(&from, &to, &["--diff", "--max-rejects", "1"]);
    assert_eq!(output.assert_code(1).rejects().len(), 2);
    assert!(output.stderr.contains("--max-rejects 1"), "{}", output.stderr);
}

#[test]
fn empty_tables_are_equal() {
    table("empty-a", &KEY, &[]);
    table("empty-b", &KEY, &[]);
    let outcome = outcome(&compare("empty-a", "empty-b", &["--diff"]));
    assert_eq!((&outcome["match"], &outcome["from"]["items"]), (&json!(true), &json!(0)));
    let output = compare("empty-a", "empty-c", &[]);
    assert!(output.assert_code(1).stderr.contains("DescribeTable empty-c: ResourceNotFoundException"));
}

#[test]
fn tables_with_other_keys_are_not_compared() {
    table("keys-a", &KEY, &[]);
    table("keys-b", &[("pk", "S"), ("sk", "S")], &[]);
    table("keys-c", &KEY[..1], &[]);
    for other in ["keys-b", "keys-c"] {
        let output = compare("keys-a", other, &[]);
        assert!(output.assert_code(1).stdout.is_empty());
        assert!(output.stderr.contains("keys-a has (pk S, sk N)"), "{}", output.stderr);
        assert!(output.stderr.contains("different keys"), "{}", output.stderr);
    }
}

#[test]
fn pages_are_followed_to_the_end_of_each_segment() {
    let big = "x".repeat(300_000);
    let items: Vec<Value> = (0..12)
        .map(|n| json!({ "pk": { "S": "one" }, "sk": { "N": n.to_string() }, "big": { "S": big } }))
        .collect();
    let twin = twins("paged", &KEY, &items);
    // Items of one partition are in one segment.
    let outcome = outcome(&compare("paged", &twin, &["--concurrency", "1"]));
    assert_eq!((&outcome["match"], &outcome["from"]["items"]), (&json!(true), &json!(12)));
    assert!(outcome["from"]["pages"].as_u64().unwrap() > 4, "{outcome}");
}
