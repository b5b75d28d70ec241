//! Objects, delete markers, conditions, tags, ACLs, encryption and archives in the fast S3.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object_tagging::GetObjectTaggingOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumMode, Delete, ObjectIdentifier, RestoreRequest, ServerSideEncryption,
    StorageClass, Tag, Tagging, VersioningConfiguration,
};
use testkit::client;
use testkit::s3::{Options, Put, Server};

fn server() -> Server {
    let server = Server::start(Options::default());
    server.create_bucket("b");
    server
}

async fn put(client: &Client, key: &str, body: &'static str) -> String {
    let put = client.put_object().bucket("b").key(key).body(ByteStream::from_static(body.as_bytes()));
    put.send().await.unwrap().version_id.unwrap()
}

/// Status and code of a refusal; the answer to a HEAD has no code.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> (u16, String) {
    let error = result.err().unwrap();
    let code = error.code().unwrap_or_default().to_owned();
    (error.raw_response().unwrap().status().as_u16(), code)
}

#[tokio::test]
async fn what_was_put_is_read_back_version_by_version() {
    let server = server();
    let client = server.client();
    let old = put(&client, "k", "old").await;
    let new = put(&client, "k", "newer").await;
    assert_ne!(old, new);
    let get = client.get_object().bucket("b").key("k");
    let latest = get.clone().send().await.unwrap();
    assert_eq!(
        (latest.version_id(), latest.e_tag()),
        (Some(&*new), Some("\"0c10f4a0c12ba89211235026b861263d\""))
    );
    assert_eq!(latest.body.collect().await.unwrap().into_bytes(), "newer");
    let first = get.clone().version_id(&old).range("bytes=1-1").send().await.unwrap();
    assert_eq!(first.content_range(), Some("bytes 1-1/3"));
    assert_eq!(first.body.collect().await.unwrap().into_bytes(), "l");
    assert_eq!(refusal(get.clone().version_id("nothing").send().await), (404, "NoSuchVersion".into()));
    assert_eq!(refusal(get.range("bytes=5-").send().await), (416, "InvalidRange".into()));
}

#[tokio::test]
async fn metadata_is_kept_per_version() {
    let server = server();
    let client = server.client();
    let id = client
        .put_object()
        .bucket("b")
        .key("k")
        .content_type("image/png")
        .cache_control("max-age=1")
        .metadata("a", "1")
        .tagging("x=1&y=a%20b")
        .storage_class(StorageClass::StandardIa)
        .website_redirect_location("/other")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("key-1")
        .bucket_key_enabled(true)
        .send()
        .await
        .unwrap()
        .version_id
        .unwrap();
    put(&client, "k", "plain").await;
    let head = client.head_object().bucket("b").key("k").version_id(id).send().await.unwrap();
    assert_eq!((head.content_type(), head.cache_control()), (Some("image/png"), Some("max-age=1")));
    assert_eq!(head.metadata().unwrap()["a"], "1");
    assert_eq!((head.storage_class(), head.tag_count()), (Some(&StorageClass::StandardIa), Some(2)));
    assert_eq!(head.website_redirect_location(), Some("/other"));
    assert_eq!((head.ssekms_key_id(), head.bucket_key_enabled()), (Some("key-1"), Some(true)));
    assert_ne!(head.e_tag(), Some("\"d41d8cd98f00b204e9800998ecf8427e\""), "no MD5 under SSE-KMS");
    let plain = client.head_object().bucket("b").key("k").send().await.unwrap();
    assert_eq!((plain.metadata().unwrap().len(), plain.tag_count(), plain.storage_class()), (0, None, None));
}

#[tokio::test]
async fn a_delete_marker_hides_and_its_removal_shows_again() {
    let server = server();
    let client = server.client();
    let id = put(&client, "k", "a").await;
    let deleted = client.delete_object().bucket("b").key("k").send().await.unwrap();
    let marker = deleted.version_id().unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));

    let head = client.head_object().bucket("b").key("k");
    let error = head.clone().send().await.unwrap_err();
    let headers = error.raw_response().unwrap().headers();
    assert_eq!(
        (headers.get("x-amz-delete-marker"), headers.get("x-amz-version-id")),
        (Some("true"), Some(marker))
    );
    assert_eq!(refusal(head.clone().send().await).0, 404);
    let error = head.clone().version_id(marker).send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().headers().get("x-amz-delete-marker"), Some("true"));
    assert_eq!(refusal(head.clone().version_id(marker).send().await).0, 405);
    let get = client.get_object().bucket("b").key("k").version_id(marker);
    assert_eq!(refusal(get.send().await), (405, "MethodNotAllowed".into()));

    let removed = client.delete_object().bucket("b").key("k").version_id(marker).send().await.unwrap();
    assert_eq!((removed.delete_marker(), removed.version_id()), (Some(true), Some(marker)));
    assert_eq!(head.send().await.unwrap().version_id(), Some(&*id));
    let gone = client.delete_object().bucket("b").key("k").version_id(&id).send().await.unwrap();
    assert_eq!((gone.delete_marker(), gone.version_id()), (None, Some(&*id)));
    assert!(client.list_object_versions().bucket("b").send().await.unwrap().versions().is_empty());
}

#[tokio::test]
async fn many_are_deleted_at_once_each_with_its_own_result() {
    let server = server();
    let client = server.client();
    let id = put(&client, "a&b", "x").await;
    let marker = server.put("b", "c", Put::marker());
    let locked = Put::bytes("").header("x-amz-object-lock-legal-hold", "ON");
    let held = server.put("b", "held", locked);
    let object = |key: &str, id: Option<&str>| {
        ObjectIdentifier::builder().key(key).set_version_id(id.map(str::to_owned)).build().unwrap()
    };
    let delete = Delete::builder()
        .objects(object("a&b", None))
        .objects(object("c", Some(&marker)))
        .objects(object("held", Some(&held)))
        .objects(object("never", Some("there")));
    let result = client.delete_objects().bucket("b").delete(delete.build().unwrap()).send().await.unwrap();
    let deleted: Vec<_> = result.deleted().iter().map(|d| (d.key().unwrap(), d.delete_marker())).collect();
    assert_eq!(deleted, [("a&b", Some(true)), ("c", Some(true)), ("never", None)]);
    assert_eq!(result.deleted()[1].delete_marker_version_id(), Some(&*marker));
    assert_eq!(result.errors()[0].code(), Some("AccessDenied"));
    assert!(client.head_object().bucket("b").key("a&b").version_id(id).send().await.is_ok(), "only hidden");
}

#[tokio::test]
async fn suspended_versioning_overwrites_the_null_version() {
    let server = server();
    let client = server.client();
    server.put("b", "k", Put::bytes("before versioning").version_id("null"));
    let id = put(&client, "k", "versioned").await;
    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    client.put_bucket_versioning().bucket("b").versioning_configuration(suspended).send().await.unwrap();
    let status = client.get_bucket_versioning().bucket("b").send().await.unwrap();
    assert_eq!(status.status(), Some(&BucketVersioningStatus::Suspended));
    assert_eq!(put(&client, "k", "suspended").await, "null");
    let ids = async || {
        let page = client.list_object_versions().bucket("b").send().await.unwrap();
        page.versions.unwrap_or_default().into_iter().map(|v| v.version_id.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, ["null", &id], "the old null version is gone and the new one is on top");
    let deleted = client.delete_object().bucket("b").key("k").send().await.unwrap();
    assert_eq!((deleted.delete_marker(), deleted.version_id()), (Some(true), Some("null")));
    assert_eq!(ids().await, [id]);
}

#[tokio::test]
async fn a_bucket_without_versioning_shows_no_ids() {
    let server = server();
    let client = server.client();
    client.create_bucket().bucket("plain").send().await.unwrap();
    assert_eq!(client.get_bucket_versioning().bucket("plain").send().await.unwrap().status(), None);
    let put = client.put_object().bucket("plain").key("k").send().await.unwrap();
    assert_eq!(put.version_id(), None);
    let page = client.list_object_versions().bucket("plain").send().await.unwrap();
    assert_eq!(page.versions()[0].version_id(), Some("null"));
    let deleted = client.delete_object().bucket("plain").key("k").send().await.unwrap();
    assert_eq!(deleted.delete_marker(), None);
    assert!(client.list_objects_v2().bucket("plain").send().await.unwrap().contents().is_empty());
}

#[tokio::test]
async fn conditions_guard_a_write() {
    let server = server();
    let client = server.client();
    let put = |key: &str| client.put_object().bucket("b").key(key);
    let etag = put("k").if_none_match("*").send().await.unwrap().e_tag.unwrap();
    assert_eq!(refusal(put("k").if_none_match("*").send().await), (412, "PreconditionFailed".into()));
    assert!(put("k").if_match(&etag).send().await.is_ok());
    assert_eq!(refusal(put("k").if_match("\"other\"").send().await), (412, "PreconditionFailed".into()));
    assert_eq!(refusal(put("absent").if_match(&etag).send().await), (404, "NoSuchKey".into()));
    server.put("b", "k", Put::marker());
    assert_eq!(refusal(put("k").if_match(&etag).send().await), (404, "NoSuchKey".into()));
    assert!(put("k").if_none_match("*").send().await.is_ok(), "a delete marker counts as absent");
}

#[tokio::test]
async fn older_stores_refuse_or_ignore_conditions() {
    let old = Server::start(Options { no_conditional_writes: true, ..Options::default() });
    old.create_bucket("b");
    let put = old.client().put_object().bucket("b").key("k").if_none_match("*");
    assert_eq!(refusal(put.send().await), (501, "NotImplemented".into()));
    let older = Server::start(Options { ignore_conditional_writes: true, ..Options::default() });
    older.create_bucket("b");
    older.put("b", "k", Put::bytes("x"));
    assert!(older.client().put_object().bucket("b").key("k").if_none_match("*").send().await.is_ok());
}

#[tokio::test]
async fn tags_and_acls_belong_to_one_version() {
    let server = server();
    let client = server.client();
    let old = put(&client, "k", "1").await;
    put(&client, "k", "2").await;
    let tag = Tag::builder().key("a<").value("b c").build().unwrap();
    let tagging = Tagging::builder().tag_set(tag.clone()).build().unwrap();
    client.put_object_tagging().bucket("b").key("k").version_id(&old).tagging(tagging).send().await.unwrap();
    let tags = client.get_object_tagging().bucket("b").key("k");
    let all = |output: GetObjectTaggingOutput| output.tag_set;
    assert_eq!(all(tags.clone().version_id(&old).send().await.unwrap()), [tag]);
    assert_eq!(all(tags.send().await.unwrap()), []);

    let public = client.put_object_acl().bucket("b").key("k").version_id(&old);
    public.acl(aws_sdk_s3::types::ObjectCannedAcl::PublicRead).send().await.unwrap();
    let acl = client.get_object_acl().bucket("b").key("k");
    let old_acl = acl.clone().version_id(&old).send().await.unwrap();
    let new_acl = acl.send().await.unwrap();
    assert_eq!((old_acl.grants().len(), new_acl.grants().len()), (2, 1));
    let policy = aws_sdk_s3::types::AccessControlPolicy::builder()
        .owner(old_acl.owner.clone().unwrap())
        .set_grants(old_acl.grants.clone())
        .build();
    client.put_object_acl().bucket("b").key("k").access_control_policy(policy).send().await.unwrap();
    let copied = client.get_object_acl().bucket("b").key("k").send().await.unwrap();
    assert_eq!(copied.grants(), old_acl.grants());
}

#[tokio::test]
async fn a_customer_key_is_needed_to_look() {
    let server = server();
    let client = server.client();
    let key = |md5: &'static str| {
        client
            .head_object()
            .bucket("b")
            .key("k")
            .sse_customer_algorithm("AES256")
            .sse_customer_key("a2V5")
            .sse_customer_key_md5(md5)
    };
    let put = client.put_object().bucket("b").key("k").sse_customer_algorithm("AES256");
    put.sse_customer_key("a2V5").sse_customer_key_md5("right").send().await.unwrap();
    assert_eq!(key("right").send().await.unwrap().sse_customer_key_md5(), Some("right"));
    assert_eq!(refusal(key("wrong").send().await).0, 403);
    assert_eq!(refusal(client.head_object().bucket("b").key("k").send().await).0, 400);
}

#[tokio::test]
async fn checksums_are_made_checked_and_shown_on_demand() {
    let server = server();
    let client = server.client();
    put(&client, "k", "123456789").await;
    let head = client.head_object().bucket("b").key("k");
    let shown = head.clone().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    // The SDK sends a CRC32 of its own accord; this is the check value of its definition, cbf43926.
    assert_eq!(shown.checksum_crc32(), Some("y/Q5Jg=="));
    assert_eq!(head.send().await.unwrap().checksum_crc32(), None);
    let wrong = client.put_object().bucket("b").key("k").checksum_crc32("AAAAAA==");
    assert_eq!(refusal(wrong.body(ByteStream::from_static(b"x")).send().await), (400, "BadDigest".into()));
    server.put("b", "seeded", Put::bytes("123456789"));
    let seeded = client.head_object().bucket("b").key("seeded").checksum_mode(ChecksumMode::Enabled);
    // ae8b14860a799888, the check value of CRC-64/NVME.
    assert_eq!(seeded.send().await.unwrap().checksum_crc64_nvme(), Some("rosUhgp5mIg="));
}

#[tokio::test]
async fn an_archived_version_has_to_be_thawed() {
    let server = server();
    let client = server.client();
    server.set_time("2026-11-20T10:00:00Z".parse().unwrap());
    server.put("b", "k", Put::bytes("x").storage_class("DEEP_ARCHIVE"));
    let get = client.get_object().bucket("b").key("k");
    let head = client.head_object().bucket("b").key("k");
    let restore = |days| {
        let wish = RestoreRequest::builder().set_days(days).build();
        client.restore_object().bucket("b").key("k").restore_request(wish)
    };
    assert_eq!(refusal(get.clone().send().await), (403, "InvalidObjectState".into()));
    assert!(restore(Some(2)).send().await.is_ok());
    assert_eq!(head.clone().send().await.unwrap().restore(), Some("ongoing-request=\"true\""));
    assert_eq!(refusal(restore(Some(2)).send().await), (409, "RestoreAlreadyInProgress".into()));
    assert_eq!(server.finish_restores(), 1);
    let until = "ongoing-request=\"false\", expiry-date=\"Sun, 22 Nov 2026 10:00:00 GMT\"";
    assert_eq!(head.send().await.unwrap().restore(), Some(until));
    assert!(get.clone().send().await.is_ok());
    server.set_time("2026-11-22T10:00:00Z".parse().unwrap());
    assert_eq!(refusal(get.send().await), (403, "InvalidObjectState".into()));

    server.put("b", "k", Put::bytes("x").archived("ARCHIVE_ACCESS"));
    assert_eq!(refusal(restore(Some(2)).send().await), (400, "MalformedXML".into()));
    assert!(restore(None).send().await.is_ok());
    assert_eq!(server.finish_restores(), 1);
    assert!(client.get_object().bucket("b").key("k").send().await.is_ok());
}

#[tokio::test]
async fn the_access_key_named_bad_is_refused_and_requests_are_logged() {
    let server = server();
    let bad = Client::from_conf(client::config(server.url(), "bad").build());
    assert_eq!(
        refusal(bad.list_object_versions().bucket("b").send().await),
        (403, "InvalidAccessKeyId".into())
    );
    assert_eq!(
        refusal(server.client().list_object_versions().bucket("none").send().await),
        (404, "NoSuchBucket".into())
    );
    let log = server.requests();
    assert_eq!((log.len(), server.count("ListObjectVersions")), (2, 2));
    assert_eq!((log[1].status, &*log[1].bucket, log[1].query("versions")), (404, "none", Some("")));
    server.clear_requests();
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_streamed_upload_arrives_without_its_frames() {
    let server = server();
    let client = server.client();
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    std::fs::write(file.path(), &bytes).unwrap();
    let body = ByteStream::from_path(file.path()).await.unwrap();
    client.put_object().bucket("b").key("k").body(body).send().await.unwrap();
    let sent = &server.requests()[0];
    assert!(sent.header("x-amz-content-sha256").unwrap().starts_with("STREAMING-"));
    assert_eq!(server.versions("b")[0].content.as_deref(), Some(&bytes[..]));
    assert_eq!(server.versions("b")[0].header("content-encoding"), None);
}

#[tokio::test]
async fn a_store_from_before_checksums_and_tags_has_none() {
    let server = Server::start(Options { no_checksums: true, no_tagging: true, ..Options::default() });
    server.create_bucket("b");
    let client = server.client();
    let stored = client.put_object().bucket("b").key("k").send().await.unwrap();
    assert_eq!(stored.checksum_crc32(), None);
    let head = client.head_object().bucket("b").key("k").checksum_mode(ChecksumMode::Enabled);
    assert_eq!(head.send().await.unwrap().checksum_crc32(), None);
    let copy = client.copy_object().bucket("b").key("c").copy_source("b/k").send().await.unwrap();
    assert_eq!(copy.copy_object_result().unwrap().checksum_crc32(), None);
    let refused = (501, "NotImplemented".to_owned());
    assert_eq!(refusal(client.get_object_tagging().bucket("b").key("k").send().await), refused);
    assert_eq!(refusal(client.put_object().bucket("b").key("k").tagging("a=1").send().await), refused);
}
