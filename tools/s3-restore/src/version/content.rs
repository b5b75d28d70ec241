//! Whether two versions have the same content, as far as S3's own digests tell.

use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput;
use aws_sdk_s3::operation::copy_object::CopyObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumType, CompletedPart, CopyPartResult, ServerSideEncryption,
};

use crate::output::Verified;

/// Hands the field of every checksum and its algorithm to a macro, behind what else it is given.
macro_rules! each_checksum {
    ($do:ident, $given:expr) => {
        $do!($given, [
            checksum_crc64_nvme Crc64Nvme,
            checksum_crc32 Crc32,
            checksum_crc32_c Crc32C,
            checksum_sha1 Sha1,
            checksum_sha256 Sha256,
            checksum_sha512 Sha512,
            checksum_md5 Md5,
            checksum_xxhash64 Xxhash64,
            checksum_xxhash3 Xxhash3,
            checksum_xxhash128 Xxhash128
        ])
    };
}

macro_rules! listed {
    ($answer:expr, [$($field:ident $algorithm:ident),*]) => {
        [$($answer.$field.clone().map(|value| (ChecksumAlgorithm::$algorithm, value))),*]
            .into_iter()
            .flatten()
            .collect()
    };
}

macro_rules! moved {
    ($answer:expr, [$($field:ident $algorithm:ident),*]) => {
        {
            let (mut part, result): (CompletedPart, CopyPartResult) = $answer;
            $(part.$field = result.$field;)*
            part
        }
    };
}

/// What is known of a version's content.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// In its quotes.
    pub etag: Option<String>,
    /// Whether the ETag is a digest of the content.
    pub digest: bool,
    pub size: Option<u64>,
    pub checksums: Vec<(ChecksumAlgorithm, String)>,
    /// Whether the checksums are taken over the whole content, and not over those of its parts.
    pub whole: bool,
}

/// What a comparison of two contents says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// They are the same, proven by this.
    Same(Verified),
    /// They are not the same.
    Different,
    /// Nothing can be compared.
    Unknown,
}

impl Content {
    /// As HEAD with checksum mode describes a version.
    pub fn of(head: &HeadObjectOutput) -> Self {
        let checksums: Vec<_> = each_checksum!(listed, head);
        Self {
            etag: head.e_tag.clone(),
            digest: is_digest(head.server_side_encryption.as_ref(), head.sse_customer_algorithm.as_deref()),
            size: head.content_length.and_then(|size| u64::try_from(size).ok()),
            whole: is_whole(head.checksum_type.as_ref(), &checksums),
            checksums,
        }
    }

    /// As CopyObject describes what it made.
    pub fn copied(output: &CopyObjectOutput) -> Self {
        let encryption = (output.server_side_encryption.as_ref(), output.sse_customer_algorithm.as_deref());
        let Some(result) = &output.copy_object_result else { return Self::default() };
        let checksums: Vec<_> = each_checksum!(listed, result);
        Self {
            etag: result.e_tag.clone(),
            digest: is_digest(encryption.0, encryption.1),
            size: None,
            whole: is_whole(result.checksum_type.as_ref(), &checksums),
            checksums,
        }
    }

    /// As CompleteMultipartUpload describes what it made. It does not tell of SSE-C, so the caller says whether the ETag
    /// is a digest.
    pub fn completed(output: &CompleteMultipartUploadOutput, digest: bool) -> Self {
        let checksums: Vec<_> = each_checksum!(listed, output);
        Self {
            etag: output.e_tag.clone(),
            digest,
            size: None,
            whole: is_whole(output.checksum_type.as_ref(), &checksums),
            checksums,
        }
    }

    /// Compares by checksum, else by ETag.
    pub fn compare(&self, other: &Self) -> Comparison {
        if self.size.zip(other.size).is_some_and(|(one, two)| one != two) {
            return Comparison::Different;
        }
        for (algorithm, value) in &self.checksums {
            match other.checksums.iter().find(|(other, _)| other == algorithm) {
                Some((_, other)) if other == value => return Comparison::Same(Verified::Checksum),
                Some(_) if self.whole && other.whole => return Comparison::Different,
                _ => {}
            }
        }
        match (&self.etag, &other.etag) {
            (Some(one), Some(two)) if self.digest && other.digest => match one == two {
                true => Comparison::Same(Verified::Etag),
                false if is_md5(one) && is_md5(two) => Comparison::Different,
                false => Comparison::Unknown,
            },
            _ => Comparison::Unknown,
        }
    }

    /// Whether the ETag tells of an upload in parts.
    pub fn is_multipart(&self) -> bool {
        self.etag.as_ref().is_some_and(|etag| etag.contains('-'))
    }
}

/// A copied part, as CompleteMultipartUpload wants to hear of it.
pub fn completed_part(number: i32, result: CopyPartResult) -> CompletedPart {
    let part = CompletedPart::builder().part_number(number).set_e_tag(result.e_tag.clone()).build();
    each_checksum!(moved, (part, result))
}

/// The ETag is an MD5 for plain and SSE-S3 objects alone (S3 API reference, Object).
fn is_digest(algorithm: Option<&ServerSideEncryption>, customer: Option<&str>) -> bool {
    customer.is_none() && algorithm.is_none_or(|algorithm| *algorithm == ServerSideEncryption::Aes256)
}

/// A checksum of parts ends in a hyphen and their number; base64 has no hyphen.
fn is_whole(kind: Option<&ChecksumType>, checksums: &[(ChecksumAlgorithm, String)]) -> bool {
    match kind {
        Some(kind) => *kind == ChecksumType::FullObject,
        None => checksums.iter().all(|(_, value)| !value.contains('-')),
    }
}

fn is_md5(etag: &str) -> bool {
    let digits = etag.trim_matches('"');
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "\"0123456789abcdef0123456789abcdef\"";
    const TWO: &str = "\"fedcba9876543210fedcba9876543210\"";

    fn content(etag: &str, digest: bool, checksum: Option<&str>) -> Content {
        let checksums: Vec<_> =
            checksum.map(|value| (ChecksumAlgorithm::Crc32, value.to_owned())).into_iter().collect();
        let whole = is_whole(None, &checksums);
        Content { etag: Some(etag.into()), digest, size: Some(5), checksums, whole }
    }

    #[test]
    fn a_checksum_decides_before_the_etag() {
        let (one, two) = (content(ONE, true, Some("AAAA")), content(TWO, true, Some("AAAA")));
        assert_eq!(one.compare(&two), Comparison::Same(Verified::Checksum));
        assert_eq!(one.compare(&content(ONE, true, Some("BBBB"))), Comparison::Different);
    }

    #[test]
    fn checksums_of_parts_prove_only_that_they_are_equal() {
        let parts = content("\"a-2\"", true, Some("AAAA-2"));
        assert_eq!(
            parts.compare(&content("\"b-2\"", true, Some("AAAA-2"))),
            Comparison::Same(Verified::Checksum)
        );
        assert_eq!(parts.compare(&content("\"b-3\"", true, Some("BBBB-3"))), Comparison::Unknown);
        assert_eq!(parts.compare(&content(ONE, true, Some("BBBB"))), Comparison::Unknown);
    }

    #[test]
    fn an_etag_counts_only_where_it_is_a_digest() {
        assert_eq!(
            content(ONE, true, None).compare(&content(ONE, true, None)),
            Comparison::Same(Verified::Etag)
        );
        assert_eq!(content(ONE, true, None).compare(&content(TWO, true, None)), Comparison::Different);
        assert_eq!(content(ONE, true, None).compare(&content(ONE, false, None)), Comparison::Unknown);
        assert_eq!(content(ONE, false, None).compare(&content(TWO, false, None)), Comparison::Unknown);
        assert_eq!(content(ONE, true, None).compare(&content("\"x-2\"", true, None)), Comparison::Unknown);
    }

    #[test]
    fn another_size_is_another_content() {
        let other = Content { size: Some(6), ..content(ONE, true, Some("AAAA")) };
        assert_eq!(content(ONE, true, Some("AAAA")).compare(&other), Comparison::Different);
    }
}
