//! What the tests share: a server with one bucket, records for the tool, and a look at the keys afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use serde_json::{Value, json};
use testkit::s3::{Options, Put, Server};
use testkit::tool::{Output, Tool};

pub const BUCKET: &str = "photos";

/// A server with one versioned bucket.
pub fn server() -> Server {
    server_with(Options::default())
}

/// The same, with other options.
pub fn server_with(options: Options) -> Server {
    let server = Server::start(options);
    server.create_bucket(BUCKET);
    server
}

/// The tool, pointed at an endpoint.
pub fn tool(url: &str) -> Tool {
    Tool::new("s3-restore").endpoint(url)
}

/// Runs the tool on records.
pub fn run(url: &str, args: &[&str], records: &[Value]) -> Output {
    tool(url).args(args).stdin(lines(records)).run()
}

/// Records as JSON lines.
pub fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// The keys of records.
pub fn keys(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(|record| record["key"].as_str().unwrap().to_owned()).collect()
}

/// A record without a plan.
pub fn wanted(key: &str, version_id: &str) -> Value {
    json!({"bucket": BUCKET, "key": key, "version_id": version_id})
}

/// A record with a plan, as s3-versions writes it.
pub fn planned(key: &str, version_id: &str, action: &str, current: &str) -> Value {
    let plan =
        json!({"at": "2026-11-20T10:00:00Z", "action": action, "current_version_id": current, "markers": []});
    json!({"bucket": BUCKET, "key": key, "version_id": version_id, "plan": plan})
}

/// One entry of a key, as the server lists it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    pub version_id: String,
    pub delete_marker: bool,
}

/// The runtime on which a test looks at the server.
pub struct Eyes {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Eyes {
    pub fn on(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, client: server.client() }
    }

    /// Does something with the client.
    pub fn with<T>(&self, work: impl AsyncFnOnce(&Client) -> T) -> T {
        self.runtime.block_on(work(&self.client))
    }

    /// The current version of a key.
    pub fn head(&self, key: &str) -> HeadObjectOutput {
        self.with(async |s3| s3.head_object().bucket(BUCKET).key(key).send().await.unwrap())
    }

    /// The current bytes of a key, or nothing where it is deleted.
    pub fn body(&self, key: &str) -> Option<String> {
        self.body_in(BUCKET, key)
    }

    /// The same, in any bucket.
    pub fn body_in(&self, bucket: &str, key: &str) -> Option<String> {
        self.with(async |s3| {
            let got = s3.get_object().bucket(bucket).key(key).send().await.ok()?;
            Some(String::from_utf8(got.body.collect().await.unwrap().to_vec()).unwrap())
        })
    }

    /// All entries of a key, newest first.
    pub fn entries(&self, key: &str) -> Vec<Line> {
        self.with(async |s3| {
            let list = s3.list_object_versions().bucket(BUCKET).prefix(key).send().await.unwrap();
            let versions = list.versions().iter().filter(|version| version.key() == Some(key));
            let versions = versions.map(|version| (version.version_id(), version.is_latest(), false));
            let markers = list.delete_markers().iter().filter(|marker| marker.key() == Some(key));
            let markers = markers.map(|marker| (marker.version_id(), marker.is_latest(), true));
            let mut all: Vec<_> = versions.chain(markers).collect();
            all.sort_by_key(|(_, is_latest, _)| *is_latest != Some(true));
            let line = |(id, _, delete_marker): (Option<&str>, _, bool)| Line {
                version_id: id.unwrap().into(),
                delete_marker,
            };
            all.into_iter().map(line).collect()
        })
    }

    /// The ids of the data versions of a key.
    pub fn versions(&self, key: &str) -> Vec<String> {
        let data = self.entries(key).into_iter().filter(|line| !line.delete_marker);
        data.map(|line| line.version_id).collect()
    }
}

/// The `restore` field of the only record.
#[track_caller]
pub fn restored(output: &Output) -> Value {
    let records = output.records();
    assert_eq!(records.len(), 1, "one record: {}\n{}", output.text(), output.stderr);
    records[0]["restore"].clone()
}

/// The kind of the only reject.
#[track_caller]
pub fn rejected(output: &Output) -> String {
    let rejects = output.rejects();
    output.assert_code(3);
    assert_eq!((rejects.len(), output.records().len()), (1, 0), "one reject: {}", output.stderr);
    rejects[0]["error"]["kind"].as_str().unwrap().to_owned()
}

/// The message of the only reject.
#[track_caller]
pub fn message(output: &Output) -> String {
    output.rejects()[0]["error"]["message"].as_str().unwrap().to_owned()
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Old bytes under new ones: the ids of both.
pub fn overwritten(server: &Server, key: &str) -> (String, String) {
    let old = server.put(BUCKET, key, Put::bytes("good"));
    let new = server.put(BUCKET, key, Put::bytes("bad!!"));
    (old, new)
}

/// Keys that need a copy each: their records.
pub fn copies(server: &Server, count: usize) -> Vec<Value> {
    let record = |n| {
        let key = format!("k{n:03}");
        let (old, new) = overwritten(server, &key);
        planned(&key, &old, "copy", &new)
    };
    (0..count).map(record).collect()
}

/// Bytes under a delete marker: the ids of both.
pub fn deleted(server: &Server, key: &str) -> (String, String) {
    let old = server.put(BUCKET, key, Put::bytes("good"));
    let marker = server.put(BUCKET, key, Put::marker());
    (old, marker)
}
