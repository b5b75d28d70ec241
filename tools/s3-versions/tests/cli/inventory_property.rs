//! For any bucket: a report answers as the listing does, or says that it cannot.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use testkit::s3::Server;

use super::inventory_report::{Report, URL};
use super::{clock, delete, list, put, server, tool};

/// Writes to one key, oldest first: whether it is a delete marker, and how many seconds later than the one before.
type History = Vec<(bool, u32)>;

fn history() -> impl Strategy<Value = History> {
    prop::collection::vec((any::<bool>(), 0u32..3), 1..5)
}

fn content() -> impl Strategy<Value = BTreeMap<String, History>> {
    let key = prop_oneof!["[ab+% \"\n,]{1,3}", "p/[^\u{0}]{1,3}", "[é中😀]{1,2}"];
    prop::collection::btree_map(key, history(), 1..8)
}

fn filled(content: &BTreeMap<String, History>) -> Server {
    let server = server();
    for (key, history) in content {
        let mut second = 0;
        for (marker, step) in history {
            second += step;
            let time = format!("10:00:{second:02}");
            match marker {
                true => delete(&server, key, &time),
                false => put(&server, key, &format!("{key}{second}"), &time),
            };
        }
    }
    server
}

/// The records by key, without what a report does not have.
fn by_key(records: Vec<Value>) -> BTreeMap<String, Vec<String>> {
    let mut keys = BTreeMap::<_, Vec<_>>::new();
    for mut record in records {
        record.as_object_mut().unwrap().remove("checksum_type");
        if let Some(markers) = record["plan"]["markers"].as_array_mut() {
            // In one second they are in no order.
            markers.sort_by_key(Value::to_string);
        }
        keys.entry(record["key"].as_str().unwrap().to_owned()).or_default().push(record.to_string());
    }
    keys
}

fn has_a_tie(history: &History) -> bool {
    history[1..].iter().any(|(_, step)| *step == 0)
}

/// Compares one view; what differs must be a key that was rejected for its versions of one second.
fn compare(server: &Server, content: &BTreeMap<String, History>, view: &[&str]) -> Result<(), TestCaseError> {
    let listed = by_key(list(server, view));
    let output = tool(server).args(["--inventory", URL]).args(view).run();
    let rejects: Vec<_> = output
        .rejects()
        .iter()
        .map(|reject| {
            assert_eq!(reject["error"]["kind"], "same-second");
            reject["record"]["key"].as_str().unwrap().to_owned()
        })
        .collect();
    output.assert_code(if rejects.is_empty() { 0 } else { 3 });
    let records = output.records();
    let keys: Vec<_> = records.iter().map(|record| record["key"].as_str().unwrap()).collect();
    prop_assert!(keys.is_sorted(), "{:?}", keys);
    let mut found = by_key(records);
    for key in rejects {
        prop_assert!(has_a_tie(&content[&key]), "{} has no tie", key);
        prop_assert!(!found.contains_key(&key));
        if let Some(answer) = listed.get(&key) {
            found.insert(key, answer.clone());
        }
    }
    prop_assert_eq!(found, listed);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_report_answers_as_the_listing_or_not_at_all(
        content in content(), files in 1usize..4, parquet: bool, second in 0u32..9
    ) {
        let server = filled(&content);
        let all = list(&server, &["s3://photos"]);
        let report = if parquet { Report::parquet(&all, files) } else { Report::csv(&all, files) };
        report.publish(&server);
        let at = clock(&format!("10:00:{second:02}"));
        for view in [
            &["--at", &at, "s3://photos"][..],
            &["--at", &at, "--all", "s3://photos/p/"],
            &["--deleted", "s3://photos"],
            &["--deleted", "--since", &at, "s3://photos"],
            &["--latest", "s3://photos"],
        ] {
            compare(&server, &content, view)?;
            let live = tool(&server).args(["--inventory", URL, "--verify-live"]).args(view).run();
            live.assert_code(0);
            prop_assert_eq!(by_key(live.records()), by_key(list(&server, view)));
        }
        let mut every = by_key(list(&server, &["--inventory", URL, "s3://photos"]));
        let mut listed = by_key(all);
        for (key, history) in &content {
            if has_a_tie(history) {
                every.get_mut(key).unwrap().sort();
                listed.get_mut(key).unwrap().sort();
            }
        }
        prop_assert_eq!(every, listed);
    }
}
