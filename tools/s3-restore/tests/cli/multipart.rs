//! Copies in parts: of what is large, and of what was uploaded in parts.

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use testkit::fault::{Fault, Plan, Proxy, Rule};
use testkit::s3::{Options, Put, Server};

use crate::bench::{
    BUCKET, Eyes, lines, planned, rejected, restored, run, server, server_with, tool, wanted,
};

const MIB: usize = 1 << 20;

/// Uploads an object in parts of these sizes, as clients do, and returns its version id and ETag.
fn upload(eyes: &Eyes, key: &str, sizes: &[usize], algorithm: Option<ChecksumAlgorithm>) -> (String, String) {
    eyes.with(async |s3| {
        let create = s3.create_multipart_upload().bucket(BUCKET).key(key).content_type("image/x");
        let id = create.set_checksum_algorithm(algorithm.clone()).send().await.unwrap().upload_id.unwrap();
        let mut parts = Vec::new();
        for (number, size) in (1..).zip(sizes) {
            let byte = u8::try_from(number).unwrap();
            let part = s3.upload_part().bucket(BUCKET).key(key).upload_id(&id).part_number(number);
            let part = part.set_checksum_algorithm(algorithm.clone()).body(vec![byte; *size].into());
            let sent = part.send().await.unwrap();
            parts.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(sent.e_tag)
                    .set_checksum_sha256(sent.checksum_sha256)
                    .build(),
            );
        }
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = s3.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(&id);
        let done = complete.multipart_upload(list).send().await.unwrap();
        (done.version_id.unwrap(), done.e_tag.unwrap())
    })
}

#[test]
fn what_is_over_5_gib_is_copied_in_parts() {
    let server = server();
    let old = server.put(BUCKET, "large", Put::synthetic(6 << 30));
    let new = server.put(BUCKET, "large", Put::bytes("bad"));
    let record = [planned("large", &old, "copy", &new)];
    let output = run(server.url(), &[], &record);
    output.assert_code(0);
    let done = restored(&output);
    assert_eq!(done["action"], "copy");
    assert_eq!(done["verified"], "checksum");
    assert_eq!(done["bytes"], 6u64 << 30);
    assert_eq!(server.count("CopyObject"), 0);
    assert_eq!(server.open_uploads(BUCKET), 0);
    let sent = server.requests();
    let parts: Vec<_> = sent.iter().filter(|request| request.operation == "UploadPartCopy").collect();
    assert!(parts.len() > 1);
    assert!(parts.iter().all(|part| part.header("x-amz-copy-source-if-match").is_some()));
    let complete = sent.iter().find(|request| request.operation == "CompleteMultipartUpload").unwrap();
    assert!(complete.header("if-match").is_some());

    let again = run(server.url(), &[], &record);
    assert_eq!(restored(&again)["action"], "already");
}

#[test]
fn five_gib_are_copied_at_once() {
    let server = server();
    let old = server.put(BUCKET, "large", Put::synthetic(5 << 30));
    server.put(BUCKET, "large", Put::bytes("bad"));
    run(server.url(), &[], &[wanted("large", &old)]).assert_code(0);
    assert_eq!(server.count("CopyObject"), 1);
    assert_eq!(server.count("CreateMultipartUpload"), 0);
}

#[test]
fn parts_are_kept_where_nothing_else_can_be_compared() {
    let server = server_with(Options { no_checksums: true, ..Options::default() });
    let eyes = Eyes::on(&server);
    for (key, sizes) in
        [("even", &[5 * MIB, 5 * MIB, 7][..]), ("odd", &[5 * MIB, 6 * MIB, 5 * MIB, 1]), ("one", &[3])]
    {
        let (old, etag) = upload(&eyes, key, sizes, None);
        let new = server.put(BUCKET, key, Put::bytes("bad"));
        let record = [planned(key, &old, "copy", &new)];
        let output = run(server.url(), &[], &record);
        output.assert_code(0);
        assert_eq!(restored(&output)["verified"], "etag", "{key}");
        assert_eq!(eyes.head(key).e_tag(), Some(&*etag), "{key}");
        assert_eq!(eyes.head(key).content_type(), Some("image/x"), "{key}");
        let again = run(server.url(), &[], &record);
        assert_eq!(restored(&again)["action"], "already", "{key}");
    }
    assert_eq!(server.count("CopyObject"), 0);
}

#[test]
fn a_checksum_of_parts_comes_out_the_same() {
    let server = server();
    let eyes = Eyes::on(&server);
    let (old, etag) = upload(&eyes, "a", &[5 * MIB, 9], Some(ChecksumAlgorithm::Sha256));
    server.put(BUCKET, "a", Put::bytes("bad"));
    let output = run(server.url(), &[], &[wanted("a", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["verified"], "checksum");
    assert_eq!(eyes.head("a").e_tag(), Some(&*etag));
    assert_eq!(server.count("UploadPartCopy"), 2);
}

#[test]
fn a_checksum_of_the_whole_makes_parts_unnecessary() {
    let server = server();
    let old = server.put(BUCKET, "a", Put::bytes("good").parts(&[4]));
    server.put(BUCKET, "a", Put::bytes("bad"));
    let output = run(server.url(), &[], &[wanted("a", &old)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["verified"], "checksum");
    assert_eq!(server.count("CreateMultipartUpload"), 0);
}

fn large(server: &Server) -> String {
    let old = server.put(BUCKET, "large", Put::synthetic(6 << 30));
    let new = server.put(BUCKET, "large", Put::bytes("current"));
    lines(&[planned("large", &old, "copy", &new)])
}

#[test]
fn a_part_that_fails_leaves_no_upload_behind() {
    let server = server();
    let denied = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned();
    let fault = Fault::Answer { status: 403, body: denied };
    let proxy =
        Proxy::start(server.url(), Plan::new(1).rule(Rule::new(fault).operation("UploadPartCopy").nth(5)));
    let output = tool(proxy.url()).stdin(large(&server)).run();
    assert_eq!(rejected(&output), "access-denied");
    assert_eq!(proxy.count("Answer"), 1);
    assert_eq!(server.open_uploads(BUCKET), 0);
    assert_eq!(Eyes::on(&server).body("large").as_deref(), Some("current"));
}

#[test]
fn a_write_during_the_parts_wins_and_no_upload_is_left_behind() {
    let server = std::sync::Arc::new(server());
    let input = large(&server);
    let writer = std::sync::Arc::clone(&server);
    let race = Rule::new(Fault::Hang).matching(move |seen| {
        if seen.operation == "CompleteMultipartUpload" {
            writer.put(BUCKET, "large", Put::bytes("written meanwhile"));
        }
        false
    });
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(race));
    let output = tool(proxy.url()).stdin(input).run();
    assert_eq!(rejected(&output), "changed-since");
    assert_eq!(server.open_uploads(BUCKET), 0);
    assert_eq!(Eyes::on(&server).body("large").as_deref(), Some("written meanwhile"));
}

#[test]
fn a_lost_answer_to_the_completion_is_found_out() {
    let server = server();
    let lost = Rule::new(Fault::ResetAfter).operation("CompleteMultipartUpload").nth(1);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(lost));
    let output = tool(proxy.url()).stdin(large(&server)).run();
    output.assert_code(0);
    assert_eq!(proxy.count("ResetAfter"), 1);
    assert_eq!(restored(&output)["action"], "copy");
    let eyes = Eyes::on(&server);
    assert_eq!(eyes.versions("large").len(), 3);
    assert_eq!(restored(&output)["version_id"], eyes.entries("large")[0].version_id);
}

#[test]
fn a_signal_in_the_middle_aborts_the_upload() {
    let server = server();
    let stuck = Rule::new(Fault::Hang).operation("UploadPartCopy").nth(20);
    let proxy = Proxy::start(server.url(), Plan::new(1).rule(stuck));
    let running = tool(proxy.url()).stdin(large(&server)).spawn();
    while proxy.count("Hang") == 0 {
        std::thread::yield_now();
    }
    running.signal("INT");
    let output = running.wait();
    assert_eq!(output.signal, Some(2));
    assert_eq!(output.rejects()[0]["error"]["kind"], "interrupted");
    assert_eq!(output.rejects()[0]["error"]["retryable"], true);
    assert_eq!(server.open_uploads(BUCKET), 0);
}
