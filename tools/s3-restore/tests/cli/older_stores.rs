//! Stores that are older than a feature.

use testkit::s3::{Options, Put};

use crate::bench::{
    BUCKET, Eyes, deleted, overwritten, planned, rejected, restored, run, server_with, wanted,
};

#[test]
fn without_conditional_writes_it_says_so_once_and_goes_on() {
    let server = server_with(Options { no_conditional_writes: true, ..Options::default() });
    let mut records = Vec::new();
    for n in 0..20 {
        let (old, new) = overwritten(&server, &format!("k{n}"));
        records.push(planned(&format!("k{n}"), &old, "copy", &new));
    }
    let born = server.put(BUCKET, "born", Put::bytes("new"));
    records.push(planned("born", &born, "mark-deleted", &born));
    let output = run(server.url(), &["--delete-newer"], &records);
    output.assert_code(0);
    assert_eq!(output.stderr.matches("no conditional writes").count(), 1, "{}", output.stderr);
    let eyes = Eyes::on(&server);
    assert!((0..20).all(|n| eyes.body(&format!("k{n}")).as_deref() == Some("good")));
    assert!((0..20).all(|n| eyes.versions(&format!("k{n}")).len() == 3));
    assert_eq!(eyes.body("born"), None);

    let (old, stale) = overwritten(&server, "changed");
    server.put(BUCKET, "changed", Put::bytes("theirs"));
    assert_eq!(
        rejected(&run(server.url(), &[], &[planned("changed", &old, "copy", &stale)])),
        "changed-since"
    );
}

#[test]
fn where_conditions_are_ignored_the_version_id_still_guards() {
    let server = server_with(Options { ignore_conditional_writes: true, ..Options::default() });
    let (old, stale) = overwritten(&server, "a.jpg");
    server.put(BUCKET, "a.jpg", Put::bytes("theirs"));
    assert_eq!(rejected(&run(server.url(), &[], &[planned("a.jpg", &old, "copy", &stale)])), "changed-since");
}

#[test]
fn without_checksums_the_etag_verifies() {
    let server = server_with(Options { no_checksums: true, ..Options::default() });
    let (old, new) = overwritten(&server, "a.jpg");
    let output = run(server.url(), &[], &[planned("a.jpg", &old, "copy", &new)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["verified"], "etag");
    let again = run(server.url(), &[], &[planned("a.jpg", &old, "copy", &new)]);
    assert_eq!(restored(&again)["action"], "already");
}

#[test]
fn without_any_digest_the_size_is_all_that_is_compared() {
    let server = server_with(Options { no_checksums: true, ..Options::default() });
    let secret = || {
        Put::bytes("good")
            .header("x-amz-server-side-encryption", "aws:kms")
            .header("x-amz-server-side-encryption-aws-kms-key-id", "k")
    };
    let old = server.put(BUCKET, "a.jpg", secret());
    let new = server.put(BUCKET, "a.jpg", Put::bytes("bad!!"));
    let output = run(server.url(), &[], &[planned("a.jpg", &old, "copy", &new)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["verified"], "size");
}

#[test]
fn without_tags_everything_else_works() {
    let server = server_with(Options { no_tagging: true, ..Options::default() });
    let (old, new) = overwritten(&server, "a.jpg");
    let record = [planned("a.jpg", &old, "copy", &new)];
    assert_eq!(restored(&run(server.url(), &[], &record))["action"], "copy");
    assert_eq!(restored(&run(server.url(), &[], &record))["action"], "already");
    let large = server.put(BUCKET, "large", Put::synthetic(6 << 30));
    server.put(BUCKET, "large", Put::bytes("bad"));
    let output = run(server.url(), &[], &[wanted("large", &large)]);
    output.assert_code(0);
    assert_eq!(restored(&output)["action"], "copy");
}

#[test]
fn lists_that_part_versions_from_markers_are_put_in_order() {
    let options =
        Options { split_lists: true, no_encoding_type: true, fine_timestamps: true, ..Options::default() };
    let server = server_with(options);
    let (old, marker) = deleted(&server, "undeleted");
    let (beneath, _) = overwritten(&server, "copied");
    server.put(BUCKET, "copied", Put::marker());
    let output = run(server.url(), &[], &[wanted("undeleted", &old), wanted("copied", &beneath)]);
    output.assert_code(0);
    for record in output.records() {
        let restore = &record["restore"];
        if record["key"] == "undeleted" {
            assert_eq!(
                (&restore["action"], &restore["previous_version_id"]),
                (&"undelete".into(), &marker.clone().into())
            );
        } else {
            assert_eq!(restore["action"], "copy");
        }
    }
}
