//! The additional checksums of S3.

use aws_smithy_checksums::ChecksumAlgorithm;
use aws_smithy_types::base64;

use super::content::Content;
use super::error::Error;
use super::reply::Reply;
use super::request::Headers;
use super::xml::Xml;

const ALGORITHMS: [&str; 5] = ["CRC64NVME", "CRC32", "CRC32C", "SHA1", "SHA256"];

/// What S3 takes where the client names no algorithm.
pub(super) const DEFAULT: &str = "CRC64NVME";

/// The checksum of a version or part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checksum {
    pub(super) algorithm: &'static str,
    /// In base64; a composite one has `-` and the number of parts at its end.
    pub(super) value: String,
    pub(super) composite: bool,
}

impl Checksum {
    /// Of the whole content. For synthetic content the value is opaque, but equal contents have equal values.
    pub(super) fn of(algorithm: &'static str, content: &Content) -> Self {
        let mut hash = algorithm.parse::<ChecksumAlgorithm>().expect("an algorithm of the list").into_impl();
        content.feed(|bytes| hash.update(bytes));
        Self { algorithm, value: base64::encode(hash.finalize()), composite: false }
    }

    /// Of the checksums of the parts, as S3 computes `COMPOSITE`.
    pub(super) fn composite(algorithm: &'static str, parts: &[&Self]) -> Self {
        let mut hash = algorithm.parse::<ChecksumAlgorithm>().expect("an algorithm of the list").into_impl();
        for part in parts {
            hash.update(&base64::decode(&part.value).expect("base64 of our own"));
        }
        Self {
            algorithm,
            value: format!("{}-{}", base64::encode(hash.finalize()), parts.len()),
            composite: true,
        }
    }

    /// The checksum of content that a client uploads: checked if the client sent one, else made here.
    ///
    /// # Errors
    /// `BadDigest` if the content is not what the client's value says.
    pub(super) fn accept(headers: &Headers, content: &Content) -> Result<Self, Error> {
        let Some((algorithm, value)) = sent(headers) else {
            return Ok(Self::of(named(headers)?.unwrap_or(DEFAULT), content));
        };
        let checksum = Self::of(algorithm, content);
        if checksum.value == value {
            return Ok(checksum);
        }
        Err(Error::new(
            400,
            "BadDigest",
            format!("The {algorithm} you specified did not match what we received."),
        ))
    }

    /// `FULL_OBJECT` or `COMPOSITE`.
    pub(super) fn kind(&self) -> &'static str {
        if self.composite { "COMPOSITE" } else { "FULL_OBJECT" }
    }

    pub(super) fn on(&self, reply: Reply) -> Reply {
        reply.header(header(self.algorithm), &self.value).header("x-amz-checksum-type", self.kind())
    }

    /// The element of this algorithm, without the type.
    pub(super) fn write(&self, xml: &mut Xml) {
        xml.text(&format!("Checksum{}", self.algorithm), &self.value);
    }
}

/// The header that carries values of this algorithm.
pub(super) fn header(algorithm: &str) -> String {
    format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase())
}

/// Algorithm and value that a client sent.
pub(super) fn sent(headers: &Headers) -> Option<(&'static str, String)> {
    ALGORITHMS.iter().find_map(|algorithm| Some((*algorithm, headers.get(&header(algorithm))?)))
}

/// The algorithm that a client asked for by name.
pub(super) fn named(headers: &Headers) -> Result<Option<&'static str>, Error> {
    let name =
        headers.get("x-amz-checksum-algorithm").or_else(|| headers.get("x-amz-sdk-checksum-algorithm"));
    name.map(|name| {
        let known = ALGORITHMS.iter().find(|known| known.eq_ignore_ascii_case(&name)).copied();
        known.ok_or_else(|| Error::invalid_request("Checksum algorithm provided is unsupported."))
    })
    .transpose()
}
