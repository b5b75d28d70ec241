//! The bytes that stand for an item, whatever order or spelling its JSON has.
//!
//! A value is one letter for its type and its content, with lengths and counts as 32 bits, little-endian:
//! `S`, `N`, `B` a length and so many bytes (text in UTF-8, a number as [`number::write`] spells its value, the binary
//! itself); `s`, `n`, `b` (sets) the count and each element as after `S`, `N`, `B`, in the order of their bytes; `L` the
//! count and each value; `M` the count and each name (a length and so many bytes) with its value, in the order of the
//! bytes of the names; `1` true, `0` false, `_` null. An item is the `M` of its attributes.

use std::ops::Range;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::number;

/// Writes an item, given as DynamoDB JSON, behind what is there.
///
/// # Errors
/// The text is no item.
pub fn item(json: &str, out: &mut Vec<u8>) -> Result<()> {
    written(json, Map(out)).context("an item cannot be read")
}

/// Writes the value of one attribute, given as DynamoDB JSON, behind what is there.
///
/// # Errors
/// The text is no value.
pub fn value(json: &str, out: &mut Vec<u8>) -> Result<()> {
    written(json, Value(out)).context("a value cannot be read")
}

fn written<'a>(json: &'a str, seed: impl DeserializeSeed<'a, Value = ()>) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(json);
    seed.deserialize(&mut reader)?;
    reader.end()
}

/// DynamoDB's names of the types (API reference, AttributeValue).
#[derive(Clone, Copy, Deserialize)]
enum Type {
    #[serde(rename = "S")]
    String,
    #[serde(rename = "N")]
    Number,
    #[serde(rename = "B")]
    Binary,
    #[serde(rename = "SS")]
    Strings,
    #[serde(rename = "NS")]
    Numbers,
    #[serde(rename = "BS")]
    Binaries,
    #[serde(rename = "L")]
    List,
    #[serde(rename = "M")]
    Map,
    #[serde(rename = "BOOL")]
    Bool,
    #[serde(rename = "NULL")]
    Null,
}

/// How the text of a scalar becomes its bytes; nothing where it cannot.
type Write = fn(&str, &mut Vec<u8>) -> Option<()>;

fn text(text: &str, out: &mut Vec<u8>) -> Option<()> {
    out.extend_from_slice(text.as_bytes());
    Some(())
}

fn binary(text: &str, out: &mut Vec<u8>) -> Option<()> {
    out.extend(aws_smithy_types::base64::decode(text).ok()?);
    Some(())
}

/// `{"S":"text"}` and its like.
struct Value<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value with its type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let out = self.0;
        match map.next_key()?.ok_or_else(|| Error::custom("a value without a type"))? {
            Type::String => map.next_value_seed(Scalar(tagged(out, b'S'), text))?,
            Type::Number => map.next_value_seed(Scalar(tagged(out, b'N'), number::write))?,
            Type::Binary => map.next_value_seed(Scalar(tagged(out, b'B'), binary))?,
            Type::Strings => map.next_value_seed(Set(tagged(out, b's'), text))?,
            Type::Numbers => map.next_value_seed(Set(tagged(out, b'n'), number::write))?,
            Type::Binaries => map.next_value_seed(Set(tagged(out, b'b'), binary))?,
            Type::List => map.next_value_seed(List(tagged(out, b'L')))?,
            Type::Map => map.next_value_seed(Map(out))?,
            Type::Bool => out.push(if map.next_value()? { b'1' } else { b'0' }),
            Type::Null => {
                map.next_value::<bool>()?;
                out.push(b'_');
            }
        }
        match map.next_key::<Type>()? {
            None => Ok(()),
            Some(_) => Err(Error::custom("a value of two types")),
        }
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8) -> &mut Vec<u8> {
    out.push(tag);
    out
}

/// A length and so many bytes.
struct Scalar<'a>(&'a mut Vec<u8>, Write);

impl<'de> DeserializeSeed<'de> for Scalar<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Scalar<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text, a number or a binary")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let Self(out, write) = self;
        let at = room(out);
        write(text, out).ok_or_else(|| E::custom("no number, or no base64"))?;
        let length = out.len() - at - PREFIX;
        fill(out, at, length)
    }
}

/// Elements in the order of their bytes.
struct Set<'a>(&'a mut Vec<u8>, Write);

impl<'de> DeserializeSeed<'de> for Set<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Set<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a set")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self(out, write) = self;
        let count_at = room(out);
        let mut parts = Vec::new();
        loop {
            let start = out.len();
            if elements.next_element_seed(Scalar(out, write))?.is_none() {
                break;
            }
            parts.push(start..out.len());
        }
        arrange(out, &mut parts);
        fill(out, count_at, parts.len())
    }
}

/// Values in their own order.
struct List<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let out = self.0;
        let (at, mut count) = (room(out), 0);
        while values.next_element_seed(Value(out))?.is_some() {
            count += 1;
        }
        fill(out, at, count)
    }
}

/// Names with values, in the order of the names.
struct Map<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Map<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Map<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let out = self.0;
        out.push(b'M');
        let count_at = room(out);
        let mut parts = Vec::new();
        loop {
            let start = out.len();
            if map.next_key_seed(Scalar(out, text))?.is_none() {
                break;
            }
            map.next_value_seed(Value(out))?;
            parts.push(start..out.len());
        }
        arrange(out, &mut parts);
        fill(out, count_at, parts.len())
    }
}

const PREFIX: usize = 4;

/// Leaves room for a length or a count, and says where.
fn room(out: &mut Vec<u8>) -> usize {
    out.extend([0; PREFIX]);
    out.len() - PREFIX
}

fn fill<E: Error>(out: &mut [u8], at: usize, number: usize) -> Result<(), E> {
    let number = u32::try_from(number).map_err(E::custom)?;
    out[at..at + PREFIX].copy_from_slice(&number.to_le_bytes());
    Ok(())
}

/// Puts adjacent parts into the order of the bytes that each begins with behind their length.
fn arrange(out: &mut Vec<u8>, parts: &mut [Range<usize>]) {
    let first = |part: &Range<usize>| {
        let (length, rest) = out[part.clone()].split_first_chunk().unwrap_or((&[0; PREFIX], &[]));
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        &rest[..length.min(rest.len())]
    };
    if parts.is_sorted_by_key(first) {
        return;
    }
    let start = parts.first().map_or(out.len(), |part| part.start);
    parts.sort_unstable_by_key(|part| (first(part), part.start));
    let mut arranged = Vec::with_capacity(out.len() - start);
    for part in parts.iter() {
        arranged.extend_from_slice(&out[part.clone()]);
    }
    out.truncate(start);
    out.extend_from_slice(&arranged);
}

#[cfg(test)]
mod tests;
