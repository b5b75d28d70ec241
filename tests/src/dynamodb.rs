//! A fast DynamoDB that has generated items to be scanned, for benchmarks: moto's own time would hide the tool's.
//!
//! It answers DescribeTable and Scan, for any table name with the same items. Which items a segment has follows from
//! its number, and answers are made once and kept.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};

use crate::answering::serve;
use crate::listening::Listening;

/// Bytes of items in a page, of the 1 MiB that the service reads for one (API reference, Scan).
const PAGE: usize = 1 << 20;

/// What the server has, and how slow it is.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many items every table has.
    pub items: usize,
    /// The pause before each page.
    pub delay: Duration,
}

/// A running server, on threads of its own. It ends when it is dropped.
pub struct Server {
    listening: Listening,
}

struct Tables {
    options: Options,
    /// Answers by the number of segments, the segment, and the item that the page starts with.
    pages: Mutex<HashMap<(usize, usize, usize), Bytes>>,
}

impl Server {
    /// Starts a server on a free loopback port; it accepts connections when this returns.
    ///
    /// # Panics
    /// If the system gives no port or thread.
    pub fn start(options: Options) -> Self {
        let tables = Arc::new(Tables { options, pages: Mutex::default() });
        let listening = Listening::start(move |stream| {
            let tables = Arc::clone(&tables);
            serve(stream, move |request| answer(Arc::clone(&tables), request))
        });
        Self { listening }
    }

    /// Where it listens, such as `http://127.0.0.1:34567`.
    pub fn url(&self) -> &str {
        self.listening.url()
    }
}

async fn answer(
    tables: Arc<Tables>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, body) = match target.rsplit('.').next() {
        Some("DescribeTable") => (200, described(&input)),
        Some("Scan") => {
            tokio::time::sleep(tables.options.delay).await;
            (200, tables.scanned(&input))
        }
        _ => (400, Bytes::from_static(br#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#)),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("application/x-amz-json-1.0"));
    Ok(response)
}

fn described(input: &Value) -> Bytes {
    let table = json!({ "Table": {
        "TableName": input["TableName"],
        "TableStatus": "ACTIVE",
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
    }});
    table.to_string().into()
}

impl Tables {
    fn scanned(&self, input: &Value) -> Bytes {
        let number = |name: &str, otherwise: u64| {
            usize::try_from(input[name].as_u64().unwrap_or(otherwise)).unwrap_or(usize::MAX)
        };
        let (segments, segment) = (number("TotalSegments", 1), number("Segment", 0));
        let share = |segment: usize| self.options.items * segment / segments;
        let after = input["ExclusiveStartKey"]["pk"]["S"]
            .as_str()
            .and_then(|key| key.get(5..)?.parse::<usize>().ok());
        let (start, end) = (after.map_or(share(segment), |after| after + 1), share(segment + 1));
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.entry((segments, segment, start)).or_insert_with(|| page(start, end)).clone()
    }
}

/// The items from `start`, as far as a page reaches and before `end`.
fn page(start: usize, end: usize) -> Bytes {
    let mut items = String::with_capacity(PAGE + 1000);
    let mut at = start;
    while at < end && items.len() < PAGE {
        if at > start {
            items.push(',');
        }
        items.push_str(&item(at));
        at += 1;
    }
    let count = at - start;
    let next = if at < end {
        format!(r#","LastEvaluatedKey":{{"pk":{{"S":"{}"}}}}"#, key(at - 1))
    } else {
        String::new()
    };
    // The order of the service's own answers.
    let units = items.len().div_ceil(4096);
    let consumed = format!(r#""ConsumedCapacity":{{"CapacityUnits":{units}.0,"TableName":"t"}}"#);
    format!(r#"{{{consumed},"Count":{count},"Items":[{items}]{next},"ScannedCount":{count}}}"#).into()
}

fn key(n: usize) -> String {
    format!("item-{n:010}")
}

/// Some 450 bytes.
fn item(n: usize) -> String {
    let mixed = n.wrapping_mul(2_654_435_761) % 1_000_003;
    format!(
        concat!(
            r#"{{"pk":{{"S":"{}"}},"amount":{{"N":"{}.{:02}"}},"active":{{"BOOL":{}}},"name":{{"S":"Person {} of the agency"}},"#,
            r#""tags":{{"SS":["city-{}","role-{}"]}},"scores":{{"L":[{{"N":"{}"}},{{"N":"{}"}},{{"N":"{}"}}]}},"#,
            r#""address":{{"M":{{"street":{{"S":"{} High Street"}},"zip":{{"S":"{:06}"}},"note":{{"NULL":true}}}}}},"#,
            r#""note":{{"S":"number {}, worked in many places and came back with \"stories\" to tell"}}}}"#,
        ),
        key(n),
        mixed,
        n % 100,
        n.is_multiple_of(2),
        n,
        n % 8,
        n % 5,
        n % 10,
        mixed % 77,
        mixed % 1009,
        n % 300,
        mixed,
        n,
    )
}
