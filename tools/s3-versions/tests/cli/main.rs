//! Runs the real binary against a fast versioned S3 and against moto.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod at;
mod contract;
mod examples;
mod faults;
mod gate;
mod inventory;
mod inventory_faults;
mod inventory_live;
mod inventory_property;
mod inventory_report;
mod journal;
mod journal_files;
mod journal_tail;
mod keys;
mod keys_again;
mod list;
mod parallel;
mod parallel_cost;
mod parallel_crash;
mod parallel_faults;
mod parallel_property;
mod parallel_split;
mod parallel_views;
mod prefetch;
mod shard;
mod stores;

use serde_json::Value;
use testkit::s3::{Options, Put, Server};
use testkit::tool::{Output, Tool};

/// A server with the bucket `photos`.
fn server() -> Server {
    server_with(Options::default())
}

fn server_with(options: Options) -> Server {
    let server = Server::start(options);
    server.create_bucket("photos");
    server
}

fn tool(server: &Server) -> Tool {
    Tool::new("s3-versions").endpoint(server.url())
}

/// Runs to success.
fn list(server: &Server, args: &[&str]) -> Vec<Value> {
    let output: Output = tool(server).args(args).run();
    output.assert_code(0);
    output.records()
}

/// `HH:MM:SS` of the day of the tests.
fn clock(time: &str) -> String {
    format!("2026-11-20T{time}Z")
}

fn put(server: &Server, key: &str, content: &str, time: &str) -> String {
    server.put("photos", key, Put::bytes(content.to_owned()).at(&clock(time)))
}

fn delete(server: &Server, key: &str, time: &str) -> String {
    server.put("photos", key, Put::marker().at(&clock(time)))
}

fn texts<'a>(records: &'a [Value], field: &str) -> Vec<&'a str> {
    records.iter().map(|record| record[field].as_str().unwrap_or_default()).collect()
}
