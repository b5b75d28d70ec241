//! One page of a scan: what DynamoDB answers to one Scan request.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result, anyhow, ensure};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A key, as the SDK takes it.
pub type Key = HashMap<String, AttributeValue>;

/// A page, with its items where they lie in the answer.
pub struct Page {
    body: Bytes,
    items: Vec<Range<usize>>,
    /// Where the next page starts; nothing at the end of the segment.
    pub next: Option<Key>,
    /// Read capacity units, where the service tells.
    pub consumed: Option<f64>,
}

/// From the API reference, Scan: the parts of the answer that are used.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    count: usize,
    last_evaluated_key: Option<HashMap<String, KeyValue>>,
    consumed_capacity: Option<Consumed>,
}

/// The types that a key can have.
#[derive(Deserialize)]
enum KeyValue {
    S(String),
    N(String),
    B(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    capacity_units: Option<f64>,
}

impl Page {
    /// Finds the items in an answer.
    ///
    /// # Errors
    /// It is not whole, or no page.
    pub fn read(body: Bytes) -> Result<Self> {
        let answer: Answer<'_> = serde_json::from_slice(&body).context("no page of a scan")?;
        ensure!(
            answer.items.len() == answer.count,
            "{} items, where the page says {}",
            answer.items.len(),
            answer.count
        );
        let start = body.as_ptr().addr();
        let items = answer.items.iter().map(|item| {
            let at = item.get().as_ptr().addr() - start;
            at..at + item.get().len()
        });
        let items = items.collect();
        let next = answer.last_evaluated_key.map(|key| {
            key.into_iter().map(|(name, value)| Ok((name, value.into_sdk()?))).collect::<Result<Key>>()
        });
        let consumed = answer.consumed_capacity.and_then(|consumed| consumed.capacity_units);
        Ok(Self { items, next: next.transpose()?, consumed, body })
    }

    /// The items as DynamoDB JSON.
    ///
    /// # Errors
    /// Never after [`Page::read`] took the page.
    pub fn items(&self) -> impl ExactSizeIterator<Item = Result<&str>> {
        self.items.iter().map(|item| Ok(std::str::from_utf8(&self.body[item.clone()])?))
    }

    /// How long the answer is, in bytes.
    pub fn size(&self) -> usize {
        self.body.len()
    }
}

impl KeyValue {
    fn into_sdk(self) -> Result<AttributeValue> {
        Ok(match self {
            Self::S(text) => AttributeValue::S(text),
            Self::N(number) => AttributeValue::N(number),
            Self::B(base64) => {
                let bytes = aws_smithy_types::base64::decode(base64).map_err(|error| anyhow!(error))?;
                AttributeValue::B(Blob::new(bytes))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Page> {
        Page::read(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn items_key_and_capacity_are_found() {
        let page = read(
            r#"{"ConsumedCapacity":{"CapacityUnits":1.5,"TableName":"t"},"Count":2,"Items":[ {"a":{"S":"é"}} ,{}],
                "LastEvaluatedKey":{"a":{"B":"AQI="},"b":{"N":"1"},"c":{"S":"\u00e9"}},"ScannedCount":2}"#,
        )
        .unwrap();
        let items: Vec<&str> = page.items().map(Result::unwrap).collect();
        assert_eq!(items, [r#"{"a":{"S":"é"}}"#, "{}"]);
        assert_eq!(page.consumed, Some(1.5));
        let next = page.next.unwrap();
        assert_eq!(next["a"], AttributeValue::B(Blob::new([1, 2])));
        assert_eq!(next["b"], AttributeValue::N("1".into()));
        assert_eq!(next["c"], AttributeValue::S("é".into()));
    }

    #[test]
    fn what_is_no_whole_page_is_an_error() {
        for text in ["", "{}", r#"{"Items":[],"Count":1}"#, r#"{"Items":[{}],"Count":1"#, r#"{"Items":[{}"#] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(r#"{"Items":[],"Count":0}"#).unwrap().next.is_none());
    }
}
