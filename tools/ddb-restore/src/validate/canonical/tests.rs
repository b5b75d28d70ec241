//! The vectors here and in [`super::super::scan`] come from this Python, which shares nothing with the code:
//!
//! ```python
//! import base64, struct
//! from decimal import Decimal
//! from blake3 import blake3
//! framed = lambda b: struct.pack("<I", len(b)) + b
//! def number(text):
//!     sign, digits, power = Decimal(text).as_tuple()
//!     digits = int("".join(map(str, digits)))
//!     if digits == 0: return b"0e0"
//!     while digits % 10 == 0: digits //= 10; power += 1
//!     return f"{'-' if sign else ''}{digits}e{power}".encode()
//! raw = {"S": str.encode, "N": number, "B": base64.b64decode}
//! def value(v):
//!     (t, x), = v.items()
//!     if t in raw: return t.encode() + framed(raw[t](x))
//!     if t in ("SS", "NS", "BS"):
//!         e = sorted(raw[t[0]](i) for i in x)
//!         return t[0].lower().encode() + struct.pack("<I", len(e)) + b"".join(map(framed, e))
//!     if t == "L": return b"L" + struct.pack("<I", len(x)) + b"".join(map(value, x))
//!     if t == "M": return item(x)
//!     return b"_" if t == "NULL" else b"1" if x else b"0"
//! def item(m):
//!     e = sorted((k.encode(), v) for k, v in m.items())
//!     return b"M" + struct.pack("<I", len(e)) + b"".join(framed(k) + value(v) for k, v in e)
//! def table(items):
//!     total, lanes = 0, [0] * 1024
//!     for i in items:
//!         drawn = blake3(item(i)).digest(length=2048)
//!         total = (total + int.from_bytes(drawn[:32], "little")) % 2**256
//!         lanes = [(a + b) % 65536 for a, b in zip(lanes, struct.unpack("<1024H", drawn))]
//!     sums = total.to_bytes(32, "little") + struct.pack("<1024H", *lanes)
//!     return blake3(b"ddbvh1" + struct.pack("<Q", len(items)) + sums).hexdigest()
//! ```

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn encoded(json: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    item(json, &mut out).ok().map(|()| out)
}

#[test]
fn an_item_with_every_type_is_as_the_recipe_makes_it() {
    let item = r#"{"id":{"S":"\u00e9"},"n":{"N":"-1.50"},"b":{"B":"AP8="},"t":{"BOOL":true},"f":{"BOOL":false},
        "z":{"NULL":true},"ss":{"SS":["b","a","ab"]},"ns":{"NS":["10","9","1E2"]},"bs":{"BS":["Ag==","AQI="]},
        "l":{"L":[{"N":"0"},{"L":[]},{"S":""}]},"m":{"M":{"y":{"S":"1"},"x":{"M":{}}}}}"#;
    let expected = "4d0b0000000100000062420200000000ff02000000627362020000000200000001020100000002010000006630020000\
                    0069645302000000c3a9010000006c4c030000004e030000003065304c000000005300000000010000006d4d02000000\
                    01000000784d000000000100000079530100000031010000006e4e060000002d3135652d31020000006e736e03000000\
                    030000003165310300000031653203000000396530020000007373730300000001000000610200000061620100000062\
                    010000007431010000007a5f";
    let hex: String = encoded(item).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}

#[test]
fn what_is_no_item_is_an_error() {
    for json in [
        "",
        "[]",
        r#"{"a":1}"#,
        r#"{"a":{}}"#,
        r#"{"a":{"X":"1"}}"#,
        r#"{"a":{"N":"one"}}"#,
        r#"{"a":{"N":1}}"#,
        r#"{"a":{"B":"A"}}"#,
        r#"{"a":{"S":"1","N":"1"}}"#,
        r#"{"a":{"SS":"a"}}"#,
        r#"{"a":{"S":"1"}"#,
        r#"{"a":{"S":"1"}} x"#,
    ] {
        assert_eq!(encoded(json), None, "{json}");
    }
}

/// A value as the data model has it: what is equal here is equal in DynamoDB.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Model {
    Text(String),
    Number(i64),
    Binary(Vec<u8>),
    Bool(bool),
    Null,
    Texts(BTreeSet<String>),
    Numbers(BTreeSet<i64>),
    Binaries(BTreeSet<Vec<u8>>),
    List(Vec<Model>),
    Map(BTreeMap<String, Model>),
}

/// One of the ways to write a value, chosen by `way`.
fn json(model: &Model, way: usize) -> serde_json::Value {
    let turned = |mut all: Vec<serde_json::Value>| {
        let by = if all.is_empty() { 0 } else { way % all.len() };
        all.rotate_left(by);
        all
    };
    let number = |n: &i64| match way % 4 {
        0 => n.to_string(),
        1 => format!("{n}.00"),
        2 => format!("{n}0E-1"),
        _ => format!("{n}e+0"),
    };
    let base64 = |bytes: &Vec<u8>| aws_smithy_types::base64::encode(bytes);
    match model {
        Model::Text(text) => json!({ "S": text }),
        Model::Number(n) => json!({ "N": number(n) }),
        Model::Binary(bytes) => json!({ "B": base64(bytes) }),
        Model::Bool(value) => json!({ "BOOL": value }),
        Model::Null => json!({ "NULL": true }),
        Model::Texts(all) => json!({ "SS": turned(all.iter().map(|text| json!(text)).collect()) }),
        Model::Numbers(all) => json!({ "NS": turned(all.iter().map(|n| json!(number(n))).collect()) }),
        Model::Binaries(all) => {
            json!({ "BS": turned(all.iter().map(|bytes| json!(base64(bytes))).collect()) })
        }
        Model::List(all) => json!({ "L": all.iter().map(|one| json(one, way)).collect::<Vec<_>>() }),
        Model::Map(all) => json!({ "M": serde_json::Value::Object(object(all, way)) }),
    }
}

fn object(all: &BTreeMap<String, Model>, way: usize) -> serde_json::Map<String, serde_json::Value> {
    all.iter().map(|(name, one)| (name.clone(), json(one, way))).collect()
}

/// The attributes in an order of their own, which a `Map` of serde_json does not keep.
fn written(item: &BTreeMap<String, Model>, way: usize) -> String {
    let mut pairs: Vec<String> =
        object(item, way).iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    let by = if pairs.is_empty() { 0 } else { way % pairs.len() };
    pairs.rotate_left(by);
    format!("{{{}}}", pairs.join(","))
}

fn models() -> impl Strategy<Value = BTreeMap<String, Model>> {
    let short = "[ab]{0,2}";
    let bytes = || prop::collection::vec(0u8..2, 0..3);
    let leaf = prop_oneof![
        short.prop_map(Model::Text),
        (-3i64..12).prop_map(Model::Number),
        bytes().prop_map(Model::Binary),
        any::<bool>().prop_map(Model::Bool),
        Just(Model::Null),
        prop::collection::btree_set(short, 1..3).prop_map(Model::Texts),
        prop::collection::btree_set(-3i64..12, 1..3).prop_map(Model::Numbers),
        prop::collection::btree_set(bytes(), 1..3).prop_map(Model::Binaries),
    ];
    let value = leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Model::List),
            prop::collection::btree_map(short, inner, 0..3).prop_map(Model::Map),
        ]
    });
    prop::collection::btree_map("[ab]{1,2}", value, 0..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn two_items_have_the_same_bytes_exactly_if_they_are_equal(
        one in models(),
        other in models(),
        ways in (0usize..12, 0usize..12),
    ) {
        let bytes = encoded(&written(&one, ways.0));
        prop_assert!(bytes.is_some());
        prop_assert_eq!(&bytes, &encoded(&written(&one, ways.1)));
        prop_assert_eq!(bytes == encoded(&written(&other, ways.1)), one == other);
    }
}
