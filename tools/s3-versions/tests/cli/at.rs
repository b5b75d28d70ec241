//! `--at`: the plan for each key whose state then differs from now.

use serde_json::{Value, json};
use testkit::moto;

use super::{clock, delete, list, put, server, texts};

fn at(server: &testkit::s3::Server, time: &str, args: &[&str]) -> Vec<Value> {
    list(server, &[&["--at", clock(time).as_str(), "s3://photos"], args].concat())
}

#[test]
fn an_overwritten_key_is_copied_back() {
    let server = server();
    let good = put(&server, "a", "good", "10:00:00");
    let bad = put(&server, "a", "bad", "10:00:01");
    let records = at(&server, "10:00:00", &[]);
    assert_eq!(texts(&records, "version_id"), [good.as_str()]);
    let etag = &list(&server, &["--latest", "s3://photos"])[0]["etag"];
    let plan = json!({
        "at": clock("10:00:00"), "action": "copy", "current_version_id": bad, "current_etag": etag, "markers": [],
    });
    assert_eq!(records[0]["plan"], plan);
    assert_eq!(at(&server, "10:00:01", &[]).len(), 0);
}

#[test]
fn a_deleted_key_needs_its_markers_removed() {
    let server = server();
    let good = put(&server, "a", "good", "10:00:00");
    let first = delete(&server, "a", "10:00:05");
    let second = delete(&server, "a", "10:00:06");
    let record = &at(&server, "10:00:00", &[])[0];
    assert_eq!(record["version_id"], good.as_str());
    let plan = json!({
        "at": clock("10:00:00"), "action": "undelete", "current_version_id": second, "markers": [second, first],
    });
    assert_eq!(record["plan"], plan);
}

#[test]
fn a_marker_over_a_newer_version_is_no_way_back() {
    let server = server();
    let good = put(&server, "a", "good", "10:00:00");
    put(&server, "a", "bad", "10:00:01");
    delete(&server, "a", "10:00:02");
    let record = &at(&server, "10:00:00", &[])[0];
    assert_eq!(
        (record["version_id"].as_str(), record["plan"]["action"].as_str()),
        (Some(good.as_str()), Some("copy"))
    );
}

#[test]
fn a_key_born_later_is_to_be_marked_deleted() {
    let server = server();
    let born = put(&server, "a", "new", "10:00:01");
    put(&server, "b", "old", "09:00:00");
    delete(&server, "b", "09:00:01");
    let reborn = put(&server, "b", "new", "10:00:01");
    let records = at(&server, "10:00:00", &[]);
    assert_eq!(texts(&records, "version_id"), [born, reborn]);
    assert!(records.iter().all(|record| record["plan"]["action"] == "mark-deleted"));
}

#[test]
fn versions_of_one_second_are_taken_in_the_order_of_the_list() {
    let server = server();
    put(&server, "a", "1", "10:00:00");
    delete(&server, "a", "10:00:00");
    let last = put(&server, "a", "2", "10:00:00");
    put(&server, "b", "1", "10:00:00");
    delete(&server, "b", "10:00:00");
    for key in ["a", "b"] {
        put(&server, key, "damage", "10:00:01");
    }
    let records = at(&server, "10:00:00", &[]);
    assert_eq!(records[0]["version_id"], last.as_str());
    assert_eq!(records[0]["plan"]["action"], "copy");
    assert_eq!(records[1]["plan"]["action"], "mark-deleted");
}

#[test]
fn all_shows_the_keys_that_need_nothing() {
    let server = server();
    put(&server, "a", "1", "10:00:00");
    put(&server, "b", "1", "10:00:00");
    delete(&server, "b", "10:00:00");
    assert_eq!(at(&server, "11:00:00", &[]).len(), 0);
    let records = at(&server, "11:00:00", &["--all"]);
    assert_eq!(texts(&records, "key"), ["a", "b"]);
    assert!(records.iter().all(|record| record["plan"]["action"] == "none"));
}

#[test]
fn conditions_on_keys_and_sizes_hold_for_plans() {
    let server = server();
    for key in ["a.jpg", "b.png"] {
        put(&server, key, "good", "10:00:00");
        put(&server, key, "worse", "10:00:01");
    }
    assert_eq!(texts(&at(&server, "10:00:00", &["--match", "*.jpg"]), "key"), ["a.jpg"]);
    assert_eq!(at(&server, "10:00:00", &["--max-size", "4"]).len(), 2);
    assert_eq!(at(&server, "10:00:00", &["--min-size", "5"]).len(), 0);
}

#[test]
fn an_epoch_is_an_instant_too() {
    let server = server();
    put(&server, "a", "good", "10:00:00");
    delete(&server, "a", "10:00:01");
    let records = list(&server, &["--at", "@1795168800", "s3://photos"]);
    assert_eq!(records[0]["plan"]["at"], clock("10:00:00"));
}

/// moto writes all versions of a page before its delete markers, and all of this happens within a second or two.
#[tokio::test]
async fn a_store_that_splits_its_lists_is_asked_for_the_order() {
    let (s3, bucket) = (moto::s3(), moto::bucket("split").await);
    let mut written = Vec::new();
    for key in ["a", "b", "a", "b", "b"] {
        let put =
            s3.put_object().bucket(&bucket).key(key).body(written.len().to_string().into_bytes().into());
        written.push((key, put.send().await.unwrap().version_id.unwrap()));
        let delete = s3.delete_object().bucket(&bucket).key(key).send().await.unwrap();
        written.push((key, delete.version_id.unwrap()));
    }
    let url = format!("s3://{bucket}");
    let output = testkit::tool::Tool::new("s3-versions").endpoint(moto::endpoint()).arg(url).run();
    output.assert_code(0);
    let of_key =
        |wanted| written.iter().rev().filter(move |(key, _)| *key == wanted).map(|(_, id)| id.as_str());
    let expected: Vec<_> = of_key("a").chain(of_key("b")).collect();
    assert_eq!(texts(&output.records(), "version_id"), expected);
}
