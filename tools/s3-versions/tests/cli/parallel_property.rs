//! For any bucket, any store and any number of workers: a parallel listing says what a sequential one says.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use testkit::s3::Server;
use testkit::tool::Output;

use super::parallel::{Case, case};
use super::parallel_views::{Answer, View};
use super::tool;

/// Lists to success.
fn lists(server: &Server, case: &Case, view: View, more: &[String]) -> Output {
    let output = tool(server).args(case.place()).args(view.flags(&case.at)).args(more).run();
    output.assert_code(0);
    output
}

/// The lines of each key, which must follow each other.
pub fn by_key(text: &str) -> Result<BTreeMap<String, Vec<&str>>, TestCaseError> {
    let key = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["key"].as_str().unwrap().to_owned()
    };
    let lines: Vec<_> = text.lines().map(|line| (key(line), line)).collect();
    let mut keys = BTreeMap::new();
    for same in lines.chunk_by(|a, b| a.0 == b.0) {
        let of_key = same.iter().map(|(_, line)| *line).collect();
        prop_assert!(keys.insert(same[0].0.clone(), of_key).is_none(), "{:?} came twice", same[0].0);
    }
    Ok(keys)
}

/// What the server holds under the prefix: key, version id, whether it is the latest and whether a delete marker.
fn held(server: &Server, case: &Case) -> Vec<(String, String, bool, bool)> {
    let under = |key: &String| key.starts_with(&case.prefix);
    let versions = server.versions("photos").into_iter().filter(|kept| under(&kept.key));
    versions.map(|kept| (kept.key, kept.version_id, kept.latest, kept.marker)).collect()
}

fn shown(records: &[Value]) -> Vec<(String, String, bool, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let flag = |value: &Value| value.as_bool().unwrap();
    let entry = |record: &Value| {
        (
            text(&record["key"]),
            text(&record["version_id"]),
            flag(&record["is_latest"]),
            flag(&record["delete_marker"]),
        )
    };
    records.iter().map(entry).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn many_workers_write_what_one_writes(case in case()) {
        let server = case.server();
        let one = ["--concurrency=1".to_owned()];
        let all = lists(&server, &case, View::Every, &one).records();
        prop_assert_eq!(shown(&all), held(&server, &case));
        for view in View::ALL {
            let sequential = lists(&server, &case, view, &one);
            let answers: Vec<_> = sequential.records().iter().map(Answer::read).collect();
            prop_assert_eq!(answers, view.answers(&case.at, &all));
            let parallel = lists(&server, &case, view, &case.workers());
            prop_assert_eq!(by_key(parallel.text())?, by_key(sequential.text())?, "{:?}", view);
            let ordered = lists(&server, &case, view, &[case.workers(), vec!["--ordered".into()]].concat());
            prop_assert_eq!(ordered.text(), sequential.text(), "{:?}", view);
        }
    }
}
