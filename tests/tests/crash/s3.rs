//! S3 objects and the CDN before them: `s3-restore`, `cf-purge`, and the pipes of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_cloudfront::Client;
use serde_json::{Value, json};
use testkit::crash::{Case, Records, World, check, plain};
use testkit::s3::{Kept, Options, Put, Server};
use testkit::tool::Tool;
use testkit::{client, cloudfront, moto};

use crate::wait;

const AT: &str = "2026-11-20T10:00:00Z";
const KEYS: usize = 12;

/// Originals that were good at [`AT`]; since then a third was overwritten, a third deleted, and a third both.
fn damaged(marked: Option<&str>) -> Server {
    let server = Server::start(Options::default());
    server.create_bucket("photos");
    let marker = || marked.map_or_else(Put::marker, |time| Put::marker().at(time));
    for number in 0..KEYS {
        let key = format!("originals/{number:02}.jpg");
        let good = Put::bytes(format!("good {number}")).header("x-amz-meta-state", "good");
        server.put("photos", &key, good.at("2026-11-20T09:00:00Z"));
        if number % 3 != 1 {
            server.put("photos", &key, Put::bytes("worse").at("2026-11-20T11:00:00Z"));
        }
        if number % 3 != 0 {
            server.put("photos", &key, marker());
        }
    }
    server
}

fn shown(kept: &Kept) -> Value {
    let content = kept.content.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let meta = kept.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta"));
    json!([kept.key, kept.marker, content, meta.collect::<Vec<_>>()])
}

/// All versions, and what viewers see.
fn versions(server: &Server) -> Value {
    let all: Vec<_> = server.versions("photos").iter().map(shown).collect();
    json!({ "versions": all, "uploads": server.open_uploads("photos") })
}

fn seen(server: &Server) -> Value {
    let current = server.versions("photos");
    current.iter().filter(|kept| kept.latest && !kept.marker).map(shown).collect()
}

/// Each version as its key and its number from the oldest on.
fn numbered(server: &Server) -> Vec<(String, String)> {
    let versions = server.versions("photos");
    let older = |at: usize| versions[at + 1..].iter().filter(|other| other.key == versions[at].key).count();
    let name = |at: usize| format!("{}#{}", versions[at].key, older(at));
    (0..versions.len()).map(|at| (versions[at].version_id.clone(), name(at))).collect()
}

/// A bucket and a distribution; what was purged is a part of the state if that is asked for.
fn world(server: Server, purged: bool) -> World {
    let (server, distribution) = (Arc::new(server), wait(cloudfront::distribution()));
    let (of_state, of_current, of_names) = (Arc::clone(&server), Arc::clone(&server), Arc::clone(&server));
    let id = distribution.clone();
    World::new(move || {
        let paths: BTreeSet<_> = if purged { paths(&id).into_iter().collect() } else { BTreeSet::new() };
        json!({ "bucket": versions(&of_state), "purged": paths })
    })
    .current(move || seen(&of_current))
    .names(move || numbered(&of_names))
    .service("AWS_ENDPOINT_URL_S3", server.url())
    .service("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
    .word("EABC123", &distribution)
}

/// Every path of every invalidation. The same reference is the same invalidation, which is made and paid once (API
/// reference, `InvalidationBatch`); moto makes another.
fn paths(distribution: &str) -> Vec<String> {
    wait(async {
        let cloudfront = Client::new(&client::sdk(moto::endpoint()));
        let listed =
            cloudfront.list_invalidations().distribution_id(distribution).send().await.expect("a list");
        let mut made = BTreeMap::new();
        for one in listed.invalidation_list().map(|list| list.items()).unwrap_or_default() {
            let got = cloudfront.get_invalidation().distribution_id(distribution).id(one.id());
            let got = got.send().await.expect("an invalidation").invalidation;
            let batch = got.and_then(|one| one.invalidation_batch).expect("a batch");
            made.insert(
                batch.caller_reference,
                batch.paths.and_then(|paths| paths.items).unwrap_or_default(),
            );
        }
        let mut paths: Vec<_> = made.into_values().flatten().collect();
        paths.sort();
        paths
    })
}

fn listed(server: &Server, args: &[&str]) -> Vec<u8> {
    let output = Tool::new("s3-versions").endpoint(server.url()).args(args).run();
    output.assert_code(0);
    output.stdout
}

/// The whole way, with the plan in a file.
fn planned() -> World {
    let server = damaged(Some("2026-11-20T11:30:00Z"));
    let plan = listed(&server, &["--at", AT, "s3://photos/originals/"]);
    world(server, true).file("plan.jsonl", plan)
}

/// Good versions by their ids, and no plan.
fn unplanned() -> World {
    let server = damaged(Some("2026-11-20T11:30:00Z"));
    let all = listed(&server, &["s3://photos/originals/"]);
    let good = String::from_utf8_lossy(&all).into_owned();
    let good: String =
        good.lines().filter(|line| line.contains("T09:00:00")).map(|line| format!("{line}\n")).collect();
    world(server, true).file("versions.jsonl", good)
}

fn of_purge(record: &mut Value) {
    plain::hidden(record, &["invalidation_id", "created", "caller_reference", "run_id"]);
}

#[test]
fn s3_restore() {
    check(&Case {
        undo: Some("s3-restore --undo < undo.jsonl"),
        seeds: 8,
        ..Case::new("s3-restore", "s3-restore --journal restore.journal < plan.jsonl > log.jsonl", planned)
    });
}

#[test]
fn s3_restore_without_plans() {
    check(&Case {
        undo: Some("s3-restore --undo < undo.jsonl"),
        seeds: 8,
        ..Case::new(
            "s3-restore-unplanned",
            "s3-restore --journal restore.journal < versions.jsonl > log.jsonl",
            unplanned,
        )
    });
}

/// A purge that was made twice was paid twice.
fn purged_once() -> World {
    let (server, distribution) = (damaged(Some("2026-11-20T11:30:00Z")), wait(cloudfront::distribution()));
    let plan = listed(&server, &["--at", AT, "s3://photos/originals/"]);
    let id = distribution.clone();
    World::new(move || paths(&id).into())
        .service("AWS_ENDPOINT_URL_CLOUDFRONT", moto::endpoint())
        .word("EABC123", &distribution)
        .file("restored.jsonl", plan)
}

#[test]
fn cf_purge() {
    check(&Case {
        plain: of_purge,
        seeds: 8,
        ..Case::new(
            "cf-purge",
            "cf-purge --distribution-id EABC123 --journal purge.journal --wait < restored.jsonl > purged.jsonl",
            purged_once,
        )
    });
}

/// The chain of the runbook, whose journals make every run of it the same.
pub fn chain() {
    journalled(
        "restore-tee-purge",
        "s3-restore --journal journal.jsonl --rejects restore-rejects.jsonl <plan.jsonl | \
         tee restore.jsonl.part | \
         cf-purge --distribution-id EABC123 --wait --journal purge.journal --rejects purge-rejects.jsonl \
         >purge.jsonl.part",
    );
}

/// A plan in a file, and a journal for each stage: the last run tells all.
pub fn journalled(name: &'static str, line: &'static str) {
    check(&Case { plain: of_purge, ..Case::new(name, line, planned) });
}

/// A listing that goes straight into a restore, without a journal: what the first run brought back is not listed again, so
/// that neither its record nor its purge comes again either. Only the bucket must be the same.
pub fn straight(name: &'static str, line: &'static str, world: fn() -> World) {
    check(&Case { records: Records::OfNone, plain: of_purge, ..Case::new(name, line, world) });
}

pub fn by_time() -> World {
    let server = damaged(Some("2026-11-20T11:30:00Z"));
    let plan = listed(&server, &["--at", AT, "s3://photos/originals/"]);
    report(&server);
    world(server, false).file("plan.jsonl", plan)
}

pub fn deleted() -> World {
    world(damaged(None), false)
}

/// A report of all versions, as S3 Inventory writes it.
fn report(server: &Server) {
    let versions = listed(server, &["s3://photos/"]);
    let versions = String::from_utf8_lossy(&versions).into_owned();
    let rows = versions.lines().map(|line| {
        let record: Value = serde_json::from_str(line).expect("a record");
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let size = record["size"].as_u64().map(|size| size.to_string()).unwrap_or_default();
        let (latest, marker) = (record["is_latest"].to_string(), record["delete_marker"].to_string());
        let cells = [
            "photos".to_owned(),
            text("key"),
            text("version_id"),
            latest,
            marker,
            size,
            text("last_modified"),
        ];
        cells.map(|cell| format!("\"{cell}\"")).join(",") + "\n"
    });
    let data = Tool::bash("gzip -c").stdin(rows.collect::<String>()).run().stdout;
    let sum = |content: &[u8]| {
        let sum = Tool::bash("md5sum | cut -d ' ' -f 1").stdin(content).run();
        sum.text().trim().to_owned()
    };
    let created: jiff::Timestamp = "2026-11-21T01:00:00Z".parse().expect("a time");
    let manifest = json!({
        "sourceBucket": "photos",
        "destinationBucket": "arn:aws:s3:::inv",
        "version": "2016-11-30",
        "creationTimestamp": created.as_millisecond().to_string(),
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate",
        "files": [{ "key": "photos/all/data/0.csv.gz", "size": data.len(), "MD5checksum": sum(&data) }],
    })
    .to_string();
    server.create_bucket("inv");
    server.put("inv", "photos/all/2026-11-21T01-00Z/manifest.checksum", Put::bytes(sum(manifest.as_bytes())));
    server.put("inv", "photos/all/2026-11-21T01-00Z/manifest.json", Put::bytes(manifest));
    server.put("inv", "photos/all/data/0.csv.gz", Put::bytes(data));
}

/// A bucket that is listed in some pages.
fn large() -> World {
    let server = Server::start(Options { max_page: 10, ..Options::default() });
    server.create_bucket("photos");
    for number in 0..90 {
        server.put("photos", &format!("{number:02}.jpg"), Put::bytes("x").at("2026-11-20T09:00:00Z"));
    }
    world(server, false)
}

#[test]
fn s3_versions_with_a_journal() {
    check(&Case {
        seeds: 8,
        ..Case::new(
            "s3-versions",
            "s3-versions --journal listing.jsonl s3://photos/ >> versions.jsonl",
            large,
        )
    });
}
