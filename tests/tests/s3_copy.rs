//! CopyObject and multipart uploads in the fast S3.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart,
    MetadataDirective, ServerSideEncryption, StorageClass, TaggingDirective,
};
use testkit::s3::{Options, Put, Server, Sse};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

fn server() -> Server {
    let server = Server::start(Options::default());
    server.create_bucket("b");
    server
}

fn copy(client: &Client, id: &str) -> CopyObjectFluentBuilder {
    client.copy_object().bucket("b").key("k").copy_source(format!("b/k?versionId={id}"))
}

async fn head(client: &Client) -> HeadObjectOutput {
    client.head_object().bucket("b").key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap()
}

fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> (u16, String) {
    let error = result.err().unwrap();
    let code = error.code().unwrap_or_default().to_owned();
    (error.raw_response().unwrap().status().as_u16(), code)
}

fn rich() -> Put {
    Put::bytes("content")
        .header("content-type", "image/png")
        .header("x-amz-meta-a", "1")
        .header("x-amz-tagging", "t=1")
        .header("x-amz-acl", "public-read")
        .header("x-amz-website-redirect-location", "/there")
        .header("x-amz-object-lock-legal-hold", "ON")
        .header("x-amz-server-side-encryption", "aws:kms")
        .storage_class("STANDARD_IA")
}

#[tokio::test]
async fn a_copy_takes_metadata_and_tags_but_nothing_else() {
    let server = server();
    let client = server.client();
    let id = server.put("b", "k", rich());
    let copied = copy(&client, &id).send().await.unwrap();
    assert_eq!(copied.copy_source_version_id(), Some(&*id));
    let head = head(&client).await;
    assert_eq!(head.version_id(), copied.version_id());
    assert_eq!((head.content_type(), head.tag_count()), (Some("image/png"), Some(1)));
    assert_eq!(head.metadata().unwrap()["a"], "1");
    assert_eq!((head.storage_class(), head.website_redirect_location()), (None, None));
    assert_eq!(head.object_lock_legal_hold_status(), None);
    assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::Aes256));
    assert_eq!(client.get_object_acl().bucket("b").key("k").send().await.unwrap().grants().len(), 1);
    let crc = copied.copy_object_result().unwrap().checksum_crc64_nvme();
    assert!(crc.is_some() && crc == head.checksum_crc64_nvme());
}

#[tokio::test]
async fn what_a_copy_does_not_take_can_be_sent() {
    let server = server();
    let client = server.client();
    let id = server.put("b", "k", rich());
    server.set_default_encryption("b", Sse::Kms { key_id: Some("default".into()), bucket_key: true });
    let plain = copy(&client, &id).send().await.unwrap();
    assert_eq!((plain.ssekms_key_id(), plain.bucket_key_enabled()), (Some("default"), Some(true)));
    copy(&client, &id)
        .metadata_directive(MetadataDirective::Replace)
        .tagging_directive(TaggingDirective::Replace)
        .tagging("u=2&v=3")
        .metadata("b", "2")
        .storage_class(StorageClass::GlacierIr)
        .website_redirect_location("/there")
        .server_side_encryption(ServerSideEncryption::Aes256)
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .send()
        .await
        .unwrap();
    let head = head(&client).await;
    assert_eq!((head.content_type(), head.tag_count()), (Some("binary/octet-stream"), Some(2)));
    assert_eq!(head.metadata().unwrap().keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(head.storage_class(), Some(&StorageClass::GlacierIr));
    assert_eq!(head.website_redirect_location(), Some("/there"));
    assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::Aes256));
    // SHA-256 of "content".
    assert_eq!(head.checksum_sha256(), Some("7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="));
}

#[tokio::test]
async fn conditions_guard_both_ends_of_a_copy() {
    let server = server();
    let client = server.client();
    let old = server.put("b", "k", Put::bytes("old"));
    server.put("b", "k", Put::bytes("new"));
    let current = head(&client).await.e_tag.unwrap();
    let failed = (412, "PreconditionFailed".to_owned());
    assert_eq!(refusal(copy(&client, &old).if_match("\"other\"").send().await), failed);
    assert_eq!(refusal(copy(&client, &old).if_none_match("*").send().await), failed);
    assert_eq!(refusal(copy(&client, &old).copy_source_if_match(&current).send().await), failed);
    assert!(copy(&client, &old).if_match(&current).send().await.is_ok());
    server.put("b", "k", Put::marker());
    assert!(copy(&client, &old).if_none_match("*").send().await.is_ok());
}

#[tokio::test]
async fn sources_that_cannot_be_copied_are_refused() {
    let server = server();
    let client = server.client();
    let invalid = (400, "InvalidRequest".to_owned());
    let marker = server.put("b", "k", Put::marker());
    assert_eq!(refusal(copy(&client, &marker).send().await), invalid);
    assert_eq!(refusal(copy(&client, "unknown").send().await), (404, "NoSuchVersion".into()));
    let latest = client.copy_object().bucket("b").key("k").copy_source("b/k");
    assert_eq!(refusal(latest.clone().send().await), (404, "NoSuchKey".into()));
    let large = server.put("b", "k", Put::synthetic(5 * GIB + 1));
    assert_eq!(refusal(copy(&client, &large).send().await), invalid);
    for frozen in [Put::bytes("").storage_class("GLACIER"), Put::bytes("").archived("DEEP_ARCHIVE_ACCESS")] {
        let id = server.put("b", "k", frozen);
        assert_eq!(refusal(copy(&client, &id).send().await), (403, "InvalidObjectState".into()));
    }
    server.put("b", "k", Put::bytes("x"));
    assert_eq!(refusal(latest.clone().send().await), invalid, "onto itself without a change");
    assert!(latest.storage_class(StorageClass::StandardIa).send().await.is_ok());
}

#[tokio::test]
async fn a_source_key_is_read_like_a_form() {
    let server = server();
    let client = server.client();
    server.put("b", "a+b c", Put::bytes("x"));
    let source = |text: &str| client.copy_object().bucket("b").key("k").copy_source(text);
    assert!(source("b/a%2Bb%20c").send().await.is_ok());
    assert_eq!(refusal(source("b/a+b%20c").send().await), (404, "NoSuchKey".into()));
}

#[tokio::test]
async fn a_customer_key_opens_the_source() {
    let server = server();
    let client = server.client();
    let family = "x-amz-server-side-encryption-customer";
    let secret = Put::bytes("x")
        .header(&format!("{family}-algorithm"), "AES256")
        .header(&format!("{family}-key"), "a2V5")
        .header(&format!("{family}-key-md5"), "right");
    let id = server.put("b", "k", secret);
    let with = |md5: &str| {
        let copy = copy(&client, &id).copy_source_sse_customer_algorithm("AES256");
        copy.copy_source_sse_customer_key("a2V5").copy_source_sse_customer_key_md5(md5)
    };
    assert_eq!(refusal(copy(&client, &id).send().await), (400, "InvalidRequest".into()));
    assert_eq!(refusal(with("wrong").send().await), (403, "AccessDenied".into()));
    assert!(with("right").send().await.is_ok());
    assert_eq!(head(&client).await.sse_customer_key_md5(), None, "the copy falls to the bucket's default");
}

#[tokio::test]
async fn the_copy_of_a_multipart_object_is_single_part() {
    let server = server();
    let client = server.client();
    let id = server.put("b", "k", Put::synthetic(12 * MIB).parts(&[8 * MIB, 4 * MIB]));
    let before = head(&client).await;
    assert!(before.e_tag().unwrap().ends_with("-2\""));
    let part = client.head_object().bucket("b").key("k").part_number(2).send().await.unwrap();
    assert_eq!((part.parts_count(), part.content_length()), (Some(2), Some(4 << 20)));
    copy(&client, &id).send().await.unwrap();
    let after = head(&client).await;
    assert!(!after.e_tag().unwrap().contains('-'));
    assert_eq!(after.checksum_crc64_nvme(), before.checksum_crc64_nvme());
    assert_eq!(after.content_length(), before.content_length());
}

/// Copies version `id` in parts of 3 GiB and 3 GiB; gives what Complete needs.
async fn copy_in_parts(client: &Client, upload: &str, id: &str) -> CompletedMultipartUpload {
    let mut list = CompletedMultipartUpload::builder();
    for number in 1..=2_i32 {
        let start = (u64::try_from(number).unwrap() - 1) * 3 * GIB;
        let part = client
            .upload_part_copy()
            .bucket("b")
            .key("k")
            .upload_id(upload)
            .part_number(number)
            .copy_source(format!("b/k?versionId={id}"))
            .copy_source_range(format!("bytes={start}-{}", start + 3 * GIB - 1));
        let result = part.send().await.unwrap().copy_part_result.unwrap();
        list = list.parts(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(result.e_tag)
                .set_checksum_sha256(result.checksum_sha256)
                .build(),
        );
    }
    list.build()
}

#[tokio::test]
async fn a_large_version_is_copied_in_parts_and_keeps_its_checksum() {
    let server = server();
    let client = server.client();
    let id = server.put("b", "k", Put::synthetic(6 * GIB));
    let before = head(&client).await;
    let create = client.create_multipart_upload().bucket("b").key("k").metadata("a", "1").tagging("t=1");
    let create =
        create.checksum_algorithm(ChecksumAlgorithm::Crc64Nvme).checksum_type(ChecksumType::FullObject);
    let upload = create.send().await.unwrap().upload_id.unwrap();
    let list = copy_in_parts(&client, &upload, &id).await;
    assert_eq!(server.open_uploads("b"), 1);
    let parts =
        client.list_parts().bucket("b").key("k").upload_id(&upload).max_parts(1).send().await.unwrap();
    assert_eq!((parts.parts().len(), parts.is_truncated()), (1, Some(true)));
    let complete =
        client.complete_multipart_upload().bucket("b").key("k").upload_id(&upload).multipart_upload(list);
    let failed = complete.clone().if_match("\"other\"").send().await;
    assert_eq!(refusal(failed), (412, "PreconditionFailed".into()));
    complete.if_match(before.e_tag().unwrap()).send().await.unwrap();
    assert_eq!(server.open_uploads("b"), 0);
    let after = head(&client).await;
    assert_eq!(after.content_length(), Some(6 << 30));
    assert!(after.e_tag().unwrap().ends_with("-2\""));
    assert_eq!(after.checksum_crc64_nvme(), before.checksum_crc64_nvme());
    assert_eq!((after.metadata().unwrap().len(), after.tag_count()), (1, Some(1)));
}

#[tokio::test]
async fn a_composite_checksum_needs_those_of_the_parts() {
    let server = server();
    let client = server.client();
    let id = server.put("b", "k", Put::synthetic(6 * GIB));
    let create = client.create_multipart_upload().bucket("b").key("k");
    let create = create.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await.unwrap();
    let upload = create.upload_id.unwrap();
    let list = copy_in_parts(&client, &upload, &id).await;
    let complete = client.complete_multipart_upload().bucket("b").key("k").upload_id(&upload);
    let bare = list.parts().iter().map(|part| {
        CompletedPart::builder().set_part_number(part.part_number()).e_tag(part.e_tag().unwrap()).build()
    });
    let bare = CompletedMultipartUpload::builder().set_parts(Some(bare.collect())).build();
    assert_eq!(refusal(complete.clone().multipart_upload(bare).send().await), (400, "InvalidRequest".into()));
    complete.multipart_upload(list).send().await.unwrap();
    let head = head(&client).await;
    assert_eq!(head.checksum_type(), Some(&ChecksumType::Composite));
    assert!(head.checksum_sha256().unwrap().ends_with("-2"));
}

#[tokio::test]
async fn uploaded_parts_are_checked_at_the_end() {
    let server = server();
    server.set_time("2026-11-20T10:00:00Z".parse().unwrap());
    let client = server.client();
    let create = client.create_multipart_upload().bucket("b").key("k").send().await.unwrap();
    let upload = create.upload_id.unwrap();
    let mut parts = Vec::new();
    for number in 1..=2 {
        let part = client.upload_part().bucket("b").key("k").upload_id(&upload).part_number(number);
        let sent = part.body(ByteStream::from_static(b"small")).send().await.unwrap();
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build());
    }
    let complete = |parts: Vec<CompletedPart>| {
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        client.complete_multipart_upload().bucket("b").key("k").upload_id(&upload).multipart_upload(list)
    };
    let [first, second] = [parts[0].clone(), parts[1].clone()];
    assert_eq!(refusal(complete(parts).send().await), (400, "EntityTooSmall".into()));
    let turned = vec![second.clone(), first.clone()];
    assert_eq!(refusal(complete(turned).send().await), (400, "InvalidPartOrder".into()));
    let wrong = CompletedPart::builder().part_number(1).e_tag("\"0\"").build();
    assert_eq!(refusal(complete(vec![wrong]).send().await), (400, "InvalidPart".into()));
    server.set_time("2026-11-20T11:00:00Z".parse().unwrap());
    complete(vec![second]).send().await.unwrap();
    let head = head(&client).await;
    assert_eq!(head.content_length(), Some(5));
    assert_eq!(head.last_modified().unwrap().secs(), 1_795_168_800, "dated from the start, 10:00");
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let server = server();
    let client = server.client();
    let upload =
        client.create_multipart_upload().bucket("b").key("k").send().await.unwrap().upload_id.unwrap();
    let open = client.list_multipart_uploads().bucket("b").send().await.unwrap();
    assert_eq!(open.uploads()[0].upload_id(), Some(&*upload));
    let abort = client.abort_multipart_upload().bucket("b").key("k").upload_id(&upload);
    abort.clone().send().await.unwrap();
    assert_eq!(server.open_uploads("b"), 0);
    assert_eq!(refusal(abort.send().await), (404, "NoSuchUpload".into()));
    let id = server.put("b", "k", Put::synthetic(MIB));
    let part = client.upload_part_copy().bucket("b").key("k").upload_id(&upload).part_number(1);
    let part = part.copy_source(format!("b/k?versionId={id}")).send().await;
    assert_eq!(refusal(part), (404, "NoSuchUpload".into()));
}
